"""One labelled image, as its encoded bytes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A labelled image, encoded.

    Attributes
    ----------
    key
        Name of the sample within its dataset: the stem that its files share.
    image
        The bytes of the image file.
    extension
        File extension of the image, without a dot.
    text
        The label.
    """

    key: str
    image: bytes
    extension: str
    text: str
