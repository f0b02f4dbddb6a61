"""Evaluation: a unit is a batch of labelled images, in a dataset's case a shard."""

import functools
import itertools
from collections.abc import Iterator
from typing import Any

from captcha_core.codecs.options import Decoding
from captcha_core.datasets import Dataset, LabelledFolder, Sample, lookup, open_labelled
from captcha_core.errors import DatasetError
from captcha_core.evaluation import Evaluation

from ..app import GPU
from ..ledger.job import Job
from ..ledger.ledger import Ledger
from .base import Context, Kind, Outcome, Request

_BATCH = 512


class EvaluateRequest(Request):
    """What to read, and with what.

    Attributes
    ----------
    dataset
        The labelled images' path or URL.
    images
        How many there were when the job was opened.
    checkpoint, digest
        The network's folder or name, and its digest.
    decoding
        How its outputs become texts.
    """

    dataset: str
    images: int
    checkpoint: str
    digest: str
    decoding: Decoding = Decoding()


class Evaluate(Kind[EvaluateRequest]):
    name = "evaluate"
    unit = "batch"
    units = "batches"
    task = "capq.evaluate.batch"
    queue = GPU
    request = EvaluateRequest

    def run(self, request: EvaluateRequest, job: Job, unit: int, context: Context) -> Outcome:
        # Here, so that a worker that only renders never loads torch.
        from ..process.models import solver

        found = opened(request.dataset, request.images, job.id)
        ahead, images = itertools.tee(samples(found, unit))
        network = solver(request.checkpoint, request.digest, request.decoding)
        readings = network.stream(sample.image for _, sample in images)
        names, pairs = [], []
        for (name, sample), reading in zip(ahead, readings, strict=True):
            context.check()
            names.append(name)
            pairs.append((sample.text, reading))
        counted = Evaluation.count(pairs, names)
        return Outcome(
            counts={"images": counted.images, "right": counted.right, "unreadable": counted.unreadable},
            part=counted.to_json(),
        )

    def finish(self, request: EvaluateRequest, job: Job, ledger: Ledger) -> dict[str, Any]:
        counted = evaluation(ledger, job.id)
        asked = request.decoding.model_dump(mode="json", exclude_none=True)
        return {"dataset": request.dataset, "checkpoint": request.digest} | asked | counted.summary()

    def figures(self, job: Job) -> dict[str, str]:
        images = job.counts.get("images", 0)
        return {"right": f"{job.counts['right'] / images:.2%}"} if images else {}


def evaluation(ledger: Ledger, job_id: str) -> Evaluation:
    """Add up what a job's units counted."""
    return sum((Evaluation.from_json(part) for part in ledger.parts(job_id)), start=Evaluation())


def batch_count(images: Dataset | LabelledFolder) -> int:
    """Return how many units the evaluation of labelled images has."""
    return images.plan.shards if isinstance(images, Dataset) else -(-len(images) // _BATCH)


@functools.lru_cache(maxsize=1)
def opened(dataset: str, images: int, job_id: str) -> Dataset | LabelledFolder:
    """List the images once a process, not once a batch; a later job (`job_id`) lists them anew."""
    found = open_labelled(dataset)
    if len(found) != images:
        raise DatasetError(f"{dataset} has {len(found):,} images now, not {images:,}: evaluate it again")
    return found


def samples(found: Dataset | LabelledFolder, unit: int) -> Iterator[tuple[str, Sample]]:
    """Yield a unit's samples, each with its name."""
    if isinstance(found, Dataset):
        return lookup.named(found, unit, 1)
    return lookup.named(found, unit * _BATCH, _BATCH)
