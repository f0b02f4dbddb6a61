"""What a network says of one image; without numpy, since everything names it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What a network says of one image.

    Attributes
    ----------
    text
        Empty when the image could not be read.
    confidence
        The network's probability of the whole text, calibrated, 0 to 1.
    characters
        One confidence a character, 0 to 1.
    error
        Why there is no text, or None.
    resized
        Whether the image was of another size than the network reads.
    """

    text: str
    confidence: float
    characters: tuple[float, ...]
    error: str | None = None
    resized: bool = False

    @classmethod
    def failed(cls, error: str) -> "Answer":
        """Return the answer for an image that could not be decoded."""
        return cls("", 0.0, (), error)
