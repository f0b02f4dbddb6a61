"""How `capq top` is drawn: sections of lines, as many as the terminal has room for."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, Group, JustifyMethod
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..terminal import duration
from .overview import OpenJob, Overview, Worker
from .rates import Rates, sparkline

_SPARK_WIDTH = 40
_BAR_WIDTH = 16
_COLOURS = {"queued": "yellow", "running": "green", "finishing": "cyan"}
_LEAST_LINES = 3  # of a section: its columns' names, a row, and how many more there are
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")

Cell = str | Text | ProgressBar


@dataclass(frozen=True)
class Section:
    """A table of the view.

    Attributes
    ----------
    columns
        Names; those of numbers are in `right`.
    importance
        Sections of a lower number get their lines first where not all have room.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    importance: int
    right: tuple[str, ...] = ()

    @property
    def lines(self) -> int:
        return 1 + len(self.rows) if self.rows else 0


def draw(
    overview: Overview, rates: Rates, console: Console, *, address: str, height: int = 0, problem: str = ""
) -> Group:
    """Return the view of a deployment.

    Parameters
    ----------
    address
        Of Redis, as it can be shown.
    height
        Lines there are; 0 for as many as are needed.
    problem
        Why the overview is not of now; empty when it is.
    """
    sections = [
        _queues(overview),
        _images(overview, rates, ascii_only=console.options.ascii_only),
        _workers(overview.workers),
        _jobs(overview.jobs),
    ]
    lines = _lines(sections, height - 1) if height else [section.lines for section in sections]
    tables = [_table(section, count) for section, count in zip(sections, lines, strict=True) if count > 1]
    apart = not height or 1 + sum(lines) + len(tables) <= height
    parts = [part for table in tables for part in ((Text(""), table) if apart else (table,))]
    return Group(_head(overview, address, problem), *parts)


def _lines(sections: Sequence[Section], height: int) -> list[int]:
    """Return how many lines each section gets: a few for each in turn, then more for the more important."""
    lines = [0] * len(sections)
    order = sorted(range(len(sections)), key=lambda index: sections[index].importance)
    for most in (_LEAST_LINES, height):
        for index in order:
            room = height - sum(lines) + lines[index]
            lines[index] = max(lines[index], min(sections[index].lines, most, room))
    return lines


def _table(section: Section, lines: int) -> Table:
    """Return as many rows of a section as there are lines for, the last one for those left out."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in section.columns:
        # Where the terminal is narrow, the last column is cut before the others are.
        justify: JustifyMethod = "right" if column in section.right else "left"
        drawn.add_column(column, justify=justify, no_wrap=column != section.columns[-1], overflow="ellipsis")
    room = lines - 1
    fit = len(section.rows) if len(section.rows) <= room else room - 1
    for *cells, last in section.rows[:fit]:
        drawn.add_row(*cells, _one_line(last))
    if fit < len(section.rows):
        drawn.add_row(Text(f"… and {len(section.rows) - fit:,} more", style="dim"))
    return drawn


def _one_line(cell: Cell) -> Cell:
    """Return a cell that stays in one line, whatever the column's width."""
    if isinstance(cell, ProgressBar):
        return cell
    text = cell if isinstance(cell, Text) else Text(cell)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _head(overview: Overview, address: str, problem: str) -> Text:
    """Return the first line: where, when, and how Redis does."""
    memory, limit = overview.redis["memory_used"], overview.redis["memory_max"]
    used = f"{_bytes(memory)} of {_bytes(limit)}" if limit else _bytes(memory)
    figures = f"{used}, answers in {overview.redis['round_trip_seconds'] * 1000:.1f} ms"
    moment = time.strftime("%H:%M:%S", time.localtime(overview.time))
    state = Text(problem, style="red") if problem else Text(figures)
    return Text.assemble(
        ("capq", "bold"), f"  {moment}  {address}  ", state, no_wrap=True, overflow="ellipsis"
    )


def _queues(overview: Overview) -> Section:
    rows: list[tuple[Cell, ...]] = [
        (
            queue.queue,
            f"{queue.waiting:,}",
            duration(queue.oldest_seconds) if queue.waiting else "",
            Text(f"{queue.workers:,}", style="red" if queue.waiting and not queue.workers else ""),
            f"{queue.processes:,}",
        )
        for queue in overview.queues
    ]
    columns = ("queue", "waiting", "oldest", "workers", "processes")
    return Section(columns, rows, importance=0, right=columns[1:])


def _images(overview: Overview, rates: Rates, *, ascii_only: bool) -> Section:
    """Return the kinds with images since capq was set up here; no speeds before the second look."""
    rows: list[tuple[Cell, ...]] = []
    for kind, images in overview.images.items():
        speed = rates.now(kind)
        if images and speed is not None:
            line = sparkline(rates.growth(kind), _SPARK_WIDTH, ascii_only=ascii_only)
            rows.append((kind, f"{images:,}", f"{speed:,.0f}", Text(line, style="green")))
    return Section(("kind", "images", "a second", ""), rows, importance=3, right=("images", "a second"))


def _workers(workers: Sequence[Worker]) -> Section:
    rows: list[tuple[Cell, ...]] = [
        (worker.worker, worker.host, f"{len(worker.units)} of {worker.processes}", _at_work(worker))
        for worker in workers
    ]
    return Section(("worker", "host", "busy", "at work on"), rows, importance=2, right=("busy",))


def _at_work(worker: Worker) -> str:
    return ", ".join(worker.units) or (f"idle, holds {worker.model}" if worker.model else "idle")


def _jobs(jobs: Sequence[OpenJob]) -> Section:
    rows: list[tuple[Cell, ...]] = [
        (job.job, Text(job.state, style=_COLOURS.get(job.state, "")), *_done(job), job.progress)
        for job in jobs
    ]
    columns = ("job", "state", "done", "", "left", "progress")
    return Section(columns, rows, importance=1, right=("done", "left"))


def _done(job: OpenJob) -> tuple[Cell, Cell, Cell]:
    """Return a job's share that is done, as a number and as a bar, and the time left."""
    left = duration(job.seconds_left) if job.seconds_left is not None else ""
    if job.fraction is None:
        return "", "", left
    bar = ProgressBar(total=1.0, completed=job.fraction, width=_BAR_WIDTH)
    return f"{job.fraction:.0%}", bar, left


def _bytes(number: float) -> str:
    """Return a number of bytes: ``1.9 MiB``."""
    exponent = 0
    while number >= 1024 and exponent < len(_BYTES) - 1:
        number, exponent = number / 1024, exponent + 1
    return f"{number:.1f} {_BYTES[exponent]}" if exponent else f"{number:.0f} B"
