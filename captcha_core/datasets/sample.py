"""One labelled image, as bytes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A labelled image, encoded.

    Attributes
    ----------
    key
        Names the sample in its dataset, the stem its files share.
    image
        The encoded image.
    extension
        Of the image's file, without a dot.
    text
        The label.
    """

    key: str
    image: bytes
    extension: str
    text: str
