"""The curves of a training: loss, error on held-out images, learning rate."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import TrainingError
from ..reports import canvas
from .state import Moment

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def curves(history: Sequence[Moment], title: str) -> "Figure":
    """Draw a training's history over the images seen.

    The error is the share of held-out images with a fault; its axis is logarithmic, since a
    network's last steps from 98 to 99.5 % count as much as its first. Where no image is at
    fault, an open marker stands on the axis' lower end.

    Raises
    ------
    TrainingError
        When the history is empty.
    MissingExtraError
        Where matplotlib is not installed.
    """
    if not history:
        raise TrainingError("nothing to draw: this network has no training history")
    measured = [moment for moment in history if moment.accuracy is not None]
    figure = canvas.figure(8, 8 if measured else 6, title)
    axes = list(figure.subplots(3 if measured else 2, 1, sharex=True))
    _loss(axes[0], history)
    if measured:
        _error(axes[1], measured)
    axes[-1].plot([m.images for m in history], [m.rate for m in history], ".-", color=canvas.GREY)
    axes[-1].set_ylabel("learning rate")
    axes[-1].set_ylim(bottom=0)
    _count_images(axes[-1])
    for axis in axes:
        axis.grid(visible=True, alpha=0.3)
    figure.align_ylabels(axes)
    return figure


def _loss(axes: "Axes", history: Sequence[Moment]) -> None:
    points = [(moment.images, moment.loss) for moment in history if moment.loss is not None]
    axes.plot([x for x, _ in points], [y for _, y in points], ".-", color=canvas.BLUE)
    axes.set_ylabel("loss")
    _logarithmic(axes)


def _error(axes: "Axes", measured: Sequence[Moment]) -> None:
    points = [(moment.images, 100 * (1 - (moment.accuracy or 0.0))) for moment in measured]
    faulty = [point for point in points if point[1] > 0]
    floor = min((error for _, error in faulty), default=1.0) / 2
    axes.plot([x for x, _ in faulty], [y for _, y in faulty], ".-", color=canvas.RED)
    axes.plot(
        [x for x, error in points if error <= 0], [floor for _, error in points if error <= 0],
        "o", mfc="none", color=canvas.RED,
    )  # fmt: skip
    images, error = points[-1]
    axes.annotate(
        f"{100 - error:.2f} % right", (images, max(error, floor)), xytext=(0, 8),
        textcoords="offset points", ha="right", color=canvas.RED,
    )  # fmt: skip
    axes.set_ylabel("held-out images with a fault, %")
    _logarithmic(axes)


def _logarithmic(axes: "Axes") -> None:
    """Make the upright axis logarithmic, with numbers people read at 1, 2 and 5 of each decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _count_images(axes: "Axes") -> None:
    from matplotlib.ticker import EngFormatter

    axes.set_xlim(left=0)
    axes.set_xlabel("images seen")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
