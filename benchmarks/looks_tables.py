"""The tables of looks.py: a row a set, a column a reader or a number of labels."""

import csv
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from labelled_sets import LabelledSet
from measurements import Conditions, Measurement, Measurements

from captcha_core.evaluation import Rate


class Column(NamedTuple):
    """A title, and the conditions of the measurements below it, by the name of the set."""

    title: str
    conditions: dict[str, Conditions]


class Table(NamedTuple):
    """Columns with a title: readers at sight, or numbers of labels from one start."""

    title: str
    columns: list[Column]

    @property
    def is_trained(self) -> bool:
        return any(each.labels for column in self.columns for each in column.conditions.values())

    def measured(self, images: LabelledSet, measurements: Measurements) -> list[Measurement | None]:
        """Return a set's measurements by column; None where there is none."""
        return [measurements.get(column.conditions[images.name]) for column in self.columns]


FIELDS = (
    *("set", "reader", "version", "labels", "compared", "images", "right"),
    *("accuracy", "low", "high", "seconds"),
)


def print_tables(sets: Sequence[LabelledSet], tables: Sequence[Table], measurements: Measurements) -> None:
    """Print the tables in Markdown, shares in per cent with their 95 % intervals."""
    for table in tables:
        print(f"\n{table.title}: whole images, %\n")
        print_row("set", "images", "compared", *(column.title for column in table.columns))
        print_row(*["---"] * (3 + len(table.columns)))
        for images in sets:
            print_set(images, table, measurements)
        print_row("mean", "", "case folded", *means(sets, table, measurements))
        print_longest_training(sets, table, measurements)


def print_set(images: LabelledSet, table: Table, measurements: Measurements) -> None:
    """Print a row, and one of exact texts where the labels' case says something."""
    measured = table.measured(images, measurements)
    titles = [column.title for column in table.columns]
    folded = [cell(title, each, each and each.folded) for title, each in zip(titles, measured, strict=True)]
    print_row(images.name, len(images.test), "case folded", *folded)
    if images.has_both_cases:
        exact = [cell(title, each, each and each.exact) for title, each in zip(titles, measured, strict=True)]
        print_row(images.name, len(images.test), "exact", *exact)


def cell(title: str, measured: Measurement | None, rate: Rate | None) -> str:
    """Return a share and its interval, with the number of labels where the column's title is another."""
    if measured is None or rate is None:
        return ""
    low, high = rate.interval
    labels = measured.conditions.labels
    note = f", {labels} labels" if labels and str(labels) != title else ""
    return f"{100 * (rate.value or 0):.1f} ({100 * low:.1f}-{100 * high:.1f}){note}"


def means(sets: Sequence[LabelledSet], table: Table, measurements: Measurements) -> Iterator[str]:
    """Yield the mean over the sets for each column, empty where a set is not measured."""
    for by_set in zip(*(table.measured(images, measurements) for images in sets), strict=True):
        shares = [each.folded.value or 0.0 for each in by_set if each]
        yield f"{100 * statistics.mean(shares):.1f}" if len(shares) == len(sets) else ""


def print_row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |")


def print_longest_training(sets: Sequence[LabelledSet], table: Table, measurements: Measurements) -> None:
    measured = [each for images in sets for each in table.measured(images, measurements) if each]
    longest = max((each.took for each in measured if each.conditions.labels), default=0.0)
    if longest:
        print(f"\nlongest `capq train`: {longest:.0f} s")


def print_better(name: str, sets: Sequence[LabelledSet], table: Table, measurements: Measurements) -> None:
    """Print the mean of the better of a maker's readers, chosen for each set."""
    columns = [column for column in table.columns if column.title.startswith(name)]
    by_set = [Table(name, columns).measured(images, measurements) for images in sets]
    best = [max((each.folded.value or 0.0 for each in measured if each), default=None) for measured in by_set]
    shares = [share for share in best if share is not None]
    if columns and len(shares) == len(sets):
        print(f"\nmean of the better {name} of each set: {100 * statistics.mean(shares):.1f}")


def write_csv(
    path: Path, sets: Sequence[LabelledSet], tables: Sequence[Table], measurements: Measurements
) -> None:
    """Write a row for each figure; a set whose labels have both cases has two of each."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(FIELDS)
        rows.writerows(dict.fromkeys(figures(sets, tables, measurements)))


def figures(
    sets: Sequence[LabelledSet], tables: Sequence[Table], measurements: Measurements
) -> Iterator[tuple[object, ...]]:
    for table in tables:
        for images in sets:
            for measured in filter(None, table.measured(images, measurements)):
                yield figure(measured, "case folded", measured.folded)
                if images.has_both_cases:
                    yield figure(measured, "exact", measured.exact)


def figure(measured: Measurement, compared: str, rate: Rate) -> tuple[object, ...]:
    conditions = measured.conditions
    shares = [f"{share:.4f}" for share in (rate.value or 0.0, *rate.interval)]
    return (
        *(conditions.images, conditions.reader, conditions.version, conditions.labels, compared),
        *(rate.count, rate.right, *shares, measured.took),
    )
