"""Fresh images for a training loop of one's own: a PyTorch dataset without files."""

from collections.abc import Iterator

import torch
from torch.utils.data import IterableDataset, get_worker_info

from ..rendering import open_renderer
from ..spec import Spec

Batch = tuple[torch.Tensor, list[str]]


class RenderedDataset(IterableDataset[Batch]):
    """Batches of freshly rendered images, shared out between workers and ranks.

    Batch *b* depends on (spec, seed, *b*) alone. A `DataLoader` with ``batch_size=None`` and
    any number of workers gives the batches of its rank in the same order.

    Parameters
    ----------
    spec
        How images look.
    seed
        Of the whole stream.
    batch_size
        Images a batch.
    batches
        Batches of all ranks together; None for an endless stream.
    rank, world_size
        Which of how many processes this is; each gets every `world_size`-th batch.

    Yields
    ------
    images
        uint8 tensor of shape (batch_size, height, width, 3).
    texts
        `batch_size` labels.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        seed: int = 0,
        batch_size: int = 128,
        batches: int | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank is 0 … {world_size - 1}, not {rank}")
        self.spec = spec
        self.seed = seed
        self.batch_size = batch_size
        self.batches = batches
        self.rank = rank
        self.world_size = world_size

    def __iter__(self) -> Iterator[Batch]:
        renderer = open_renderer(self.spec)
        worker = get_worker_info()
        worker_id, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        number = self.rank + self.world_size * worker_id
        while self.batches is None or number < self.batches:
            images, texts = renderer.batch(self.seed, number, 0, self.batch_size)
            yield torch.from_numpy(images), texts
            number += self.world_size * workers
