"""The input size of a network for labelled images: chosen from the sizes that a sample of them has."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .. import networks
from ..datasets import Dataset, LabelledFolder, open_labelled
from ..datasets.decoding import image_size
from ..errors import DatasetError
from ..images.resize_rules import PADDED, STRETCHED, ResizeRule
from ..networks.checkpoint import Model
from .data import permutation

_SAMPLE = 500
_LOWEST, _USUAL, _HIGHEST = 40, 64, 96  # heights that the trunk reads well
_WIDEST = 768
_COLUMN = 8  # pixels that a column of features stands for
_ALIKE = 0.9  # share of the images that have one size, for the others not to count

Size = tuple[int, int]


@dataclass(frozen=True)
class InputSize:
    """The input size of a network, and how images are fitted to it.

    Attributes
    ----------
    size
        Width and height in pixels.
    rule
        How images of other sizes are fitted.
    resized
        Whether some of the images have another size.
    reason
        Why it is not the images' own size, as a clause; empty where it is.
    """

    size: Size
    rule: ResizeRule = STRETCHED
    resized: bool = False
    reason: str = ""


def choose_input(
    images: str | Dataset | LabelledFolder,
    architecture: str = networks.DEFAULT,
    initial: Model | None = None,
) -> InputSize:
    """Choose the input size of a network that is to be trained on labelled images.

    A generated dataset has its spec's size. Of a folder, up to 500 images drawn at random tell.

    Parameters
    ----------
    images
        The open dataset or folder, or its path or URL.
    architecture
        Name of the network.
    initial
        The network that training starts from: its size and rule are taken, so that all layers of
        its trunk fit. A generated dataset keeps its own size.

    Raises
    ------
    DatasetError
        When there are no images, or none of the sampled ones can be read.
    InputError, LabelError
        When a folder cannot be opened.
    """
    images = open_labelled(images) if isinstance(images, str) else images
    if isinstance(images, Dataset):
        return InputSize((images.plan.spec.width, images.plan.spec.height))
    sizes = _sampled_sizes(images)
    if initial:
        return _input_of(initial, sizes)
    longest = max(len(text) for _, text in images.labels)
    return suitable_input(sizes, longest, networks.find(architecture).smallest)


def suitable_input(sizes: Sequence[Size], longest: int, smallest: int = 1) -> InputSize:
    """Choose an input size for images of given sizes.

    Images of one size keep it where it is neither too low nor too high for a network, and wide
    enough for their texts. Others are scaled to 64 pixels of height, with as much width as the
    median of their aspects asks for; those of several sizes keep their aspects and are padded.

    Parameters
    ----------
    longest
        Length of the longest text.
    smallest
        Least width and height.
    """
    common, count = Counter(sizes).most_common(1)[0]
    alike = count >= _ALIKE * len(sizes)
    heights = range(max(_LOWEST, smallest), _HIGHEST + 1)
    widths = range(max(least_width(longest), smallest), _WIDEST + 1)
    others = any(size != common for size in sizes)
    if alike and common[0] in widths and common[1] in heights:
        return InputSize(common, STRETCHED, others, f"most images have it, {_span(sizes)}" if others else "")
    typical = common[1] if alike else statistics.median_high(height for _, height in sizes)
    height = typical if typical in heights else max(_USUAL, _up_to_columns(smallest))
    aspect = statistics.median(width / height for width, height in sizes)
    width = min(max(_up_to_columns(height * aspect), widths.start), _WIDEST)
    reason = f"the images are {_span(sizes)}"
    return InputSize((width, height), STRETCHED if alike else PADDED, True, reason)


def _input_of(initial: Model, sizes: Sequence[Size]) -> InputSize:
    size = initial.problem.size
    others = any(own != size for own in sizes)
    reason = f"as the network that training starts from; the images are {_span(sizes)}" if others else ""
    return InputSize(size, initial.resize_rule, others or initial.trained_on_resized, reason)


def least_width(longest: int) -> int:
    """Return the width in pixels that gives a CTC network a column a character and one between any two."""
    return _COLUMN * (2 * longest - 1)


def _up_to_columns(pixels: float) -> int:
    """Round a number of pixels up to whole columns."""
    return -int(-pixels // _COLUMN) * _COLUMN


def _span(sizes: Sequence[Size]) -> str:
    """Say what sizes there are: the smallest area and the largest."""
    low, high = (end(sizes, key=lambda size: size[0] * size[1]) for end in (min, max))
    return _shown(low) if len(set(sizes)) == 1 else f"{_shown(low)} to {_shown(high)}"


def _shown(size: Size) -> str:
    return f"{size[0]}×{size[1]}"


def _sampled_sizes(folder: LabelledFolder) -> list[Size]:
    """Read the sizes of images drawn at random, the same ones each time; damaged ones are passed over."""
    if not len(folder):
        raise DatasetError(f"{folder.folder.url} holds no images")
    numbers = sorted(permutation(0, 0, len(folder))[:_SAMPLE].tolist())
    sizes, fault = [], ""
    for number in numbers:
        try:
            sizes += [image_size(sample) for sample in folder.samples(number, 1)]
        except DatasetError as error:
            fault = fault or str(error)
    if not sizes:
        raise DatasetError(f"none of {len(numbers):,} images of {folder.folder.url} can be read, as {fault}")
    return sizes
