"""The figures of an evaluation: confusion matrix, reliability diagram and rejection curve."""

from typing import TYPE_CHECKING

import numpy as np

from ..errors import counted
from ..evaluation import Evaluation
from . import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_CLASSES = 64  # that stay legible in one matrix
_MAX_PAIRS = 16  # shown as bars
_NO_CHARACTER = "∅"


def confusions(evaluation: Evaluation, charset: str) -> "Figure":
    """Draw the confusion matrix and its commonest confusions.

    The diagonal is left out, since it would outshine the rest. Of charsets too large for one
    figure, the characters with the most faults are shown.

    Parameters
    ----------
    charset
        The characters in the order of rows and columns; the last of both stands for no character.

    Raises
    ------
    MissingExtraError
        Where matplotlib is not installed.
    """
    faults = evaluation.confusion_matrix(charset)
    np.fill_diagonal(faults, 0)
    names = np.array([*charset, _NO_CHARACTER])
    shown = np.arange(len(names))
    if len(names) > _MAX_CLASSES:
        shown = np.sort((faults.sum(0) + faults.sum(1)).argsort(stable=True)[-_MAX_CLASSES:])
    side = max(4.0, 0.16 * len(shown))
    count = evaluation.character_accuracy.count
    title = (
        f"{counted(evaluation.edits, 'fault')} in {counted(count, 'character')} "
        f"of {counted(evaluation.images, 'image')}"
    )
    figure = canvas.figure(side + 4, side + 0.8, title)
    matrix, bars = figure.subplots(1, 2, width_ratios=[side, 2.6])
    _draw_matrix(matrix, faults[np.ix_(shown, shown)], names[shown])
    _draw_commonest(bars, evaluation)
    return figure


def confidence(evaluation: Evaluation) -> "Figure":
    """Draw the reliability diagram, and accuracy against the share of images that a threshold rejects.

    The error bars are 95 % intervals. If confidences are calibrated, the points of the left panel
    lie on its diagonal.

    Raises
    ------
    MissingExtraError
        Where matplotlib is not installed.
    """
    error = evaluation.calibration_error()
    title = counted(evaluation.images, "image") + (
        f", calibration error {error:.2%}" if error is not None else ""
    )
    figure = canvas.figure(10, 4.8, title)
    reliability, rejection = figure.subplots(1, 2)
    _draw_reliability(reliability, evaluation)
    _draw_rejection(rejection, evaluation)
    return figure


def _draw_matrix(axes: "Axes", faults: np.ndarray, names: np.ndarray) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogLocator, NullLocator

    nonzero = np.ma.masked_equal(faults, 0)
    cells = axes.imshow(nonzero, cmap="YlOrRd", norm=LogNorm(1, max(2, faults.max())), interpolation="none")
    ticks = np.arange(len(names))
    axes.plot([-0.5, len(names) - 0.5], [-0.5, len(names) - 0.5], color=canvas.GREY, lw=0.5)
    axes.set_xticks(ticks, names, fontsize=7)
    axes.set_yticks(ticks, names, fontsize=7)
    axes.tick_params(top=True, labeltop=True, right=True, labelright=True, length=2)
    axes.set_xticks(ticks - 0.5, minor=True)
    axes.set_yticks(ticks - 0.5, minor=True)
    axes.grid(visible=True, which="minor", alpha=0.25, lw=0.4)
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("read")
    axes.set_ylabel("true")
    colourbar = axes.figure.colorbar(cells, ax=axes, shrink=0.6, pad=0.06, format="%d")
    colourbar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    colourbar.ax.yaxis.set_minor_locator(NullLocator())
    colourbar.ax.set_title("times", fontsize=8)


def _draw_commonest(axes: "Axes", evaluation: Evaluation) -> None:
    commonest = evaluation.confusions(_MAX_PAIRS)[::-1]
    labels = [f"{true or _NO_CHARACTER} → {read or _NO_CHARACTER}" for true, read, _ in commonest]
    bars = axes.barh(range(len(commonest)), [count for *_, count in commonest], color=canvas.RED)
    axes.bar_label(bars, padding=3, fontsize=8)
    axes.set_yticks(range(len(commonest)), labels, family="monospace")
    axes.set_xticks([])
    axes.margins(x=0.2)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_title("commonest" if commonest else "no faults", fontsize=9)


def _draw_reliability(axes: "Axes", evaluation: Evaluation) -> None:
    bins = evaluation.reliability_curve()
    accuracy = [interval.accuracy.value or 0.0 for interval in bins]
    intervals = [interval.accuracy.interval for interval in bins]
    axes.plot([0, 1], [0, 1], "--", color=canvas.GREY, lw=1)
    axes.errorbar(
        [interval.confidence for interval in bins], accuracy,
        yerr=_error_bars(accuracy, intervals), fmt="o", ms=4, color=canvas.BLUE, capsize=2,
    )  # fmt: skip
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="share of images read right")
    axes.grid(visible=True, alpha=0.3)
    counts = axes.twinx()
    counts.bar(
        [interval.low for interval in bins], [interval.accuracy.count for interval in bins],
        width=[interval.high - interval.low for interval in bins],
        align="edge", color=canvas.GREY, alpha=0.25,
    )  # fmt: skip
    counts.set_yscale("log")
    counts.set_ylim(bottom=0.5)
    counts.set_ylabel("images (grey)")
    axes.set_title("reliability", fontsize=10)


def _draw_rejection(axes: "Axes", evaluation: Evaluation) -> None:
    points = [("all", 0.0, evaluation.accuracy)]
    points += [
        (f"{threshold:g}", 1 - (kept.value or 0.0), remaining)
        for threshold, kept, remaining in evaluation.rejection_curve()
        if remaining.count
    ]
    rejected = [100 * share for _, share, _ in points]
    accuracy = [100 * (rate.value or 0.0) for *_, rate in points]
    intervals = [(100 * rate.interval[0], 100 * rate.interval[1]) for *_, rate in points]
    axes.errorbar(
        rejected,
        accuracy,
        yerr=_error_bars(accuracy, intervals),
        fmt="o-",
        ms=4,
        color=canvas.BLUE,
        capsize=2,
    )
    for number, ((label, *_), x, y) in enumerate(zip(points, rejected, accuracy, strict=True)):
        # On alternating sides, since the highest thresholds lie close together.
        offset, alignment = ((-4, 6), "right") if number % 2 else ((4, -11), "left")
        axes.annotate(label, (x, y), xytext=offset, textcoords="offset points", fontsize=7, ha=alignment)
    axes.margins(x=0.1)
    axes.set(xlabel="images rejected, %", ylabel="of the others, read right, %")
    axes.grid(visible=True, alpha=0.3)
    axes.set_title("rejection, by least confidence", fontsize=10)


def _error_bars(values: list[float], intervals: list[tuple[float, float]]) -> np.ndarray:
    """Return float (2, N): the distances from the values down and up to the ends of their intervals."""
    pairs = zip(values, intervals, strict=True)
    return np.array([(max(0, value - low), max(0, high - value)) for value, (low, high) in pairs]).T
