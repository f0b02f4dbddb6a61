import pytest

from captcha_core.codecs.ctc import CtcCodec
from captcha_core.codecs.options import Decoding
from captcha_core.errors import CheckpointError

CODEC = CtcCodec("ABC", (4, 6))


def test_all_lengths_of_a_network_are_the_same_as_none_named() -> None:
    assert Decoding.checked(CODEC, lengths=(4, 6), beam=None) == Decoding.checked(
        CODEC, lengths=None, beam=None
    )
    assert Decoding.checked(CODEC, lengths=(4, 5), beam=8) == Decoding(lengths=(4, 5), beam=8)


@pytest.mark.parametrize("lengths", [(3, 5), (6, 7), (6, 4), (9, 9)])
def test_lengths_that_a_network_does_not_read_are_refused(lengths: tuple[int, int]) -> None:
    with pytest.raises(CheckpointError, match="texts of 4 to 6 characters"):
        Decoding.checked(CODEC, lengths=lengths, beam=None)


def test_it_names_the_options_that_ask_for_it() -> None:
    assert Decoding().options == ""
    assert Decoding(lengths=(5, 5)).options == "--length 5"
    assert Decoding(lengths=(4, 5), beam=8).options == "--length 4-5 --beam 8"


def test_it_travels_as_json() -> None:
    asked = Decoding(lengths=(4, 5), beam=8)
    assert Decoding.model_validate(asked.model_dump(mode="json")) == asked
