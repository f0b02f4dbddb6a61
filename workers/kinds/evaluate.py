"""Evaluation: a unit is a batch of labelled images, in a dataset's case a shard."""

import itertools
from collections.abc import Iterator
from typing import Any

from captcha_core.datasets import Dataset, LabelledFolder, Sample, open_labelled
from captcha_core.evaluation import Evaluation

from ..app import GPU
from ..jobs import Job
from ..ledger import Ledger
from .base import Context, Kind, Outcome, Request

_BATCH = 512


class EvaluateRequest(Request):
    """Attributes: the labelled images' path or URL; the network's folder or name, and its digest."""

    dataset: str
    checkpoint: str
    digest: str


class Evaluate(Kind[EvaluateRequest]):
    name = "evaluate"
    unit = "batch"
    units = "batches"
    task = "capq.evaluate.batch"
    queue = GPU
    request = EvaluateRequest

    def run(self, request: EvaluateRequest, job: Job, unit: int, context: Context) -> Outcome:
        # Here, so that a worker that only renders never loads torch.
        from ..models import solver

        ahead, images = itertools.tee(_samples(request.dataset, unit))
        readings = solver(request.checkpoint, request.digest).stream(sample.image for sample in images)
        pairs = []
        for sample, reading in zip(ahead, readings, strict=True):
            context.check()
            pairs.append((sample.text, reading))
        found = Evaluation.of(pairs)
        return Outcome(
            counts={"images": found.images, "right": found.right, "unreadable": found.unreadable},
            part=found.to_json(),
        )

    def finish(self, request: EvaluateRequest, job: Job, ledger: Ledger) -> dict[str, Any]:
        parts = (Evaluation.from_json(part) for part in ledger.parts(job.id))
        found = sum(parts, start=Evaluation())
        return {"dataset": request.dataset, "checkpoint": request.digest} | found.summary()

    def figures(self, job: Job) -> dict[str, str]:
        images = job.counts.get("images", 0)
        return {"right": f"{job.counts['right'] / images:.2%}"} if images else {}


def batch_count(images: Dataset | LabelledFolder) -> int:
    """Return how many units the evaluation of labelled images has."""
    return images.plan.shards if isinstance(images, Dataset) else -(-len(images) // _BATCH)


def _samples(dataset: str, unit: int) -> Iterator[Sample]:
    found = open_labelled(dataset)
    if isinstance(found, Dataset):
        return found.shard(unit)
    return found.samples(unit * _BATCH, _BATCH)
