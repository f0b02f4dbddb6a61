"""Errors a user can act on; every message says what to do."""


class CapqError(Exception):
    """Base of all errors that capq raises on purpose."""


class SpecError(CapqError):
    """A spec that cannot be rendered."""


class DatasetError(CapqError):
    """A dataset that is missing, damaged or at odds with what was asked of it."""


class ImageError(CapqError):
    """An image that cannot be read: damaged, too large, or no image at all."""


class CheckpointError(CapqError):
    """A checkpoint that is missing, damaged or made for other images."""


class LabelError(CapqError):
    """Labels that a network cannot learn: unknown characters or lengths."""


class TrainingError(CapqError):
    """A training run that cannot go on."""


class MissingExtraError(CapqError):
    """A feature whose optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional package: pip install 'capq[{extra}]'")
