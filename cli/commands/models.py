"""`capq models`."""

from typing import Any

import click

from captcha_core import engines
from captcha_core.networks import checkpoint
from captcha_core.networks.checkpoint import Checkpoint

from ..terminal import counted, json_option, print_fields, print_json, print_table, say

_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")  # of batch norm: weights, but not learnt


@click.command()
@click.argument("names", metavar="[CHECKPOINT]…", nargs=-1)
@json_option
def models(names: tuple[str, ...], as_json: bool) -> None:
    """List the networks that come with capq, or describe those given: folders or shipped names.

    Accuracy is the share of held-out images read without a fault, from the training record.

    \b
    capq models
    capq models ./model
    """
    found = [_described(name, checkpoint.load(name)) for name in names or checkpoint.shipped()]
    if as_json:
        print_json(found)
    elif names:
        for place, each in enumerate(found):
            if place:
                say("")
            print_fields(_fields(each))
    else:
        columns = ("name", "network", "reads", "MB", "accuracy", "digest")
        print_table(columns, [tuple(_fields(each)[column] for column in columns) for each in found])


def _described(name: str, found: Checkpoint) -> dict[str, Any]:
    model = found.model
    learnt = (array.size for key, array in found.weights.items() if not key.endswith(_BUFFERS))
    return {
        "name": name,
        "folder": str(found.folder),
        "network": model.architecture,
        "charset": model.problem.charset,
        "lengths": model.problem.lengths,
        "size": model.problem.size,
        "channels": model.problem.channels,
        "parameters": sum(learnt),
        "bytes": model.weights_bytes,
        "accuracy": _accuracy(model.training),
        "trained_on": model.training.get("images"),
        "exported": engines.exported_engines(found),
        "digest": model.digest,
    }


def _accuracy(training: dict[str, Any]) -> float | None:
    """Return the last share of held-out images in a training record."""
    shares = [moment.get("accuracy") for moment in training.get("history", [])]
    return next((share for share in reversed(shares) if share is not None), None)


def _fields(each: dict[str, Any]) -> dict[str, Any]:
    """Return a described network in words."""
    low, high = each["lengths"]
    width, height = each["size"]
    colours = "grey" if each["channels"] == 1 else "colour"
    length = low if low == high else f"{low}-{high}"
    return {
        "name": each["name"],
        "folder": each["folder"],
        "network": each["network"],
        "reads": f"{length} of {_short(each['charset'])}, {width}×{height} {colours}",
        "parameters": each["parameters"],
        "MB": f"{each['bytes'] / 1e6:.1f}",
        "accuracy": None if each["accuracy"] is None else f"{each['accuracy']:.2%}",
        "trained on": None if each["trained_on"] is None else counted(each["trained_on"], "image"),
        "exported": ", ".join(each["exported"]),
        "digest": each["digest"][:12],
    }


def _short(charset: str) -> str:
    """Return a charset with its runs drawn together: ``0-9A-Z``."""
    runs: list[str] = []
    for character in charset:
        if runs and ord(character) == ord(runs[-1][-1]) + 1:
            runs[-1] += character
        else:
            runs.append(character)
    return "".join(run if len(run) < 4 else f"{run[0]}-{run[-1]}" for run in runs)
