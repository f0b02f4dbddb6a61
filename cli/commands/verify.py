"""`capq verify`."""

import click
from rich.progress import track

from captcha_core.datasets import Dataset
from captcha_core.datasets import verify as verdicts
from captcha_core.errors import counted
from captcha_core.storage import absolute

from ..terminal import console, json_option, print_json, say, shown, watched

_RENDERED = 8


@click.command()
@click.argument("dataset")
@click.option(
    "--render",
    is_flag=True,
    help=f"Also draw {_RENDERED} images of each shard again and compare their bytes.",
)
@click.option("--repair", is_flag=True, help="Write damaged and missing shards again from spec and seed.")
@json_option
def verify(dataset: str, render: bool, repair: bool, as_json: bool) -> None:
    """Check every byte of a generated DATASET against the digests in its index.

    Exits with 1 when a shard is damaged or missing and was not repaired.
    """
    opened = Dataset.open(absolute(dataset))
    checked = list(
        track(
            verdicts(opened, render=_RENDERED if render else 0),
            "checking",
            total=opened.plan.shards,
            console=console(stderr=True),
            transient=True,
            disable=not watched(),
        )
    )
    faults = [verdict for verdict in checked if verdict.fault]
    if repair:
        for verdict in faults:
            opened.repair_shard(verdict.shard)
    images = sum(verdict.images for verdict in checked)
    rendered = sum(verdict.rendered for verdict in checked)
    if as_json:
        counts = {"images": images, "shards": len(checked), "rendered": rendered}
        print_json(counts | {"faults": faults, "repaired": repair})
    else:
        for verdict in faults:
            say(f"shard {verdict.shard}: {verdict.fault}")
        again = f", {shown(rendered)} of them drawn again" if render else ""
        state = f"{len(faults)} damaged" if faults else "all as they were written"
        if faults:
            state += (
                ", and repaired" if repair else f"; write them again with: capq verify {dataset} --repair"
            )
        say(f"{counted(images, 'image')} in {counted(len(checked), 'shard')}{again}: {state}")
    raise SystemExit(int(bool(faults) and not repair))
