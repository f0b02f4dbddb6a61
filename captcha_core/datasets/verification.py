"""Checking a finished dataset: every byte by its digest, and a sample of it by rendering again."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import CapqError
from .dataset import Dataset
from .layouts import LAYOUTS


@dataclass(frozen=True)
class Verdict:
    """What was found of one shard.

    Attributes
    ----------
    images, rendered
        Images whose bytes were compared with the recorded digest, and with a new rendering.
    fault
        What is wrong; empty when nothing is.
    """

    shard: int
    images: int
    rendered: int = 0
    fault: str = ""


def verify(dataset: Dataset, *, render: int = 0) -> Iterator[Verdict]:
    """Check each shard in turn.

    Parameters
    ----------
    render
        Images of each shard to draw again, spread over it; 0 for none.
    """
    for record in dataset.index.shards:
        try:
            if LAYOUTS[dataset.plan.layout].sha256(dataset.folder, record) != record.sha256:
                yield Verdict(record.index, record.images, fault="its bytes are not those that were written")
                continue
            count, fault = _rendered_again(dataset, record.index, min(render, record.images))
        except CapqError as error:
            yield Verdict(record.index, record.images, fault=str(error))
        else:
            yield Verdict(record.index, record.images, count, fault)


def _rendered_again(dataset: Dataset, shard: int, count: int) -> tuple[int, str]:
    chosen = {place * dataset.plan.per_shard // count for place in range(count)} if count else set()
    for place, sample in enumerate(dataset.shard(shard)) if chosen else ():
        if place in chosen and next(dataset.render(shard, place, 1)) != sample:
            return count, f"image {sample.key} is not what its spec and seed give on this machine"
    return len(chosen), ""
