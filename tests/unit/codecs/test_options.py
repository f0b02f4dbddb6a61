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
    assert Decoding(charset="0$", ignore_case=True).options == "--charset '0$' --ignore-case"


@pytest.mark.parametrize(
    ("charset", "ignore_case", "kept"),
    [
        (None, True, None),
        ("1AaBb", False, None),
        ("bBaA1", False, None),
        ("ba", False, "ab"),
        ("bBaA1", True, "1ab"),
        ("aBAb1", True, "1aB"),
        ("1BA", True, None),
    ],
)
def test_a_charset_is_kept_in_the_networks_order_and_only_where_it_makes_a_difference(
    charset: str | None, ignore_case: bool, kept: str | None
) -> None:
    codec = CtcCodec("1AaBb", (4, 6))
    decoding = Decoding.checked(codec, lengths=None, beam=None, charset=charset, ignore_case=ignore_case)
    assert decoding == Decoding(charset=kept, ignore_case=ignore_case)


def test_characters_that_a_network_does_not_read_are_refused() -> None:
    with pytest.raises(CheckpointError, match="reads ABC, and not 'x'"):
        Decoding.checked(CODEC, lengths=None, beam=None, charset="Ax")


def test_it_travels_as_json() -> None:
    decoding = Decoding(lengths=(4, 5), beam=8, charset="A1", ignore_case=True)
    assert Decoding.model_validate(decoding.model_dump(mode="json")) == decoding


def test_an_earlier_version_reads_what_has_none_of_the_newer_options() -> None:
    assert Decoding(lengths=(4, 5)).model_dump_json() == '{"lengths":[4,5],"beam":null}'
    assert Decoding(charset="01").model_dump(mode="json", exclude_none=True) == {"charset": "01"}
    assert Decoding(ignore_case=True).model_dump(mode="json", exclude_none=True) == {"ignore_case": True}


@pytest.mark.parametrize(
    ("decoding", "words"),
    [
        (Decoding(), "without any decoding option"),
        (Decoding(beam=8), "with beam 8"),
        (Decoding(lengths=(4, 5), beam=8), "with length 4-5 and beam 8"),
        (
            Decoding(lengths=(5, 5), charset="01", ignore_case=True),
            "with length 5, charset 01 and case ignored",
        ),
    ],
)
def test_it_is_described_in_words(decoding: Decoding, words: str) -> None:
    assert decoding.description == words
