"""``python -m tests.soak [--minutes M] [--seed S]``: mixed jobs while something fails every twenty seconds.

Jobs of all kinds run side by side on real workers and a real Redis. At the end each is brought to its
end and audited: the same bytes as undisturbed, nothing lost, doubled or left over. The memory of the
processes that live to the end is printed, and of Redis. Ends with 1 when anything was found.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from .cluster import Cluster
from .faults import Faults
from .lanes import KINDS, Lane
from .memory import Memory

_SECONDS = 20.0
_LEFT_SECONDS = 60.0  # in which what killed commands and workers held has expired


def soak(minutes: float, seed: int, folder: Path) -> list[str]:
    """Run a soak in an empty folder; returns what was found wrong."""
    cluster = Cluster(folder)
    try:
        for name, reason in cluster.missing.items():
            if reason:
                _say(f"no faults of the {name}: {reason}")
        lanes = [kind(cluster, seed * 100 + number) for number, kind in enumerate(KINDS)]
        for lane in lanes:
            lane.prepare()
        memory = Memory(cluster)
        faults = Faults(cluster, lanes, seed)
        _disturb(lanes, faults, minutes)
        memory.stop()
        findings = [finding for lane in lanes for finding in lane.findings] + _left_in_redis(cluster)
        _report(lanes, faults, memory)
        return findings
    finally:
        cluster.close()


def _disturb(lanes: Sequence[Lane], faults: Faults, minutes: float) -> None:
    """Have jobs run and faults happen for some minutes; then have the last jobs end."""
    threads = [threading.Thread(target=lane.run, daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    started_at = time.monotonic()
    end = started_at + 60 * minutes
    due = started_at + _SECONDS
    while due < end:
        time.sleep(max(0.0, due - time.monotonic()))
        _say(f"{(time.monotonic() - started_at) / 60:5.1f} min  {faults.next()}")
        due = max(due + _SECONDS, time.monotonic())
    for lane in lanes:
        lane.ended.set()
    for thread in threads:
        thread.join()


def _left_in_redis(cluster: Cluster) -> list[str]:
    """Return what stays open or taken though all jobs have ended."""
    end = time.monotonic() + _LEFT_SECONDS
    while (left := _open_or_leased(cluster)) and time.monotonic() < end:
        time.sleep(1)
    return left


def _open_or_leased(cluster: Cluster) -> list[str]:
    open_jobs = [f"{job.id} is still {job.state}" for job in cluster.ledger.active()]
    leases = cluster.redis.zrange("soak:leases", 0, -1)
    return open_jobs + [f"a lease is left: {name}" for name in leases if name != "audit"]  # type: ignore[union-attr]


def _report(lanes: Sequence[Lane], faults: Faults, memory: Memory) -> None:
    for lane in lanes:
        _say(
            f"{lane.kind}: {lane.jobs} jobs by {lane.commands} commands, {len(lane.findings)} findings, "
            f"{lane.leftovers} temporary files of killed writers"
        )
    _say(f"{sum(faults.counts.values())} faults: {faults.counts}")
    _say("memory in MB\n" + memory.table())


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    _say(f"{arguments.minutes:g} minutes, seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="capq-soak-", ignore_cleanup_errors=True) as folder:
        findings = soak(arguments.minutes, arguments.seed, Path(folder))
    for finding in findings:
        _say(f"FINDING {finding}")
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
