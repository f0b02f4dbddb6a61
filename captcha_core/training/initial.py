"""Starting from another network: its trunk is kept, its head where it means the same."""

from pathlib import Path

import torch
from torch import nn

from .. import checkpoint
from ..errors import CheckpointError
from .plan import TrainingPlan


def start_from(network: nn.Module, plan: TrainingPlan, source: str | Path) -> list[str]:
    """Copy what fits from a checkpoint into a fresh network.

    A head fits when charset and text lengths are the same; a layer of the trunk when its
    shape is, so that another image height or number of channels costs one layer only.

    Returns
    -------
    The names of the parameters that keep their random start.

    Raises
    ------
    CheckpointError
        When the checkpoint is unreadable or of another architecture, or nothing fits.
    """
    old = checkpoint.load(source)
    if old.model.architecture != plan.architecture:
        raise CheckpointError(
            f"{source} is a network {old.model.architecture!r}, and the plan says {plan.architecture!r}: "
            "make them equal"
        )
    same_head = (old.model.problem.charset, old.model.problem.lengths) == (
        plan.problem.charset,
        plan.problem.lengths,
    )
    fresh = []
    own = network.state_dict()
    for name, tensor in own.items():
        kept = old.weights.get(name)
        fits = kept is not None and kept.shape == tuple(tensor.shape)
        if kept is not None and fits and (same_head or not name.startswith("head.")):
            own[name] = torch.from_numpy(kept)
        else:
            fresh.append(name)
    if len(fresh) == len(own):
        raise CheckpointError(f"{source} has no layer of the shapes this plan needs: use the same settings")
    network.load_state_dict(own)
    return fresh
