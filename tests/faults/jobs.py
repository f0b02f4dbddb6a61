"""The jobs that are disturbed: one of each kind, of some seconds and many units."""

from dataclasses import dataclass
from pathlib import Path

from captcha_core.datasets import Dataset, Plan
from captcha_core.spec import Spec

SHARDS, PER_SHARD = 8, 400
BATCHES, PER_BATCH = 12, 64
TRAINED = 320
SMALL = Spec.make(width=64, height=32, lengths=2, charset="0123456789")
READABLE = Spec.make(
    width=170, height=80, lengths=4, charset="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", image_format="png"
)
"""As the shipped network `lepture-170x80` reads them."""
NETWORK = "lepture-170x80"


@dataclass(frozen=True, kw_only=True)
class FaultJob:
    """A job that a fault disturbs.

    Attributes
    ----------
    kind
        Its kind's name.
    queue
        Which workers run it.
    images
        How many images it makes, reads or trains on.
    reads
        The dataset that it reads or trains on; empty for none.
    counted_as
        What becomes of an image, in the name of its Prometheus counter.
    arguments
        Of `capq`, run in a folder of the job's own; ``{inputs}`` stands for the folder of the datasets.
    again
        Further arguments with which the same command goes on from the files.
    """

    kind: str
    queue: str
    images: int
    counted_as: str
    arguments: tuple[str, ...]
    reads: str = ""
    again: tuple[str, ...] = ()

    def command(self, inputs: Path, *, again: bool = False) -> list[str]:
        """Return the arguments of `capq` that start the job, or go on with its files."""
        arguments = (*self.arguments, *(self.again if again else ()))
        return [argument.replace("{inputs}", str(inputs)) for argument in arguments]


JOBS = {
    job.kind: job
    for job in (
        FaultJob(
            kind="generate",
            queue="cpu",
            images=SHARDS * PER_SHARD,
            counted_as="rendered",
            arguments=("generate", "--shards", f"{SHARDS}", "--per-shard", f"{PER_SHARD}", "--out", "data"),
        ),
        FaultJob(
            kind="solve",
            reads="readable",
            queue="gpu",
            images=BATCHES * PER_BATCH,
            counted_as="solved",
            arguments=(
                *("solve-dir", "{inputs}/readable", "--checkpoint", NETWORK),
                *("--batch", f"{PER_BATCH}", "--out", "results.csv"),
            ),
        ),
        FaultJob(
            kind="evaluate",
            reads="readable",
            queue="gpu",
            images=BATCHES * PER_BATCH,
            counted_as="solved",
            arguments=("evaluate", "{inputs}/readable", "--checkpoint", NETWORK),
        ),
        FaultJob(
            kind="train",
            reads="small",
            queue="gpu",
            images=TRAINED,
            counted_as="trained",
            arguments=(
                *("train", "{inputs}/small", "--max-images", f"{TRAINED}", "--batch", "16"),
                *("--out", "m"),
            ),
            again=("--resume",),
        ),
    )
}


_PLANS = {
    "readable": Plan(spec=READABLE, shards=BATCHES, per_shard=PER_BATCH),
    "small": Plan(spec=SMALL, shards=2, per_shard=250),
}


def make_input(folder: Path, name: str) -> None:
    """Make a dataset that jobs read or train on, unless it is there."""
    if (folder / name).exists():
        return
    dataset = Dataset.begin(str(folder / name), _PLANS[name])
    for shard in range(dataset.plan.shards):
        dataset.write_shard(shard)
    dataset.finish()
