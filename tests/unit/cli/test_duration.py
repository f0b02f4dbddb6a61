import click
import pytest

from cli.options.duration import Duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), (" 2h ", 7200), ("1.5d", 129_600)]
)
def test_a_time_span_is_seconds(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


def test_a_default_in_seconds_stays_what_it_is() -> None:
    assert Duration().convert(0.5, None, None) == 0.5


@pytest.mark.parametrize("text", ["", "0", "0s", "-3m", "2 h", "1w", "soon"])
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(click.BadParameter, match="use 90s, 15m or 2h"):
        Duration().convert(text, None, None)
