"""Why images cannot be read, in a few classes: an error's own words name sizes and paths."""

UNAVAILABLE = "unavailable"
TOO_LARGE = "too_large"
NOT_AN_IMAGE = "not_an_image"
DAMAGED = "damaged"
OTHER = "other"

_WORDS = {
    "over the limit of": TOO_LARGE,
    "not a PNG, JPEG": NOT_AN_IMAGE,
    "damaged image": DAMAGED,
    "cannot unpack": DAMAGED,
    "cannot read": UNAVAILABLE,
    "no longer in the archive": UNAVAILABLE,
    "a link in the archive": UNAVAILABLE,
}


def fault(message: str) -> str:
    """Return the class of an `ImageError` by its message, as tables keep it."""
    return next((name for words, name in _WORDS.items() if words in message), OTHER)
