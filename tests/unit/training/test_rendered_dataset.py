import pytest
import torch
from torch.utils.data import DataLoader

from captcha_core.rendering import open_renderer
from captcha_core.spec import Spec
from captcha_core.training.rendered_dataset import RenderedDataset

SPEC = Spec.make(width=60, height=40, lengths=2)


def _stream(**options):
    return RenderedDataset(SPEC, seed=5, batch_size=4, batches=7, **options)


def test_batches_are_the_renderers():
    images, texts = next(iter(_stream()))
    expected, labels = open_renderer(SPEC).batch(5, 0, 0, 4)
    assert images.dtype == torch.uint8
    assert (images.numpy() == expected).all()
    assert texts == labels


@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_workers_gives_the_same_stream(workers):
    alone = [texts for _, texts in _stream()]
    shared = [texts for _, texts in DataLoader(_stream(), batch_size=None, num_workers=workers)]
    assert shared == alone
    assert len({tuple(texts) for texts in alone}) == 7


def test_ranks_share_the_batches_out():
    alone = [texts for _, texts in _stream()]
    ranks = [[texts for _, texts in _stream(rank=rank, world_size=3)] for rank in range(3)]
    assert [len(found) for found in ranks] == [3, 2, 2]
    assert ranks[1] == alone[1::3]


def test_a_rank_that_is_none_is_refused():
    with pytest.raises(ValueError, match="rank"):
        RenderedDataset(SPEC, rank=2, world_size=2)
