"""Images of a dataset or a labelled folder, found again by their names."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..errors import ChangedDatasetError
from .dataset import Dataset
from .labelled import LabelledFolder
from .sample import Sample


def named(found: Dataset | LabelledFolder, start: int, count: int) -> Iterator[tuple[str, Sample]]:
    """Yield some samples, each with the name that `read` takes.

    Parameters
    ----------
    start, count
        Of the images in a folder; of the shards in a dataset.
    """
    if isinstance(found, Dataset):
        for shard in range(start, start + count):
            yield from ((sample.key, sample) for sample in found.shard(shard))
    else:
        names = (name for name, _ in found.labels[start : start + count])
        yield from zip(names, found.samples(start, count), strict=True)


def read(found: Dataset | LabelledFolder, names: Iterable[str]) -> dict[str, bytes]:
    """Read a few images: by their keys from a dataset, by their files' names from a folder.

    Raises
    ------
    ChangedDatasetError
        When one is no longer there.
    """
    wanted = set(names)
    if isinstance(found, LabelledFolder):
        images = {name: found.folder.read(name) for name in wanted if found.folder.exists(name)}
    else:
        images = _read_shards(found, wanted)
    if missing := wanted - set(images):
        raise ChangedDatasetError(f"{found.folder.url} no longer holds {min(missing)}")
    return images


def _read_shards(dataset: Dataset, keys: set[str]) -> dict[str, bytes]:
    by_shard: dict[int, set[str]] = defaultdict(set)
    for key in keys:
        by_shard[int(key) // dataset.plan.per_shard].add(key)
    return {
        sample.key: sample.image
        for shard, wanted in by_shard.items()
        for sample in dataset.shard(shard)
        if sample.key in wanted
    }
