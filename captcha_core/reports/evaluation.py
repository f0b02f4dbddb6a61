"""The pictures of an evaluation: what is taken for what, and how far confidence can be trusted."""

from typing import TYPE_CHECKING

import numpy as np

from ..evaluation import Evaluation
from . import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ALL = 64  # classes that still are legible on one matrix
_PAIRS = 16  # pairs that are named
_NONE = "∅"


def confusions(found: Evaluation, charset: str) -> "Figure":
    """Draw the confusion matrix and its commonest pairs.

    Characters that were read right are left out: they would drown the rest. Of charsets too
    large for one picture, the characters with the most faults are shown.

    Parameters
    ----------
    charset
        Order of the rows and columns; the last of both stands for no character.

    Raises
    ------
    MissingExtraError
        Where matplotlib is not installed.
    """
    faults = found.confusion_matrix(charset)
    np.fill_diagonal(faults, 0)
    names = np.array([*charset, _NONE])
    shown = np.arange(len(names))
    if len(names) > _ALL:
        shown = np.sort((faults.sum(0) + faults.sum(1)).argsort(stable=True)[-_ALL:])
    side = max(4.0, 0.16 * len(shown))
    count = found.character_accuracy.count
    title = f"{found.edits:,} faults in {count:,} characters of {found.images:,} images"
    figure = canvas.figure(side + 4, side + 0.8, title)
    matrix, bars = figure.subplots(1, 2, width_ratios=[side, 2.6])
    _matrix(matrix, faults[np.ix_(shown, shown)], names[shown])
    _pairs(bars, found)
    return figure


def confidence(found: Evaluation) -> "Figure":
    """Draw reliability, and accuracy against the share of images that a threshold rejects.

    The bars are 95 % intervals. Where confidence can be trusted, the points of the left
    panel lie on its diagonal.

    Raises
    ------
    MissingExtraError
        Where matplotlib is not installed.
    """
    error = found.calibration_error()
    title = f"{found.images:,} images" + (f", calibration error {error:.2%}" if error is not None else "")
    figure = canvas.figure(10, 4.8, title)
    reliability, rejection = figure.subplots(1, 2)
    _reliability(reliability, found)
    _rejection(rejection, found)
    return figure


def _matrix(axes: "Axes", faults: np.ndarray, names: np.ndarray) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogLocator, NullLocator

    shown = np.ma.masked_equal(faults, 0)
    drawn = axes.imshow(shown, cmap="YlOrRd", norm=LogNorm(1, max(2, faults.max())), interpolation="none")
    places = np.arange(len(names))
    axes.plot([-0.5, len(names) - 0.5], [-0.5, len(names) - 0.5], color=canvas.GREY, lw=0.5)
    axes.set_xticks(places, names, fontsize=7)
    axes.set_yticks(places, names, fontsize=7)
    axes.tick_params(top=True, labeltop=True, right=True, labelright=True, length=2)
    axes.set_xticks(places - 0.5, minor=True)
    axes.set_yticks(places - 0.5, minor=True)
    axes.grid(visible=True, which="minor", alpha=0.25, lw=0.4)
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("read")
    axes.set_ylabel("true")
    scale = axes.figure.colorbar(drawn, ax=axes, shrink=0.6, pad=0.06, format="%d")
    scale.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    scale.ax.yaxis.set_minor_locator(NullLocator())
    scale.ax.set_title("times", fontsize=8)


def _pairs(axes: "Axes", found: Evaluation) -> None:
    worst = found.confusions(_PAIRS)[::-1]
    names = [f"{true or _NONE} → {read or _NONE}" for true, read, _ in worst]
    bars = axes.barh(range(len(worst)), [count for *_, count in worst], color=canvas.RED)
    axes.bar_label(bars, padding=3, fontsize=8)
    axes.set_yticks(range(len(worst)), names, family="monospace")
    axes.set_xticks([])
    axes.margins(x=0.2)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_title("commonest" if worst else "no faults", fontsize=9)


def _reliability(axes: "Axes", found: Evaluation) -> None:
    bins = found.reliability()
    accuracy = [each.accuracy.value or 0.0 for each in bins]
    spread = [each.accuracy.interval for each in bins]
    axes.plot([0, 1], [0, 1], "--", color=canvas.GREY, lw=1)
    axes.errorbar(
        [each.confidence for each in bins], accuracy,
        yerr=_distances(accuracy, spread), fmt="o", ms=4, color=canvas.BLUE, capsize=2,
    )  # fmt: skip
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="share of images read right")
    axes.grid(visible=True, alpha=0.3)
    counts = axes.twinx()
    counts.bar(
        [each.low for each in bins], [each.accuracy.count for each in bins],
        width=[each.high - each.low for each in bins], align="edge", color=canvas.GREY, alpha=0.25,
    )  # fmt: skip
    counts.set_yscale("log")
    counts.set_ylim(bottom=0.5)
    counts.set_ylabel("images (grey)")
    axes.set_title("reliability", fontsize=10)


def _rejection(axes: "Axes", found: Evaluation) -> None:
    points = [("all", 0.0, found.accuracy)]
    points += [
        (f"{threshold:g}", 1 - (kept.value or 0.0), among)
        for threshold, kept, among in found.rejection()
        if among.count
    ]
    rejected = [100 * share for _, share, _ in points]
    accuracy = [100 * (rate.value or 0.0) for *_, rate in points]
    spread = [(100 * rate.interval[0], 100 * rate.interval[1]) for *_, rate in points]
    axes.errorbar(
        rejected, accuracy, yerr=_distances(accuracy, spread), fmt="o-", ms=4, color=canvas.BLUE, capsize=2
    )
    for number, ((name, *_), x, y) in enumerate(zip(points, rejected, accuracy, strict=True)):
        # By turns on either side, since the highest thresholds lie close together.
        place, side = ((-4, 6), "right") if number % 2 else ((4, -11), "left")
        axes.annotate(name, (x, y), xytext=place, textcoords="offset points", fontsize=7, ha=side)
    axes.margins(x=0.1)
    axes.set(xlabel="images rejected, %", ylabel="of the others, read right, %")
    axes.grid(visible=True, alpha=0.3)
    axes.set_title("rejection, by least confidence", fontsize=10)


def _distances(values: list[float], spread: list[tuple[float, float]]) -> np.ndarray:
    """Return float (2, N): how far down and up the intervals reach from the values."""
    pairs = zip(values, spread, strict=True)
    return np.array([(max(0, value - low), max(0, high - value)) for value, (low, high) in pairs]).T
