"""Access to the images of a dataset or a labelled folder by their names."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..errors import ChangedDatasetError
from .dataset import Dataset
from .labelled import LabelledFolder
from .sample import Sample


def named_samples(dataset: Dataset | LabelledFolder, start: int, count: int) -> Iterator[tuple[str, Sample]]:
    """Yield a range of samples, each with its name for `read_images`.

    Parameters
    ----------
    start, count
        First and number of the images of a folder, or of the shards of a dataset.
    """
    if isinstance(dataset, Dataset):
        for shard in range(start, start + count):
            yield from ((sample.key, sample) for sample in dataset.shard(shard))
    else:
        names = (name for name, _ in dataset.labels[start : start + count])
        yield from zip(names, dataset.samples(start, count), strict=True)


def read_images(dataset: Dataset | LabelledFolder, names: Iterable[str]) -> dict[str, bytes]:
    """Read encoded images by name: their keys in a dataset, their file names in a folder.

    Raises
    ------
    ChangedDatasetError
        When one of them no longer exists.
    """
    requested = set(names)
    if isinstance(dataset, LabelledFolder):
        images = {name: image for name in requested if (image := _read_image(dataset, name)) is not None}
    else:
        images = _read_shards(dataset, requested)
    if missing := requested - set(images):
        raise ChangedDatasetError(f"{dataset.folder.url} no longer holds {min(missing)}")
    return images


def _read_image(folder: LabelledFolder, name: str) -> bytes | None:
    try:
        return folder.read(name)
    except FileNotFoundError:
        return None


def _read_shards(dataset: Dataset, keys: set[str]) -> dict[str, bytes]:
    by_shard: dict[int, set[str]] = defaultdict(set)
    for key in keys:
        by_shard[int(key) // dataset.plan.per_shard].add(key)
    return {
        sample.key: sample.image
        for shard, shard_keys in by_shard.items()
        for sample in dataset.shard(shard)
        if sample.key in shard_keys
    }
