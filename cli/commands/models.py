"""`capq models`."""

from typing import Any

import click

from captcha_core import engines
from captcha_core.codecs.figures import percent_text
from captcha_core.errors import counted
from captcha_core.networks import checkpoint
from captcha_core.networks.checkpoint import Checkpoint

from ..options import completion
from ..terminal import json_option, print_fields, print_json, print_table, say

# Of batch norm: stored with the weights, but not learnt.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


@click.command()
@click.argument("names", metavar="[CHECKPOINT]…", nargs=-1, shell_complete=completion.checkpoints)
@json_option
def models(names: tuple[str, ...], as_json: bool) -> None:
    """List the networks that come with capq, or describe those given: folders or shipped names.

    Accuracy is the share of held-out images read without a fault, from the training record.

    \b
    capq models
    capq models ./model
    """
    networks = [_description(name, checkpoint.load(name)) for name in names or checkpoint.shipped()]
    if as_json:
        print_json(networks)
    elif names:
        for number, network in enumerate(networks):
            if number:
                say("")
            print_fields(_in_words(network))
    else:
        columns = ("name", "network", "reads", "MB", "accuracy", "digest")
        print_table(
            columns, [tuple(_in_words(network)[column] for column in columns) for network in networks]
        )


def _description(name: str, loaded: Checkpoint) -> dict[str, Any]:
    model = loaded.model
    learnt = (array.size for key, array in loaded.weights.items() if not key.endswith(_BUFFERS))
    return {
        "name": name,
        "folder": str(loaded.folder),
        "network": model.architecture,
        "charset": model.problem.charset,
        "lengths": model.problem.lengths,
        "size": model.problem.size,
        "channels": model.problem.channels,
        "parameters": sum(learnt),
        "bytes": model.weights_bytes,
        "accuracy": _accuracy(model.training),
        "trained_on": model.training.get("images"),
        "exported": engines.exported_engines(loaded),
        "digest": model.digest,
    }


def _accuracy(training: dict[str, Any]) -> float | None:
    """Return the last share of held-out images in a training record."""
    shares = [moment.get("accuracy") for moment in training.get("history", [])]
    return next((share for share in reversed(shares) if share is not None), None)


def _in_words(network: dict[str, Any]) -> dict[str, Any]:
    """Return a network's description as people read it."""
    low, high = network["lengths"]
    width, height = network["size"]
    colours = "grey" if network["channels"] == 1 else "colour"
    length = low if low == high else f"{low}-{high}"
    return {
        "name": network["name"],
        "folder": network["folder"],
        "network": network["network"],
        "reads": f"{length} of {_short(network['charset'])}, {width}×{height} {colours}",
        "parameters": network["parameters"],
        "MB": f"{network['bytes'] / 1e6:.1f}",
        "accuracy": None if network["accuracy"] is None else percent_text(network["accuracy"]),
        "trained on": None if network["trained_on"] is None else counted(network["trained_on"], "image"),
        "exported": ", ".join(network["exported"]),
        "digest": network["digest"][:12],
    }


def _short(charset: str) -> str:
    """Return a charset with runs of four and more abbreviated: ``0-9A-Z``."""
    runs: list[str] = []
    for character in charset:
        if runs and ord(character) == ord(runs[-1][-1]) + 1:
            runs[-1] += character
        else:
            runs.append(character)
    return "".join(run if len(run) < 4 else f"{run[0]}-{run[-1]}" for run in runs)
