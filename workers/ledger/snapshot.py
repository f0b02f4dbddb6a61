"""Everything that is watched about the queues and the ledger, read in two round trips to Redis.

The cost grows with the number of open jobs, not with that of their units, nor with that of ended jobs:
the ledger's scripts keep the sums.
"""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..settings import Settings
from .connection import connect
from .ledger import Ledger
from .worker_registry import LiveWorker, WorkerRegistry, live

SENT = "capq_sent"
"""The header of a message that holds when it was put on its queue, in seconds since the epoch."""

_TIMEOUT_SECONDS = 2.0
_PRIORITY_SUFFIXES = ("", "\x06\x163", "\x06\x166", "\x06\x169")  # of a queue's lists, as kombu names them


@dataclass(frozen=True)
class KindFigures:
    """The open jobs of a kind, and their units.

    Attributes
    ----------
    queued, running, finishing
        Number of jobs in these states.
    waiting, at_work, done, dead
        Number of their units. Where a job's number of units is unknown, those published count.
    """

    queued: int = 0
    running: int = 0
    finishing: int = 0
    waiting: int = 0
    at_work: int = 0
    done: int = 0
    dead: int = 0


@dataclass(frozen=True)
class QueueFigures:
    """Messages that wait on a queue.

    Attributes
    ----------
    oldest_seconds
        Since when the oldest waits; 0 where there is none, or it does not say.
    """

    length: int
    oldest_seconds: float


@dataclass(frozen=True)
class Snapshot:
    """What a Redis tells at one time.

    Attributes
    ----------
    round_trip_seconds
        Of a command that does nothing.
    memory_used, memory_max
        Bytes; 0 for no limit. Both are 0 where the user may not ask (`INFO`).
    unacknowledged
        Messages that workers have taken and not finished.
    kinds
        Open jobs, by kind; a kind without any may be absent.
    totals
        Sums over all jobs there ever were: by figure, kind and, where it has one, detail.
    """

    round_trip_seconds: float
    memory_used: int
    memory_max: int
    queues: dict[str, QueueFigures]
    unacknowledged: int
    kinds: dict[str, KindFigures]
    workers: list[LiveWorker]
    totals: dict[tuple[str, ...], int] = field(default_factory=dict)

    def total(self, *name: str) -> int:
        """Return one of the sums, such as ``units solve done``; 0 where nothing was added yet."""
        return self.totals.get(name, 0)


class SnapshotReader:
    """Reads snapshots over a connection of its own, which gives up after two seconds."""

    def __init__(self, settings: Settings, queues: Sequence[str]) -> None:
        self._client = connect(
            settings,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            health_check_interval=0,
        )
        self._prefix = settings.key_prefix
        self._queues = tuple(queues)
        self._ledger = Ledger.on(self._client, settings)
        self._workers = WorkerRegistry(self._client, self._prefix, settings.lease_seconds)

    def read(self) -> Snapshot:
        """Read a snapshot.

        Raises
        ------
        redis.RedisError
            When Redis does not answer within two seconds, or refuses.
        """
        answers = self._answers()
        if any(isinstance(answer, redis.exceptions.NoScriptError) for answer in answers):
            self._ledger.load_figures()  # the server has been started anew, or is asked for the first time
            answers = self._answers()
        started_at = time.perf_counter()
        self._client.ping()  # after the others, so that there is a connection
        return self._understood(iter(answers), time.perf_counter() - started_at)

    def workers(self) -> list[LiveWorker]:
        """Read the live workers alone; raises as `read` does."""
        with self._client.pipeline(transaction=False) as pipe:
            pipe.time()
            self._workers.ask(pipe)
            now, expiries, details = pipe.execute()
        return live(expiries, details, _seconds(now))

    def _answers(self) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipe:
            self._ask(pipe)
            return list(pipe.execute(raise_on_error=False))

    def _ask(self, pipe: "redis.client.Pipeline") -> None:
        pipe.time()
        pipe.info("memory")
        pipe.hlen(f"{self._prefix}:unacked")
        self._ledger.ask_figures(pipe)
        self._workers.ask(pipe)
        for queue in self._queues:
            for suffix in _PRIORITY_SUFFIXES:
                pipe.llen(f"{self._prefix}:{queue}{suffix}")
                pipe.lindex(f"{self._prefix}:{queue}{suffix}", -1)

    def _understood(self, answers: Any, round_trip: float) -> Snapshot:
        now = _seconds(_checked(next(answers)))
        memory = next(answers)
        memory = {} if isinstance(memory, redis.exceptions.NoPermissionError) else _checked(memory)
        unacknowledged = _checked(next(answers))
        kinds, totals = json.loads(_checked(next(answers))), _checked(next(answers))
        expiries, details = _checked(next(answers)), _checked(next(answers))
        return Snapshot(
            round_trip_seconds=round_trip,
            memory_used=int(memory.get("used_memory", 0)),
            memory_max=int(memory.get("maxmemory", 0)),
            unacknowledged=unacknowledged,
            kinds={kind: _kind_figures(figures) for kind, figures in dict(kinds).items()},
            workers=live(expiries, details, now),
            totals={tuple(name.split(":")): int(value) for name, value in totals.items()},
            queues={queue: _queue_figures(answers, now) for queue in self._queues},
        )


def _checked(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer


def _seconds(time_of_redis: tuple[int, int]) -> float:
    return time_of_redis[0] + time_of_redis[1] / 1e6


def _kind_figures(figures: dict[str, int]) -> KindFigures:
    outstanding = figures.pop("outstanding")
    return KindFigures(**figures, waiting=max(0, outstanding - figures["at_work"]))


def _queue_figures(answers: Any, now: float) -> QueueFigures:
    lengths, oldest = 0, 0.0
    for _ in _PRIORITY_SUFFIXES:
        lengths += _checked(next(answers))
        message = _checked(next(answers))
        if message:
            oldest = max(oldest, now - _sent_at(message, now))
    return QueueFigures(lengths, oldest)


def _sent_at(message: str, default: float) -> float:
    """Return when a message was put on its queue; anybody may have put it there."""
    try:
        sent = float(json.loads(message)["headers"][SENT])
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return default
    return min(sent, default) if math.isfinite(sent) else default
