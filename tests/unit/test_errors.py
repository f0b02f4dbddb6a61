import pytest

from captcha_core.errors import counted


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (12_345, "12,345 images")]
)
def test_a_number_decides_the_form_of_its_noun(number: int, text: str) -> None:
    assert counted(number, "image") == text


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert [counted(number, "batch", "batches") for number in (1, 2)] == ["1 batch", "2 batches"]
