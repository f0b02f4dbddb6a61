"""`capq evaluate`."""

from typing import Any

import click

from captcha_core.checkpoint import Model
from captcha_core.datasets import Dataset, open_labelled
from captcha_core.errors import CheckpointError
from captcha_core.networks import Problem
from captcha_core.spec import Spec
from workers.jobs import Job
from workers.kinds.evaluate import EvaluateRequest, batch_count

from .checkpoints import checkpoint_option, chosen
from .locations import absolute
from .session import session
from .submission import detach_option, run
from .terminal import json_option, print_table, say, shown


@click.command()
@click.argument("dataset")
@checkpoint_option
@detach_option
@json_option
def evaluate(dataset: str, name: str, detach: bool, as_json: bool) -> None:
    """Measure how well a network reads labelled images, on the gpu workers.

    DATASET is what `capq generate` made, or a folder of your own labelled images. Shares
    come with their 95 % intervals; --json has every figure, the confusions among them.
    """
    url = absolute(dataset)
    checkpoint, model = chosen(name)
    images = open_labelled(url)
    if isinstance(images, Dataset):
        _check_fits(url, images.plan.spec, model)
    total = batch_count(images)
    with session() as ledger:
        request = EvaluateRequest(dataset=url, checkpoint=checkpoint, digest=model.digest)
        run(ledger, "evaluate", request, total=total, detach=detach, as_json=as_json, show=show)


def _check_fits(dataset: str, spec: Spec, model: Model) -> None:
    """Refuse a generated dataset that the network cannot read: its figures would mean nothing."""
    asked, given = Problem.of(spec), model.problem
    wrong = []
    if asked.size != given.size:
        wrong.append(f"its images are {asked.size[0]}×{asked.size[1]}, not {given.size[0]}×{given.size[1]}")
    if set(asked.charset) - set(given.charset):
        wrong.append(f"it has characters beyond {given.charset}")
    if asked.lengths[0] < given.lengths[0] or asked.lengths[1] > given.lengths[1]:
        wrong.append(f"its texts are {'-'.join(map(str, asked.lengths))} characters long")
    if wrong:
        raise CheckpointError(
            f"this network cannot read {dataset}: {'; '.join(wrong)}. Train one: capq train {dataset}"
        )


def show(job: Job) -> None:
    """Print what an evaluation found."""
    summary = job.summary
    say(f"{shown(summary['images'])} images of {summary['dataset']}")
    print_table(
        ("", "share", "95 % interval", "right", "of"),
        [
            _row("whole images", summary["accuracy"]),
            _row("characters", summary["characters"]),
            *(_row(f"  at place {i}", rate) for i, rate in enumerate(summary["by_position"], start=1)),
        ],
    )
    if summary["unreadable"]:
        say(f"{shown(summary['unreadable'])} images could not be decoded and count as wrong")
    if summary["confusions"]:
        worst = "  ".join(
            f"{c['true'] or '∅'}→{c['read'] or '∅'} {c['count']}" for c in summary["confusions"][:10]
        )
        say(f"commonest faults: {worst}")


def _row(name: str, rate: dict[str, Any]) -> tuple[str, str, str, int, int]:
    value = "" if rate["value"] is None else f"{rate['value']:.2%}"
    return name, value, f"{rate['low']:.2%} – {rate['high']:.2%}", rate["right"], rate["count"]
