"""Verification of a finished dataset: all bytes by digest, and some images by rendering them again."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import CapqError
from .dataset import Dataset
from .layouts import LAYOUTS


@dataclass(frozen=True)
class Verdict:
    """The result of verifying one shard.

    Attributes
    ----------
    images, rendered
        Number of images compared with the recorded digest, and with a new rendering.
    fault
        What is wrong; empty if the shard is intact.
    """

    shard: int
    images: int
    rendered: int = 0
    fault: str = ""


def verify(dataset: Dataset, *, render: int = 0) -> Iterator[Verdict]:
    """Verify each shard in turn.

    Parameters
    ----------
    render
        Number of images of each shard to render again, evenly spread; 0 for none.
    """
    for record in dataset.index.shards:
        try:
            if LAYOUTS[dataset.plan.layout].sha256(dataset.folder, record) != record.sha256:
                yield Verdict(record.index, record.images, fault="its bytes are not those that were written")
                continue
            count, fault = _compare_rendering(dataset, record.index, min(render, record.images))
        except CapqError as error:
            yield Verdict(record.index, record.images, fault=str(error))
        else:
            yield Verdict(record.index, record.images, count, fault)


def _compare_rendering(dataset: Dataset, shard: int, count: int) -> tuple[int, str]:
    """Render `count` images of a shard again; return the number compared and what is wrong."""
    indices = {index * dataset.plan.per_shard // count for index in range(count)} if count else set()
    for index, sample in enumerate(dataset.shard(shard)) if indices else ():
        if index in indices and next(dataset.render(shard, index, 1)) != sample:
            return count, f"image {sample.key} is not what its spec and seed give on this machine"
    return len(indices), ""
