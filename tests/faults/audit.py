"""The audit of a disturbed job: its record, its files and its figures, against an undisturbed run."""

import hashlib
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, multiprocess

from captcha_core.datasets import Dataset
from captcha_core.datasets.verification import verify
from captcha_core.networks import checkpoint
from captcha_core.tables.formats import read_table
from workers.ledger.job import Job, State

from .jobs import FaultJob

_RENDERED_AGAIN = 3  # images a shard
_RUN_RECORD = ("history", "seconds", "command")  # how long a training took, and in which slices


@dataclass(frozen=True)
class Reference:
    """What an undisturbed run leaves.

    Attributes
    ----------
    files
        The digest of each file's content, by its path in the job's folder.
    counts
        Of the job's record.
    summary
        The job's results.
    """

    files: dict[str, str]
    counts: dict[str, int]
    summary: dict[str, Any]


def make_reference(job: FaultJob, record: Job, folder: Path, inputs: Path) -> Reference:
    """Return what a run has left, after an audit of its files."""
    audit_record(job, record)
    audit_results(job, record, folder, inputs)
    return Reference(digests(folder), record.counts, _lasting(record.summary, folder))


def audit_record(job: FaultJob, record: Job) -> None:
    """Check that each unit counted once."""
    assert record.state is State.DONE, f"{record.state}: {record.error}"
    assert (record.total, record.dead) == (record.done, 0)
    # A training that was resumed has a job for the rest of its images.
    assert record.request.get("from_images", 0) + record.counts["images"] == job.images


def audit_results(job: FaultJob, record: Job, folder: Path, inputs: Path) -> None:
    """Check a job's results by themselves: each shard's digest, each input's row, each figure."""
    _AUDITS[job.kind](record, folder, inputs)


def audit_same(record: Job, folder: Path, reference: Reference) -> None:
    """Check that a job left what an undisturbed run leaves: no other file, no other byte."""
    assert digests(folder) == reference.files
    assert _lasting(record.summary, folder) == reference.summary
    if not record.request.get("from_images"):
        assert record.counts == reference.counts


def counted(job: FaultJob, folder: Path) -> tuple[int, int]:
    """Return the units and images that the processes of a worker have counted in a folder's files."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    labels = {"kind": job.kind, "outcome": "done"}
    units = registry.get_sample_value("capq_units_total", labels)
    images = registry.get_sample_value(f"capq_images_{job.counted_as}_total")
    return int(units or 0), int(images or 0)


def metrics_difference(record: Job, units: int, images: int, lost: int) -> str:
    """Return how the workers' figures differ from the ledger; '' where they agree.

    Parameters
    ----------
    units, images
        What the workers counted in all.
    lost
        Units whose figures may have died with a process.
    """
    missing, missing_images = record.done - units, record.counts["images"] - images
    if 0 <= missing <= lost and (missing_images == 0 or (lost and missing_images > 0)):
        return ""
    return f"metrics lack {missing} units and {missing_images} images of the ledger"


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of each file below a folder, of what does not tell the time or the run."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(_lasting_bytes(path)).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _lasting_bytes(path: Path) -> bytes:
    """Return a file's bytes without those that differ between two undisturbed runs."""
    if path.name == ".results.csv.capq":
        origin = json.loads(path.read_bytes())
        return json.dumps({name: origin[name] for name in origin if name not in ("begun", "token")}).encode()
    if path.parent.name != "m":
        return path.read_bytes()
    if path.name == "model.json":
        model = json.loads(path.read_bytes())
        training = {name: value for name, value in model["training"].items() if name not in _RUN_RECORD}
        # The digest covers the training's record; that of the weights stays.
        return json.dumps(model | {"training": training, "digest": ""}).encode()
    # The report, its card and its curves show the slices of the run, and how long they took.
    return b"" if path.name in ("README.md", "report.json", "curves.png") else path.read_bytes()


def _lasting(summary: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a job's summary without its folder, and without what depends on a training's slices."""
    values: dict[str, Any] = json.loads(json.dumps(summary).replace(str(folder), ""))
    if "loss" not in values:
        return values
    return {name: value for name, value in values.items() if name not in ("loss", "digest")}


def _audit_dataset(record: Job, folder: Path, inputs: Path) -> None:
    dataset = Dataset.open(str(folder / "data"))
    verdicts = list(verify(dataset, render=_RENDERED_AGAIN))
    assert not [verdict.fault for verdict in verdicts if verdict.fault]
    assert [verdict.shard for verdict in verdicts] == list(range(record.total))
    assert sum(verdict.images for verdict in verdicts) == record.counts["images"]
    assert sum(shard.bytes for shard in dataset.index.shards) == record.counts["bytes"]


def _audit_table(record: Job, folder: Path, inputs: Path) -> None:
    rows = list(read_table(str(folder / "results.csv")))
    assert [row.path for row in rows] == _input_names(inputs)
    assert len(rows) == record.counts["images"]
    assert sum(bool(row.error) for row in rows) == record.counts["unreadable"] == 0


def _audit_evaluation(record: Job, folder: Path, inputs: Path) -> None:
    assert record.summary["images"] == record.counts["images"]
    assert record.counts["right"] > 0


def _audit_network(record: Job, folder: Path, inputs: Path) -> None:
    model = checkpoint.load(folder / "m").model  # checks the digest of the weights
    assert model.training["images"] == record.latest["seen"]
    assert model.digest == record.summary["digest"]


def _input_names(inputs: Path) -> list[str]:
    """Return the paths of the images in the shards, as a table has them."""
    names = []
    for shard in sorted((inputs / "readable").glob("*.tar")):
        with tarfile.open(shard) as members:
            names += [f"{shard.name}/{name}" for name in members.getnames() if name.endswith(".png")]
    return names


_AUDITS: dict[str, Callable[[Job, Path, Path], None]] = {
    "generate": _audit_dataset,
    "solve": _audit_table,
    "evaluate": _audit_evaluation,
    "train": _audit_network,
}
