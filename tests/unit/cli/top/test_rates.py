import pytest

from cli.top.rates import Rates, sparkline


def _rates(*counts: int, seconds: float = 2.0) -> Rates:
    rates = Rates()
    for index, count in enumerate(counts):
        rates.add(100 + index * seconds, {"generate": count})
    return rates


def test_growth_is_by_the_second_and_needs_two_looks() -> None:
    assert _rates(5).growth("generate") == []
    assert _rates(5).now("generate") is None
    assert _rates(5, 25, 25).growth("generate") == [10.0, 0.0]
    assert _rates(0, 10, 20).growth("train") == [0.0, 0.0]


def test_the_speed_is_of_the_last_ten_seconds() -> None:
    rates = _rates(0, *(1000 for _ in range(4)), 1000, 1100)
    assert rates.now("generate") == pytest.approx(100 / 10)
    assert rates.now("generate", seconds=2.0) == pytest.approx(50)


def test_a_counter_that_starts_anew_has_not_grown() -> None:
    assert _rates(100, 3, 5).growth("generate") == [0.0, 1.0]
    assert _rates(100, 3).now("generate") == 0


def test_only_so_many_looks_are_kept() -> None:
    rates = Rates(kept=3)
    for moment in range(10):
        rates.add(moment, {"x": moment})
    assert rates.growth("x") == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([0.0, 0.0], "▁▁"),
        ([0.0, 0.001, 50.0, 100.0], "▁▂▅█"),
        ([5.0, 5.0], "██"),
        ([1.0, 2.0, 3.0, 4.0, 8.0, 8.0], "▅██"),
    ],
)
def test_sparklines(values: list[float], line: str) -> None:
    assert sparkline(values, 4 if len(values) < 6 else 3) == line


def test_a_terminal_without_unicode_gets_ascii() -> None:
    assert sparkline([0.0, 50.0, 100.0], 10, ascii_only=True) == "_+#"
    assert sparkline([1.0], 0) == ""
