"""A network's answer for one image. It needs no numpy, since every package uses it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """A network's answer for one image.

    Attributes
    ----------
    text
        The text read; empty when the image could not be decoded.
    confidence
        The calibrated probability of the whole text, 0 to 1.
    characters
        The confidence of each character of the text, 0 to 1.
    error
        Why there is no text, or None.
    resized
        Whether the image had to be resized to the network's input size, though the network was
        trained on images of this size alone.
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
