"""What the user sees: results on standard output, notes and progress on standard error.

rich, which takes as long to import as the work of a short command, waits until it is needed.
"""

import contextlib
import dataclasses
import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import pydantic

from captcha_core.codecs.figures import percent_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_ENDLESS = 1 << 16  # columns

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON value instead of text, for scripts."
)


def note(message: str) -> None:
    """Print a line that is no result, on standard error."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def say(message: str) -> None:
    """Print a line of the result."""
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def console(*, stderr: bool = False) -> "Console":
    """Return standard output, or standard error, as rich's console, for tables and progress.

    What is no terminal has no width: in a pipe or a file no line is folded.
    """
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=None if terminal else _ENDLESS)


def watched() -> bool:
    """Tell whether standard error is a terminal, so that somebody may be watching."""
    return sys.stderr.isatty()


@contextlib.contextmanager
def busy(message: str) -> Iterator[None]:
    """Show a spinner with a message during the block, in a terminal only."""
    if not watched():
        yield
        return
    with console(stderr=True).status(message):
        yield


def print_json(value: Any) -> None:
    """Print a result for scripts; where standard output is not UTF-8, with JSON's escapes."""
    escaped = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=escaped) + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> None:
    """Print rows under their columns' names."""
    console().print(table(columns, rows, title=title))


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> "Table":
    """Return rows under their columns' names; columns of numbers are aligned to the right."""
    from rich.table import Table

    drawn = Table(title=title or None, box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(shown(cell) for cell in row))
    return drawn


def print_fields(fields: Mapping[str, Any]) -> None:
    """Print names and values, one a line."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        say(f"{name.replace('_', ' '):<{width}}  {shown(value)}")


def shown(value: Any) -> str:
    """Return a value as text: thousands separated, short fractions, lists with commas."""
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "" if value is None else str(value)


def duration(seconds: float) -> str:
    """Return a time span as people say it: ``45 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    return str(value)


_MAX_CONFUSIONS = 10


def share(rate: dict[str, Any]) -> str:
    """Return a share, as `Rate.summary` gives it; nothing for the share of nothing."""
    return "" if rate["value"] is None else percent_text(rate["value"])


def interval(rate: dict[str, Any]) -> str:
    """Return a share's 95 % interval."""
    return f"{percent_text(rate['low'])} – {percent_text(rate['high'])}" if rate["count"] else ""


def say_faults(confusions: list[dict[str, Any]]) -> None:
    """Print the commonest pairs of true and read characters, and whether case makes most of them."""
    if not confusions:
        return
    pairs = (f"{pair['true'] or '∅'}→{pair['read'] or '∅'} {pair['count']}" for pair in confusions)
    say(f"commonest faults: {'  '.join(itertools.islice(pairs, _MAX_CONFUSIONS))}")
    of_case = sum(pair["count"] for pair in confusions if pair["true"].casefold() == pair["read"].casefold())
    if 2 * of_case > sum(pair["count"] for pair in confusions):
        say("most of these are of case alone: add --ignore-case to take upper and lower case as one")
