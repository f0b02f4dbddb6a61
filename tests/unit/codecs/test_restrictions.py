import pytest

from captcha_core.codecs.restrictions import character_groups, is_right, missing_characters
from captcha_core.networks import Problem

NETWORK = Problem(charset="1AaBb", lengths=(4, 6), size=(100, 50))


@pytest.mark.parametrize(
    ("charset", "ignore_case", "groups"),
    [
        (None, False, [("1", (0,)), ("A", (1,)), ("a", (2,)), ("B", (3,)), ("b", (4,))]),
        ("b1", False, [("1", (0,)), ("b", (4,))]),
        (None, True, [("1", (0,)), ("A", (1, 2)), ("B", (3, 4))]),
        ("ba", True, [("a", (1, 2)), ("b", (3, 4))]),
        ("aA", True, [("a", (1, 2))]),
    ],
)
def test_characters_are_grouped_in_the_networks_order_and_spelt_as_asked(
    charset: str | None, ignore_case: bool, groups: list[tuple[str, tuple[int, ...]]]
) -> None:
    assert character_groups(NETWORK, charset, ignore_case=ignore_case) == groups


def test_missing_characters_are_each_named_once() -> None:
    assert missing_characters("zabaz", "AB", ignore_case=False) == "abz"
    assert missing_characters("zabaz", "AB", ignore_case=True) == "z"


def test_case_counts_unless_it_is_ignored() -> None:
    assert not is_right("aB", "Ab", ignore_case=False)
    assert is_right("aB", "Ab", ignore_case=True)
    assert not is_right("aB", "Ac", ignore_case=True)
