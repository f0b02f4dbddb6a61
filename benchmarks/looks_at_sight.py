"""The part of looks.py that trains nothing: networks and other readers on the test images."""

import argparse
import importlib.util
import sys
import time
from collections.abc import Sequence
from importlib import metadata

import peers
from labelled_sets import LabelledSet
from looks_tables import Column, Table
from measurements import Conditions, Measurement, Measurements
from peers import Pool, Reader

from captcha_core import engines
from captcha_core.networks import checkpoint

PEERS = (
    (Reader("ddddocr", peers.ddddocr, (False, False)), "ddddocr"),
    (Reader("ddddocr beta", peers.ddddocr, (True, False)), "ddddocr"),
    (Reader("captcha-whisperer", peers.captcha_whisperer), "captcha-whisperer"),
    (Reader("captcha-whisperer, 0 decoded", peers.captcha_whisperer_with_zero), "captcha-whisperer"),
)


def measure_at_sight(
    sets: Sequence[LabelledSet], options: argparse.Namespace, measurements: Measurements
) -> Table:
    """Let each reader read what has not been measured."""
    columns = []
    for reader, version in [*networks(options.checkpoint), *installed_peers()]:
        column = Column(reader.name, {images.name: conditions(images, reader, version) for images in sets})
        pending = [images for images in sets if column.conditions[images.name] not in measurements]
        if pending:
            read_sets(reader, pending, column, options.threads, measurements)
        columns.append(column)
    return Table("At sight", columns)


def networks(names: Sequence[str]) -> list[tuple[Reader, str]]:
    """Return what capq takes by itself, the shipped networks and those named, with their digests."""
    shipped = {name: checkpoint.load(name).model.digest for name in checkpoint.shipped()}
    by_sample = Reader("capq auto", peers.ours_by_sample)
    return [
        (by_sample, " ".join(shipped.values())),
        *(
            (Reader(f"capq {name}", peers.ours, (name, engines.AUTO)), checkpoint.load(name).model.digest)
            for name in dict.fromkeys([*shipped, *names])
        ),
    ]


def installed_peers() -> list[tuple[Reader, str]]:
    """Return the other makers' readers with their versions; those that are not installed are left out."""
    missing = {package for _, package in PEERS if importlib.util.find_spec(package.replace("-", "_")) is None}
    for package in sorted(missing):
        print(f"{package} is not installed, and left out", file=sys.stderr)
    return [(reader, metadata.version(package)) for reader, package in PEERS if package not in missing]


def conditions(images: LabelledSet, reader: Reader, version: str) -> Conditions:
    return Conditions(images=images.name, images_digest=images.digest, reader=reader.name, version=version)


def read_sets(
    reader: Reader,
    sets: Sequence[LabelledSet],
    column: Column,
    threads: int,
    measurements: Measurements,
) -> None:
    pool = Pool(reader, 1, threads)
    try:
        pool.read(sets[0].test_images[:1])  # opens the reader
        for images in sets:
            started = time.perf_counter()
            texts = pool.read(images.test_images)
            took = time.perf_counter() - started
            measurements.add(
                Measurement.score(column.conditions[images.name], images.test_labels, texts, took)
            )
    finally:
        pool.close()
