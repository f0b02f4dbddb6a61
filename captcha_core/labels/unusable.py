"""Labels that no network can have."""

from ..spec import MAX_LENGTH

NO_LABEL = "no label"


def unusable(text: str) -> str:
    """Return why no network can have a label; empty if one can."""
    if not text:
        return NO_LABEL
    if len(text) <= MAX_LENGTH and text.isalnum():
        return ""  # nearly all: of a million labels this saves seconds
    if any(character.isspace() for character in text):
        return "a label with blanks"
    if not text.isprintable():
        return "a label with characters that cannot be printed"
    if len(text) > MAX_LENGTH:
        return f"a label of more than {MAX_LENGTH} characters"
    return ""
