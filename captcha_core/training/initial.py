"""Starting from another network: its trunk is kept, and its head as far as it means the same."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..codecs.ctc import CtcCodec
from ..codecs.ctc_paths import BLANK
from ..errors import CheckpointError
from ..networks import Problem, checkpoint
from .plan import TrainingPlan


def start_from(network: nn.Module, plan: TrainingPlan, source: str | Path) -> list[str]:
    """Copy what fits from a checkpoint into a fresh network.

    A layer of the trunk fits when its shape does, so that another input height or number of
    channels costs one layer only. Of a CTC head, the rows of the characters that both
    charsets share are kept; other heads only where charset and lengths are the same.

    Returns
    -------
    The names of the parameters that keep their random start, in part or whole.

    Raises
    ------
    CheckpointError
        When the checkpoint is unreadable or of another architecture, or nothing fits.
    """
    old = checkpoint.load(source)
    if old.model.architecture != plan.architecture:
        raise CheckpointError(
            f"{source} is a network {old.model.architecture!r}, and the plan says {plan.architecture!r}"
        )
    rows = _head_rows(old, plan.problem)
    own, fresh = network.state_dict(), []
    for name, tensor in own.items():
        kept = old.weights.get(name)
        if kept is None or kept.shape[1:] != tuple(tensor.shape[1:]):
            fresh.append(name)
        elif name.startswith("head.") and rows is not None:
            tensor[rows[1]] = torch.from_numpy(kept[rows[0]])
            fresh += [name] * (len(rows[1]) < len(tensor))
        elif kept.shape == tuple(tensor.shape) and (
            not name.startswith("head.") or _same_texts(old, plan.problem)
        ):
            own[name] = torch.from_numpy(kept)
        else:
            fresh.append(name)
    if len(fresh) == len(own):
        raise CheckpointError(f"{source} has no layer of the shapes that the plan's settings give")
    network.load_state_dict(own)
    return fresh


def _same_texts(old: checkpoint.Checkpoint, new: Problem) -> bool:
    return (old.model.problem.charset, old.model.problem.lengths) == (new.charset, new.lengths)


def _head_rows(old: checkpoint.Checkpoint, new: Problem) -> tuple[list[int], list[int]] | None:
    """Return the rows of a CTC head that go over, and where to; None for other heads."""
    if not isinstance(old.codec, CtcCodec):
        return None
    charset = old.model.problem.charset
    shared = [character for character in new.charset if character in charset]
    pairs = [(charset.index(character) + 1, new.charset.index(character) + 1) for character in shared]
    sources, targets = np.array([(BLANK, BLANK), *pairs]).T.tolist()
    return sources, targets
