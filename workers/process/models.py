"""The networks that a gpu worker's child process keeps loaded."""

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
from captcha_core.solving.stages import StageTimes

from ..ledger.ledger import process_ledger
from . import metrics

_MAX_LOADED = 3


def solver(name_or_path: str, digest: str, decoding: Decoding, times: StageTimes | None = None) -> Solver:
    """Return a solver on this child's device; its network is loaded once, however it is decoded.

    Parameters
    ----------
    times
        Gets what each stage of reading takes.

    Raises
    ------
    CheckpointError
        When this machine has no such checkpoint, or another one of that name.
    """
    loaded, engine = _loaded(name_or_path, digest)
    metrics.model_used(digest, loaded.model.architecture, engine.name, engine.device)
    return Solver(
        loaded,
        engine,
        beam=decoding.beam,
        lengths=decoding.lengths,
        charset=decoding.charset,
        ignore_case=decoding.ignore_case,
        times=times,
    )


@functools.lru_cache(maxsize=_MAX_LOADED)
def _loaded(name_or_path: str, digest: str) -> tuple[Checkpoint, Engine]:
    loaded = checkpoint.load(name_or_path)
    if loaded.model.digest != digest:
        raise CheckpointError(
            f"{name_or_path} is not the network this job was started with "
            f"({loaded.model.digest[:12]}, not {digest[:12]})"
        )
    engine = engines.load(loaded, device())
    metrics.model_loaded()
    gc.collect()
    gc.freeze()  # what is loaded stays to the end: collections need not look through it
    task = celery.current_task
    if task:
        process_ledger().hold_model(
            task.request.hostname,
            f"{loaded.model.architecture} {digest[:12]} on {engine.device} ({engine.name})",
        )
    return loaded, engine


def device() -> str:
    """Return this child's device: CUDA devices go round by the child's index in the pool."""
    count = _cuda_devices() if machine.accelerator_possible() else 0
    index = getattr(current_process(), "index", 0) or 0
    return f"cuda:{index % count}" if count else engines.AUTO


def _cuda_devices() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
