"""Choosing a network: the shipped ones read a sample of the images, and the most confident is taken.

Where it is not certain of them, the characters and lengths that do not occur in the sample's texts
are left out of the decoding (`codecs.occurrence`), unless the caller has said which there are.

Importing this module imports neither numpy nor an engine; reading a sample does.
"""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..codecs.options import Decoding
from ..errors import CheckpointError, counted
from ..inputs import Item, Source
from ..inputs.lists import STANDARD_INPUT
from ..networks import Problem, checkpoint
from .reading import Reading
from .sizes import FIRST_BATCH

if TYPE_CHECKING:
    from ..errors import ImageError
    from .solver import Readable, Solver

T = TypeVar("T")

AUTO = "auto"
"""Stands for a checkpoint's name where the images are to decide."""

SURE = 0.8
"""Least mean confidence of a sure network. The mean is the share of texts it expects to have read right."""

CONFIDENT = 0.9
"""Least confidence of a text that is counted in a reason."""

_CERTAIN = 0.97  # nothing to gain above
_NEAR = 0.95  # of the greatest: on their own look, means of 64 images differ by 0.03 between samples
_SAMPLE = 64
_OCCURRENCE_SAMPLE = 256
_LISTED = 512
_SAMPLE_BYTES = 64 << 20


@dataclass(frozen=True)
class Trial:
    """How one network read the sample.

    Attributes
    ----------
    checkpoint
        Its name or path.
    problem
        What it reads: charset, lengths, input size.
    confidences
        Of the images that could be decoded, in their order.
    resized
        How many of these had another size than the network reads.
    """

    checkpoint: str
    problem: Problem
    confidences: tuple[float, ...]
    resized: int

    @property
    def mean_confidence(self) -> float:
        """From 0 to 1; 0 without images."""
        return statistics.fmean(self.confidences) if self.confidences else 0.0

    @property
    def texts(self) -> int:
        """How many texts of the greatest length it can read, of which any one is the less likely."""
        return int(len(self.problem.charset) ** self.problem.lengths[1])

    @property
    def confident(self) -> int:
        """How many texts have a confidence of `CONFIDENT` or more."""
        return sum(confidence >= CONFIDENT for confidence in self.confidences)


@dataclass(frozen=True)
class Selection:
    """Which network is taken, and why.

    Attributes
    ----------
    checkpoint
        Its name or path.
    reason
        A clause that says why.
    decoding
        How the images are to be decoded: as the caller said, and within that only the characters
        and lengths that occur in the sample's texts.
    trials
        How each network read the sample, the best first; empty where it was not chosen by a sample.
    narrowed
        Whether `decoding` leaves out what does not occur in the sample.
    """

    checkpoint: str
    reason: str
    decoding: Decoding
    trials: tuple[Trial, ...] = ()
    narrowed: bool = False

    @property
    def warning(self) -> str:
        """What to say when no network is sure of the sample; empty when one is, or there was no sample."""
        if not self.trials or self.trials[0].mean_confidence >= SURE:
            return ""
        return (
            f"no network is sure of these images: the mean confidence of {self.checkpoint} "
            f"is {self.trials[0].mean_confidence:.2f}"
        )


def select_checkpoint(
    items: "Sequence[Readable | ImageError]",
    candidates: Sequence[str | Path] | None = None,
    *,
    device: str | None = None,
    decoding: Decoding = Decoding(),  # noqa: B008 (it is immutable)
) -> Selection:
    """Choose the network for some images: each candidate reads a sample, and the most confident is taken.

    The same images and candidates give the same choice.

    Parameters
    ----------
    items
        The images, as `Solver.stream` takes them; up to 64 of them, evenly spread, are read by each
        network, and up to 256 by the one that is taken.
    candidates
        Names and paths of checkpoints; None for all that are shipped. Those that cannot read all
        texts that `decoding` allows are left out.
    device
        As `Solver.load` takes it.
    decoding
        How the images are going to be decoded, and so the sample too.

    Returns
    -------
    The choice; the first candidate, or the default one, when no image can be decoded.

    Raises
    ------
    CheckpointError
        When a candidate is missing or damaged, or none reads such texts.
    DeviceError, MissingExtraError
        When a network cannot run here.
    """
    shipped = (checkpoint.DEFAULT, *checkpoint.shipped())
    names = list(dict.fromkeys(map(str, shipped if candidates is None else candidates)))
    solvers = [(name, solver) for name in names if (solver := _solver(name, device, decoding))]
    if not solvers:
        limit = _widest_limit(names, decoding)
        raise CheckpointError(f"none of the networks reads texts {decoding.description}: {limit}")
    sample = _spread(items)
    trials = [_trial(name, solver, sample) for name, solver in solvers]
    if not trials[0].confidences:
        return Selection(trials[0].checkpoint, "there is no image to choose by", decoding)
    trials = _best_first(trials)
    best = trials[0]
    narrow = given = Decoding.checked(best.problem, **decoding.values)
    if best.mean_confidence < _CERTAIN:
        narrow = _narrowed(dict(solvers)[best.checkpoint], _spread(items, _OCCURRENCE_SAMPLE), decoding)
    return Selection(best.checkpoint, _reason(trials), narrow, tuple(trials), narrowed=narrow != given)


def select_for_reading(
    source: Source,
    out: str,
    *,
    batch: int,
    overwrite: bool = False,
    decoding: Decoding = Decoding(),  # noqa: B008 (it is immutable)
) -> Selection:
    """Choose the shipped network for a reading.

    A table that is there, or an unfinished reading, decides, so that the same call goes on with it;
    else the images that the source lists first, read on the CPU.

    Parameters
    ----------
    source, out, batch, overwrite
        As `ReadingPlan` and `Reading.start` take them. A list on standard input is looked at no
        further than the first batch, and is still whole afterwards.
    decoding
        As for `select_checkpoint`.

    Raises
    ------
    CheckpointError, MissingExtraError
        As `select_checkpoint` raises them.
    InputError, StorageError
        When the images cannot be listed.
    ForeignOutputError
        When the working folder was made by another version of capq.
    """
    earlier = _earlier(source, out, decoding, overwrite=overwrite)
    if earlier:
        return earlier
    streamed = source.url == STANDARD_INPUT
    entries = _spread(source.first(min(batch, FIRST_BATCH) if streamed else _LISTED), _OCCURRENCE_SAMPLE)
    items = list(_within_memory(source.open().items(entries)))
    return select_checkpoint(items, device="cpu", decoding=decoding)


def _earlier(source: Source, out: str, decoding: Decoding, *, overwrite: bool) -> Selection | None:
    """Return the shipped network and the decoding with which a reading of these images goes on."""
    begun = Reading.to_continue(source, out, overwrite=overwrite)
    shipped = {checkpoint.describe(checkpoint.find(name)).digest: name for name in checkpoint.shipped()}
    name = shipped.get(begun.digest) if begun else None
    if not begun or not name:
        return None
    free = {"lengths": None, "charset": None}
    if decoding.model_copy(update=free) == decoding == begun.decoding.model_copy(update=free):
        decoding = begun.decoding
    options = f" and {decoding.options}" if decoding.options else ""
    return Selection(name, f"{out} was begun with it{options}", decoding)


def _narrowed(solver: "Solver", sample: "Sequence[Readable | ImageError]", decoding: Decoding) -> Decoding:
    """Leave out of a decoding what does not occur in a sample, except where the caller has said what does."""
    occurrence = solver.occurrence(sample)
    narrow = {
        "lengths": decoding.lengths or occurrence.lengths,
        "charset": decoding.charset or occurrence.charset,
    }
    return Decoding.checked(solver.checkpoint.model.problem, **decoding.values | narrow)


def _solver(name: str, device: str | None, decoding: Decoding) -> "Solver | None":
    """Load a network; None when it cannot read all texts that are allowed."""
    from .. import engines
    from .solver import Solver

    loaded = checkpoint.load(name)
    if _limit(loaded.model.problem, decoding):
        return None
    return Solver(loaded, engines.load(loaded, device), **decoding.values)


def _limit(problem: Problem, decoding: Decoding) -> str:
    """Say which texts that are allowed a network does not read; empty for none."""
    try:
        Decoding.checked(problem, **decoding.values)
    except CheckpointError as error:
        return str(error)
    return ""


def _widest_limit(names: Sequence[str], decoding: Decoding) -> str:
    """Name the network of the most characters and the longest texts, and say what it does not read."""
    problems = {name: checkpoint.describe(checkpoint.find(name)).problem for name in names}
    name, problem = max(problems.items(), key=lambda item: (len(item[1].charset), item[1].lengths[1]))
    return f"of {name}, {_limit(problem, decoding)}"


def _trial(name: str, solver: "Solver", sample: "Sequence[Readable | ImageError]") -> Trial:
    answers = [answer for answer in solver.stream(sample) if not answer.error]
    return Trial(
        checkpoint=name,
        problem=solver.checkpoint.model.problem,
        confidences=tuple(answer.confidence for answer in answers),
        resized=sum(answer.resized for answer in answers),
    )


def _best_first(trials: Sequence[Trial]) -> list[Trial]:
    """Order trials by confidence; near the top, the fewer texts and then the images' size come first.

    A network of fewer texts loses its confidence where the images hold others or have another look,
    so when it is about as confident as one of more texts, the images are its own.
    """
    falling = sorted(trials, key=lambda trial: trial.mean_confidence, reverse=True)
    near = [t for t in falling if t.mean_confidence >= _NEAR * falling[0].mean_confidence]
    best = min(near, key=lambda trial: (trial.texts, trial.resized))
    return [best, *(trial for trial in falling if trial is not best)]


def _reason(trials: Sequence[Trial]) -> str:
    """Say how the best network read the sample, and how the next one did."""
    best, *others = trials
    width, height = best.problem.size
    images = counted(len(best.confidences), "sample image")
    resized = f" ({best.resized} resized to {width}×{height})" if best.resized else ""
    reason = f"{best.confident} of {images}{resized} read with a confidence of {CONFIDENT:g} or more"
    return f"{reason}; {others[0].confident} by {others[0].checkpoint}" if others else reason


def _spread(items: Sequence[T], most: int = _SAMPLE) -> list[T]:
    """Return some of the items, from the first to nearly the last, evenly spread."""
    count = min(most, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def _within_memory(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the first items, of which not more than some megabytes are to be held."""
    size = 0
    for item in items:
        yield item
        size += len(item) if isinstance(item, bytes) else 0
        if size >= _SAMPLE_BYTES:
            return
