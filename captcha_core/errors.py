"""Errors that capq raises on purpose: one class a cause.

A message states the fact. What to do about it depends on who asked: the command line adds its
advice by the class (`cli.advice`).
"""

from typing import TYPE_CHECKING, ClassVar

from .extras import install_command

if TYPE_CHECKING:
    import pydantic


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, for messages: ``1 image``, ``2,000 images``, ``2 batches``."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def first_fault(error: "pydantic.ValidationError") -> str:
    """Return the first thing that is wrong, after the field where it is: ``format: Input should be 1``."""
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{field}: {message}" if field else message


class CapqError(Exception):
    """Base of all errors that capq raises on purpose.

    Attributes
    ----------
    retryable
        Whether the same attempt may succeed later though nobody changes anything.
    """

    retryable: ClassVar[bool] = False


class StorageError(CapqError):
    """A file, folder or store that could not be read or written just now; wraps an OSError."""

    retryable = True


class OutputError(CapqError):
    """An output that cannot go where it is to go.

    Parameters
    ----------
    output
        What it is, where something else is the command's main output: ``report``, ``evaluation``.
    """

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class OutputExistsError(OutputError):
    """Something stands where an output is to go, and was not to be replaced."""


class ForeignOutputError(OutputError):
    """What stands where an output is to go was not made by capq, which replaces only its own."""


class OverlapError(OutputError):
    """An output that lies in an input, or the other way round."""


class SpecError(CapqError):
    """A spec that cannot be rendered."""


class InputError(CapqError):
    """Inputs that are not there, or that cannot be read in the way that was asked."""


class NotAFolderError(InputError):
    """A single image where a folder or an archive of images is read."""


class ImageError(CapqError):
    """An image that cannot be read: damaged, too large, or no image at all."""


class LabelError(CapqError):
    """Labels that are missing, cannot be understood, or that a network cannot learn."""


class LabelFileError(LabelError):
    """A label file that is there and cannot be understood."""


class UnclearLabelsError(LabelError):
    """Images of which nothing says clearly where their labels are."""


class DatasetError(CapqError):
    """A dataset that is missing, or at odds with what was asked of it."""


class OtherDatasetError(DatasetError):
    """A folder in which a dataset is to be written and that holds one of another plan."""


class ChangedDatasetError(DatasetError):
    """Labelled images that came or went after work on them began."""


class UnfinishedDatasetError(DatasetError):
    """A dataset of which shards are still missing."""


class DamagedDatasetError(DatasetError):
    """A dataset whose files do not match its index."""


class TableError(CapqError):
    """A results table that cannot be read, or written in the format that was asked for."""


class UnreadableTableError(TableError):
    """A file that is no table of results, or a damaged one."""


class CheckpointError(CapqError):
    """A checkpoint that is missing, damaged or made for other images."""


class DamagedCheckpointError(CheckpointError):
    """A checkpoint that is cut short, changed by hand, or of another version of capq."""


class NoSpecError(CheckpointError):
    """A checkpoint whose training record names no spec, so that no images can be rendered for it."""


class NotExportedError(CheckpointError):
    """A checkpoint without the exported file that an engine needs."""


class UnusableExportError(CheckpointError):
    """An exported file that is damaged, of another version of capq, or made from another checkpoint."""


class TrainingError(CapqError):
    """A training run that cannot go on."""


class DivergedError(TrainingError):
    """A training whose loss is no longer finite."""


class UnfinishedRunError(TrainingError):
    """A run that did not end stands where another is to begin."""


class DeviceError(TrainingError):
    """A device or engine that this machine does not have."""


class MissingExtraError(CapqError):
    """A feature whose optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional package: {install_command(extra)}")
