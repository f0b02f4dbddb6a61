"""The picture of looks.py: a panel for each set."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labelled_sets import LabelledSet
from looks_tables import Table
from measurements import Measurement, Measurements

from captcha_core.reports import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 4  # in a row
COLOURS = (canvas.BLUE, canvas.RED, "#2f855a", "#b7791f", "#6b46c1", "#0f766e", "#be185d", "#444b55")


def figure(sets: Sequence[LabelledSet], tables: Sequence[Table], measurements: Measurements) -> "Figure":
    """Draw bars of the readers at sight, and lines over the number of labels where there are trainings.

    Raises
    ------
    MissingExtraError
        Where matplotlib is not installed.
    """
    trained = [table for table in tables if table.is_trained]
    rows = math.ceil(len(sets) / PANELS)
    picture = canvas.figure(14, 1.2 + 2.6 * rows, "whole images read right, %, with 95 % intervals")
    panels = list(picture.subplots(rows, min(PANELS, len(sets)), squeeze=False, sharey=True).flat)
    for panel, images in zip(panels, sets, strict=False):
        panel.set_title(images.name, fontsize=10)
        panel.grid(visible=True, alpha=0.3)
        for table in tables:
            if table.is_trained:
                draw_training(panel, table, table.measured(images, measurements), trained.index(table))
            elif trained:
                draw_levels(panel, table, table.measured(images, measurements))
            else:
                draw_bars(panel, table, table.measured(images, measurements))
    for panel in panels[len(sets) :]:
        panel.set_axis_off()
    if trained:
        picture.legend(
            *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8
        )
    return picture


def draw_bars(panel: "Axes", table: Table, measured: Sequence[Measurement | None]) -> None:
    """Draw a bar for each reader."""
    for row, each in enumerate(measured):
        if each:
            share, below, above = percentages(each)
            panel.barh(row, share, xerr=[[below], [above]], color=colour(row), ecolor=canvas.GREY)
    panel.set_yticks(range(len(table.columns)), [column.title for column in table.columns], fontsize=8)
    panel.set_xlim(0, 103)
    if not panel.yaxis_inverted():
        panel.invert_yaxis()


def draw_levels(panel: "Axes", table: Table, measured: Sequence[Measurement | None]) -> None:
    """Draw a horizontal line for each reader, to compare trainings with."""
    for row, (column, each) in enumerate(zip(table.columns, measured, strict=True)):
        share = percentages(each)[0] if each else math.nan
        panel.axhline(share, color=colour(row + 2), lw=1, ls="--", label=f"{column.title}, at sight")


def draw_training(panel: "Axes", table: Table, measured: Sequence[Measurement | None], number: int) -> None:
    """Draw accuracy over the number of labels."""
    points = [(x, *percentages(each)) for x, each in enumerate(measured) if each]
    places, shares, below, above = zip(*points, strict=True) if points else ([], [], [], [])
    panel.errorbar(
        places,
        shares,
        yerr=[below, above],
        fmt="o-",
        ms=4,
        capsize=2,
        color=colour(number),
        label=table.title,
    )
    panel.set_xticks(range(len(table.columns)), [column.title for column in table.columns], fontsize=8)
    panel.set_xlim(-0.3, len(table.columns) - 0.7)
    panel.set_ylim(-2, 103)
    panel.set_xlabel("labels", fontsize=8)


def percentages(measured: Measurement) -> tuple[float, float, float]:
    """Return accuracy, case folded, and the distances down and up to the ends of its interval."""
    share = measured.folded.value or 0.0
    low, high = measured.folded.interval
    return 100 * share, 100 * max(0.0, share - low), 100 * max(0.0, high - share)


def colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
