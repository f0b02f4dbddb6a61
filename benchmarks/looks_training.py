"""The part of looks.py that trains: `capq train` on subsets of the labels."""

import argparse
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import peers
from command import Capq, CommandFailed
from labelled_sets import LabelledSet
from looks_tables import Column, Table
from measurements import Conditions, Measurement, Measurements
from peers import Pool, Reader

from captcha_core import engines
from captcha_core.networks import checkpoint

ALL = "all"
FROM_NOTHING = ("--init", "none")  # options of `capq train`


class Start(NamedTuple):
    """What a training starts from: its title, the options that say so, the digest of a checkpoint."""

    title: str
    options: tuple[str, ...]
    version: str


class Training(NamedTuple):
    """A set to learn, a start, and the conditions to measure under."""

    images: LabelledSet
    start: Start
    conditions: Conditions


def measure_trained(
    sets: Sequence[LabelledSet], options: argparse.Namespace, measurements: Measurements
) -> tuple[list[Table], int]:
    """Train what has not been measured; returns a table for each start, and how many trainings failed."""
    starts = list_starts(options.init)
    tables = [
        Table(
            start.title,
            [
                Column(count, {images.name: conditions(images, start, count, options) for images in sets})
                for count in options.labels
            ],
        )
        for start in starts
    ]
    trainings = {
        training.conditions: training
        for training in list_trainings(sets, starts, options)
        if training.conditions not in measurements
    }
    return tables, run_trainings(list(trainings.values()), options.threads, measurements)


def list_starts(initial: str) -> list[Start]:
    digest = checkpoint.load(initial).model.digest
    return [Start(f"from {initial}", ("--init", initial), digest), Start("from nothing", FROM_NOTHING, "")]


def list_trainings(
    sets: Sequence[LabelledSet], starts: Sequence[Start], options: argparse.Namespace
) -> Iterator[Training]:
    """Yield all trainings; those to compare stand together, so that an interrupted run has both."""
    for images in sets:
        for count in options.labels:
            for start in starts:
                yield Training(images, start, conditions(images, start, count, options))


def conditions(images: LabelledSet, start: Start, count: str, options: argparse.Namespace) -> Conditions:
    labels = len(images.train)
    return Conditions(
        images=images.name,
        images_digest=images.digest,
        reader=f"capq {start.title}",
        version=start.version,
        labels=labels if count == ALL else min(int(count), labels),
        seed=options.seed,
        seconds=options.seconds,
        options=options.train,
    )


def run_trainings(trainings: Sequence[Training], threads: int, measurements: Measurements) -> int:
    """Train and measure, one after the other; returns how many failed."""
    failed = 0
    for number, training in enumerate(trainings, 1):
        print(
            f"{number} of {len(trainings)}: {training.images.name}, {training.conditions.labels} labels, "
            f"{training.start.title}",
            file=sys.stderr,
        )
        with tempfile.TemporaryDirectory() as folder:
            try:
                measurements.add(train_and_read(training, threads, Path(folder)))
            except CommandFailed as failure:
                print(failure, file=sys.stderr)
                failed += 1
    return failed


def train_and_read(training: Training, threads: int, folder: Path) -> Measurement:
    took = train(training, folder)
    pool = Pool(Reader("trained", peers.ours, (str(folder / "trained"), engines.AUTO)), 1, threads)
    try:
        texts = pool.read(training.images.test_images)
    finally:
        pool.close()
    return Measurement.score(training.conditions, training.images.test_labels, texts, took)


def train(training: Training, folder: Path) -> float:
    """Train on a subset, on a runtime of its own; returns the seconds of the whole command."""
    wanted = training.conditions
    training.images.write_subset(folder / "labelled", wanted.labels, wanted.seed)
    capq = Capq(folder)
    started = time.perf_counter()
    try:
        capq(
            *("train", str(folder / "labelled"), *training.start.options, *shlex.split(wanted.options)),
            *("--max-time", f"{wanted.seconds:g}s", "--seed", str(wanted.seed)),
            *("--out", str(folder / "trained")),
        )
        return time.perf_counter() - started
    finally:
        capq("local", "stop")
