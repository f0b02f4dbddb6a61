"""Evaluation: a unit is a batch of labelled images, and in a generated dataset a shard."""

import functools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pydantic

from captcha_core.codecs.figures import percent_text
from captcha_core.codecs.options import Decoding
from captcha_core.datasets import Dataset, LabelledFolder, Sample, lookup, open_labelled
from captcha_core.errors import ChangedDatasetError, counted
from captcha_core.evaluation import Evaluation
from captcha_core.images import faults
from captcha_core.labels import LabelOptions
from captcha_core.solving.stages import StageTimes

from ..app import GPU
from ..ledger.job import Job
from ..ledger.ledger import Ledger
from .base import Context, Kind, Outcome, Request

_BATCH = 512
_DEFAULTS = LabelOptions()
_LARGEST_SHARD = 10_000


class EvaluateRequest(Request):
    """Which images to read, and with which network.

    Attributes
    ----------
    dataset
        The labelled images' path or URL.
    images
        How many there were when the job was created.
    checkpoint, digest
        The network's folder or name, and its digest.
    decoding
        How its outputs become texts.
    labels
        How the labels of a folder's images are looked for.
    labelling
        How they were found when the job was created, and what was left out, for its summary.
    """

    dataset: str
    images: int
    checkpoint: str
    digest: str
    decoding: Decoding = Decoding()
    labels: LabelOptions = LabelOptions()
    labelling: dict[str, Any] = pydantic.Field(default_factory=dict)


class Evaluate(Kind[EvaluateRequest]):
    units = "batches"
    queue = GPU
    command = "evaluate"
    counted_as = "solved"
    request_type = EvaluateRequest

    def prepare(self) -> None:
        from ..process import models  # noqa: F401

    def run(self, request: EvaluateRequest, job: Job, unit: int, context: Context) -> Outcome:
        # Here, so that a worker that only renders never loads torch.
        from ..process.models import solver

        images = open_images(request.dataset, request.images, job.id, request.labels)
        names: list[str] = []
        texts: list[str] = []

        def encoded_images() -> Iterator[bytes]:
            for name, sample in samples(images, unit):
                names.append(name)
                texts.append(sample.text)
                yield sample.image

        answers, times = [], StageTimes()
        reader = solver(request.checkpoint, request.digest, request.decoding, times)
        for answer in reader.stream(encoded_images()):
            context.check()
            answers.append(answer)
        pairs = zip(texts, answers, strict=True)
        counted = Evaluation.count(pairs, names, ignore_case=request.decoding.ignore_case)
        return Outcome(
            counts={"images": counted.images, "right": counted.right, "unreadable": counted.unreadable},
            part=counted.to_json(),
            stage_seconds=times.seconds,
            faults=Counter(faults.fault(answer.error) for answer in answers if answer.error),
        )

    def finish(self, request: EvaluateRequest, job: Job, ledger: Ledger, context: Context) -> dict[str, Any]:
        decoding = request.decoding.model_dump(mode="json", exclude_none=True)
        figures = evaluation(ledger, job.id).summary()
        labels = {"labels": request.labelling} if request.labelling else {}
        return {"dataset": request.dataset, "checkpoint": request.digest} | labels | decoding | figures

    def images_a_unit(self, request: EvaluateRequest) -> int:
        return min(request.images, _LARGEST_SHARD)

    def figures(self, job: Job) -> dict[str, str]:
        images = job.counts.get("images", 0)
        return {"right": percent_text(job.counts["right"] / images)} if images else {}


def evaluation(ledger: Ledger, job_id: str) -> Evaluation:
    """Add up what a job's units counted."""
    return sum((Evaluation.from_json(part) for part in ledger.parts(job_id)), start=Evaluation())


def batch_count(images: Dataset | LabelledFolder) -> int:
    """Return how many units the evaluation of labelled images has."""
    return images.plan.shards if isinstance(images, Dataset) else -(-len(images) // _BATCH)


@functools.lru_cache(maxsize=1)
def open_images(
    dataset: str, images: int, job_id: str, options: LabelOptions = _DEFAULTS
) -> Dataset | LabelledFolder:
    """List the images once a process, not once a batch; a later job (`job_id`) lists them anew.

    Raises
    ------
    ChangedDatasetError
        When there are more or fewer than the `images` that the job was created for.
    """
    labelled = open_labelled(dataset, options)
    if len(labelled) != images:
        raise ChangedDatasetError(f"{dataset} has {counted(len(labelled), 'image')} now, not {images:,}")
    return labelled


def samples(images: Dataset | LabelledFolder, unit: int) -> Iterator[tuple[str, Sample]]:
    """Yield a unit's samples, each with its name."""
    if isinstance(images, Dataset):
        return lookup.named_samples(images, unit, 1)
    return lookup.named_samples(images, unit * _BATCH, _BATCH)
