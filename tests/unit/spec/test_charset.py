import pytest

from captcha_core.errors import SpecError
from captcha_core.spec import Spec, charset


@pytest.mark.parametrize("text", ["a-z", "0-9", "0-9a-z", "A-Fx", "xA-F", "а-я", "a-c-e"])
def test_a_range_that_somebody_writes_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"range .-. is not understood"):
        charset.parse_given(text)


@pytest.mark.parametrize("text", ["-az", "az-", "z-a", "a-9", "a-Z", "+-*", "alnum-upper", "digits"])
def test_a_dash_of_its_own_is_a_character(text: str) -> None:
    assert charset.parse_given(text) == charset.parse(text)


def test_a_stored_set_is_what_it_is() -> None:
    assert Spec.model_validate_json('{"charset": "a-z"}').charset == "a-z"
