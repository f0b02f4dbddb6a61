"""A whole reading in this process: from a folder, archive or list to a table, without workers."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..codecs.options import Decoding
from ..errors import InputError
from ..evaluation import Evaluation
from ..inputs import Source, find_source
from ..inputs.labels import BESIDE, NAMES, check_labels
from ..storage import absolute
from ..tables.formats import check_format
from .finish import ReadingSummary, finish
from .outputs import check_outputs
from .plan import ReadingPlan
from .reader import read_batch
from .reading import Reading
from .selection import select_for_reading

if TYPE_CHECKING:
    from .solver import Solver


def read(  # noqa: PLR0913 (each is an option of a reading)
    source: str | Path,
    out: str | Path,
    solver: "Solver | None" = None,
    *,
    recursive: bool = False,
    patterns: Sequence[str] = (),
    characters: bool = False,
    labels: str = "",
    min_confidence: float | None = None,
    report: str = "",
    batch: int = 2048,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> ReadingSummary:
    """Read every image of a source into a table.

    Interrupted, the same call goes on where it stopped; on a finished table it reads only what
    is new or has changed.

    Parameters
    ----------
    source
        A folder, a dataset or another folder of tar shards, a tar or zip file, a text file
        with a path a line, or an fsspec URL of one of these.
    out
        The table to write, ``.csv``, ``.jsonl`` or ``.parquet``.
    solver
        What to read with; None chooses the shipped network by a sample of the images, or goes on
        with that of a table that is there, and leaves out characters and lengths that do not occur
        in the sample (`selection.select_for_reading`); the summary's `decoding` tells. A
        ``UserWarning`` says so when no network is sure of them.
    recursive
        Read the folders below `source` too.
    patterns
        Names of the files to read, with ``*``, ``?`` and ``[…]``; empty for all images.
    characters
        Add a column with each character's confidence.
    labels
        Ground-truth labels to compare with: a file, or ``names`` or ``txt``, as
        `inputs.labels.open_labels` takes it; empty for none.
    min_confidence
        Add a column ``rejected``: true where the confidence is lower, or there is no text.
    report
        Path or URL of an HTML page with the doubtful images; empty for none.
    batch
        Largest number of images in a batch.
    overwrite
        Read everything again and replace the table.
    progress
        Called after each batch with the number of images read so far.

    Raises
    ------
    InputError
        When there is no such source or it holds no images.
    OutputExistsError, ForeignOutputError
        When something else stands at `out` or `report`.
    OverlapError
        When `out` or `report` lies in what is read, or the other way round.
    LabelError, CheckpointError, TableError, MissingExtraError
        When the labels, the network or the table's format cannot be used.
    """
    labels = labels if labels in ("", NAMES, BESIDE) else absolute(labels)
    if labels:
        check_labels(labels)
    check_format(absolute(out))
    plan_source = find_source(absolute(source), recursive=recursive, patterns=patterns, label=labels)
    solver = solver or _chosen_solver(plan_source, absolute(out), batch, overwrite=overwrite)
    plan = ReadingPlan(
        source=plan_source,
        digest=solver.checkpoint.model.digest,
        decoding=Decoding.checked(
            solver.checkpoint.model.problem,
            lengths=solver.lengths,
            beam=solver.beam,
            charset=solver.charset,
            ignore_case=solver.ignore_case,
        ),
        characters=characters,
        labels=labels,
        batch=batch,
        out=absolute(out),
    )
    report = absolute(report) if report else ""
    check_outputs(plan, checkpoint=str(solver.checkpoint.folder or ""), report=report, overwrite=overwrite)
    reading = Reading.start(plan, overwrite=overwrite)
    kept, evaluation = _read_batches(reading, solver, progress)
    summary = finish(
        reading,
        kept=kept,
        evaluation=evaluation,
        min_confidence=min_confidence,
        report=report,
        checkpoint=str(solver.checkpoint.folder or ""),
    )
    reading.remove()
    return summary


def _read_batches(
    reading: Reading, solver: "Solver", progress: Callable[[int], None] | None
) -> tuple[int, Evaluation]:
    """Read batch after batch; returns how many rows were kept, and the evaluation."""
    images = kept = 0
    evaluation = Evaluation()
    for number in reading.batches():
        result = read_batch(reading, number, lambda: solver, lambda: None)
        images += len(result.rows)
        kept += result.kept
        evaluation += result.evaluation()
        if progress:
            progress(images)
    if not images:
        reading.remove()
        raise InputError(f"{reading.plan.source.url} holds no images")
    return kept, evaluation


def _chosen_solver(source: Source, out: str, batch: int, *, overwrite: bool) -> "Solver":
    from .solver import Solver

    selection = select_for_reading(source, out, batch=batch, overwrite=overwrite)
    if selection.warning:
        warnings.warn(selection.warning, stacklevel=3)
    return Solver.load_for(selection)
