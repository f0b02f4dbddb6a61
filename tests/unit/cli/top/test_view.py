"""How `capq top` is laid out in terminals of any size."""

import io

import pytest
from rich.console import Console

from cli.top.overview import OpenJob, Overview, Queue, Worker
from cli.top.rates import Rates
from cli.top.view import draw

ADDRESS = "redis://host:6379/0"


def _overview(jobs: int = 3, workers: int = 2) -> Overview:
    return Overview(
        time=0.0,
        redis={"round_trip_seconds": 0.0004, "memory_used": 2_000_000, "memory_max": 0},
        queues=[Queue("cpu", 1200, 75.0, 2, 4), Queue("gpu", 3, 2.0, 0, 0)],
        workers=[
            Worker(f"cpu-{number}", "cpu", "host", 2, ["generate-1 shard 7"] if number == 1 else [], "")
            for number in range(1, workers + 1)
        ],
        images={"generate": 4000, "train": 0, "solve": 0, "evaluate": 0},
        jobs=[
            OpenJob(f"generate-{number}", "generate", "running", 0.25, 100.0, 10, 1, "1 of 4 shards")
            for number in range(jobs)
        ],
    )


def _drawn(overview: Overview, *, columns: int = 100, height: int = 0, **options: object) -> list[str]:
    rates = Rates()
    rates.add(0.0, {"generate": 0})
    rates.add(1.0, overview.images)
    output = io.StringIO()
    encoding = options.pop("encoding", "utf-8")
    console = Console(file=output, width=columns, height=height or 100, **options)  # type: ignore[arg-type]
    if encoding == "ascii":
        output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")  # type: ignore[assignment]
        console = Console(file=output, width=columns, height=100)
    console.print(draw(overview, rates, console, address=ADDRESS, height=height))
    if encoding == "ascii":
        output.seek(0)
        return output.read().splitlines()
    return output.getvalue().splitlines()


def test_everything_is_there_where_there_is_room() -> None:
    text = "\n".join(_drawn(_overview()))
    for shown in (ADDRESS, "1.9 MiB", "1,200", "1 min 15 s", "4,000", "█", "cpu-2", "generate-1 shard 7"):
        assert shown in text
    for shown in ("25%", "1 min 40 s", "1 of 4 shards", "generate-2"):
        assert shown in text


@pytest.mark.parametrize("height", range(4, 24))
def test_no_more_lines_than_the_terminal_has(height: int) -> None:
    lines = _drawn(_overview(jobs=9, workers=9), height=height)
    assert len(lines) <= height
    assert "cpu" in "\n".join(lines)
    if height >= 10:
        assert "more" in "\n".join(lines)
        assert any(line.startswith("generate-0") for line in lines)


def test_what_has_no_room_is_counted() -> None:
    lines = _drawn(_overview(jobs=50, workers=0), height=20)
    shown = sum(line.startswith("generate-") for line in lines)
    assert f"… and {50 - shown} more" in "\n".join(lines)
    assert len(lines) == 20


@pytest.mark.parametrize("columns", [20, 40, 79])
def test_narrow_terminals_cut_and_never_fold(columns: int) -> None:
    lines = _drawn(_overview(), columns=columns)
    assert len(lines) == len(_drawn(_overview(), columns=200))
    assert max(map(len, lines)) <= columns


def test_without_colour_nothing_is_coloured() -> None:
    coloured = "".join(_drawn(_overview(), force_terminal=True, color_system="standard"))
    plain = "".join(_drawn(_overview(), force_terminal=True, no_color=True, color_system="standard"))
    assert "\x1b[32m" in coloured
    assert "\x1b[3" not in plain


def test_a_terminal_without_unicode() -> None:
    text = "\n".join(_drawn(_overview(), encoding="ascii"))
    assert text.isascii()
    assert "#" in text
