"""The networks a gpu worker's child keeps loaded."""

import functools
import gc

import celery
from billiard import current_process

from captcha_core import engines, machine
from captcha_core.codecs.options import Decoding
from captcha_core.engines import Engine
from captcha_core.errors import CheckpointError
from captcha_core.networks import checkpoint
from captcha_core.networks.checkpoint import Checkpoint
from captcha_core.solving.solver import Solver

from ..ledger.ledger import process_ledger

_KEPT = 3


def solver(name_or_path: str, digest: str, decoding: Decoding) -> Solver:
    """Return a solver on this child's device; its network is loaded once, however it is decoded.

    Raises
    ------
    CheckpointError
        When this machine has no such checkpoint, or another one of that name.
    """
    found, engine = _loaded(name_or_path, digest)
    return Solver(found, engine, beam=decoding.beam, lengths=decoding.lengths)


@functools.lru_cache(maxsize=_KEPT)
def _loaded(name_or_path: str, digest: str) -> tuple[Checkpoint, Engine]:
    found = checkpoint.load(name_or_path)
    if found.model.digest != digest:
        raise CheckpointError(
            f"{name_or_path} is not the network this job was started with: put that one back, "
            "or start a new job"
        )
    engine = engines.load(found, device())
    gc.collect()
    gc.freeze()  # what is loaded by now stays: no collection needs to look through it again
    task = celery.current_task
    if task:
        process_ledger().hold_model(
            task.request.hostname,
            f"{found.model.architecture} {digest[:12]} on {engine.device} ({engine.name})",
        )
    return found, engine


def device() -> str:
    """Return this child's device: one CUDA device a child, by its place in the pool."""
    count = _cuda_devices() if machine.accelerator_possible() else 0
    place = getattr(current_process(), "index", 0) or 0
    return f"cuda:{place % count}" if count else engines.AUTO


def _cuda_devices() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
