"""Starting a worker: ``python -m workers.process.launch cpu``, or `capq worker`."""

import argparse
import logging
import os
import secrets
import signal
import subprocess
import sys
from typing import Any

from celery import signals

from captcha_core import machine, rendering

from ..app import CPU, QUEUES, app
from ..settings import settings
from . import logs

log = logging.getLogger(__name__)

_UNUSED_GPU = "there is a driver of a GPU (%s), but no GPU can be used: networks run on the CPU (%s)"
_COUNT = """
import os, torch
cuda, mps = torch.cuda, torch.backends.mps
count = cuda.device_count() if cuda.is_available() else int(mps.is_available())
hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1")
built = torch.version.cuda or torch.version.hip
reason = "CUDA_VISIBLE_DEVICES hides it" if hidden else "this PyTorch is built for CPUs alone"
print(count, reason if not count and (hidden or not built) else "")
"""
"""Prints the number of devices, and why there is none, where that is known."""


def run(queue: str, *, processes: int = 0, log_level: str = "INFO") -> None:
    """Work on a queue until stopped; TERM lets the running units end first, and TERM again does not.

    Parameters
    ----------
    processes
        Pool processes; 0 for one a core (cpu), or one a device (gpu; one a core where there is none).
    """
    celery_options = logs.begin(settings().log_format)
    processes = processes or _default_processes(queue)
    if queue == CPU:
        _prepare_renderer()
    else:
        # CUDA does not survive a fork: each device's child starts as a fresh interpreter.
        app.conf.worker_pool_start_method = "spawn"
        os.environ |= environment(processes)
    signals.worker_shutting_down.connect(_end_at_once_if_told_again)
    app.worker_main(
        [
            *celery_options,
            "worker",
            f"--queues={queue}",
            f"--hostname={queue}-{os.getpid()}-{secrets.token_hex(2)}@%h",
            f"--concurrency={processes}",
            f"--loglevel={log_level}",
            "--without-gossip",
            "--without-mingle",
        ]
    )


def _end_at_once_if_told_again(sig: str = "", **_: Any) -> None:
    """Have a second TERM end the units that run, which Celery would not: other workers run them again."""
    if sig == "SIGTERM":
        signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGQUIT))


def _prepare_renderer() -> None:
    """Load the compiled renderer before the pool forks, to share it; start compiling it where it is not."""
    if not rendering.needs_compiling():
        rendering.warm()
        return
    log.warning("compiling the renderer, once on this machine; until then shards are drawn with Pillow")
    subprocess.Popen(
        [sys.executable, "-c", "from captcha_core import rendering; rendering.warm()"],
        stdin=subprocess.DEVNULL,
    )


def _default_processes(queue: str) -> int:
    if queue == CPU:
        return settings().cpu_processes or machine.cores()
    return _accelerators() or machine.cores()


def _accelerators() -> int:
    """Return how many devices other than the CPU there are for networks; a GPU left unused is said."""
    driver = machine.accelerator_driver()
    if not machine.accelerator_possible():
        if driver:
            log.warning(_UNUSED_GPU, driver, "PyTorch is not installed: pip install 'capq[torch]'")
        return 0
    # Asked in a process of its own, so that the worker's parent never loads torch.
    answer = subprocess.run([sys.executable, "-c", _COUNT], capture_output=True, text=True, check=False)
    count, _, reason = answer.stdout.strip().partition(" ")
    if answer.returncode or not count.isdecimal():
        count, reason = "0", f"PyTorch fails: {_last_line(answer.stderr)}"
    if count == "0" and driver:
        log.warning(_UNUSED_GPU, driver, reason or _last_line(answer.stderr))
    return int(count)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2].strip()


def environment(processes: int) -> dict[str, str]:
    """Return the environment variables of each of so many worker processes; those set already stay.

    A process that reads gets its share of the cores; a training, which runs in one of them, gets
    all. Memory that a batch has freed is kept for the next one: glibc would return it to the
    kernel, and have the kernel clear it again some milliseconds later.
    """
    cores = machine.cores()
    threads = os.environ.get("OMP_NUM_THREADS")
    unless_set = {
        "CAPQ_TRAINING_THREADS": threads or str(cores),
        # Threads of PyTorch that spin while they wait take cores from the threads that work.
        "OMP_WAIT_POLICY": "PASSIVE",
        "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # the largest value that glibc accepts
        "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    }
    kept = {name: os.environ.get(name, value) for name, value in unless_set.items()}
    return kept | {"OMP_NUM_THREADS": threads or str(max(1, cores // processes))}


def main() -> None:
    parser = argparse.ArgumentParser(description="Work on a queue.")
    parser.add_argument("queue", choices=QUEUES)
    run(parser.parse_args().queue)


if __name__ == "__main__":
    main()
