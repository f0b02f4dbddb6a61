"""Leases: rights that expire unless their owner renews them.

A worker leases the unit that it runs, a command the job that it publishes and the output that it is
about to write; a job owns its output, without an expiry. All of them are in one sorted set, by the
time at which they expire, with their owners in a hash beside it. A unit's lease without an owner
says that a message for the unit is due; see `lua/functions.lua`.
"""

import logging
import threading
import time
from collections.abc import Callable
from importlib import resources
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

import redis
from redis.commands.core import Script

from ..errors import LeaseLostError
from .connection import COMMAND_PATIENCE, PATIENCE_SECONDS, patiently

log = logging.getLogger(__name__)

FINISH = "finish"
"""Stands for a unit's number in the lease on putting a job's results together."""

_RENEWALS = 3  # in the time after which a lease expires
_FUNCTIONS = "functions"


class LeaseName(NamedTuple):
    """What a lease is on: ``unit:generate-3f9a1c22aa:7``.

    Attributes
    ----------
    kind
        ``unit``, ``publisher`` or ``output``, or ``audit``.
    subject
        A job's id, or an output's path or URL.
    unit
        A unit's number or `FINISH`, of a unit's lease.
    """

    kind: str
    subject: str = ""
    unit: str = ""

    @classmethod
    def parse(cls, name: str) -> Self:
        kind, _, rest = name.partition(":")
        if kind == "unit":
            return cls(kind, *rest.rsplit(":", 1))
        return cls(kind, rest)

    def __str__(self) -> str:
        return ":".join(filter(None, self))


def unit_lease(job_id: str, unit: int | str) -> str:
    return str(LeaseName("unit", job_id, str(unit)))


def publisher_lease(job_id: str) -> str:
    return str(LeaseName("publisher", job_id))


def output_lease(url: str) -> str:
    return str(LeaseName("output", url))


def owner_node(owner: str) -> str:
    """Return Celery's name of the worker that owns a unit's lease; empty where it names none."""
    _message, _, rest = owner.partition(" ")
    return rest.partition(" ")[0]


def load_script(client: redis.Redis, name: str) -> Script:
    """Return a Lua script of this package, with the functions that all of them share before it."""
    folder = resources.files(__package__).joinpath("lua")
    texts = (folder.joinpath(f"{part}.lua").read_text() for part in (_FUNCTIONS, name))
    return client.register_script("\n".join(texts))


class Leases:
    """All leases of a Redis.

    Attributes
    ----------
    seconds
        A lease that was not renewed for so long expires.
    keys
        Of the sorted set, of the hash of owners, and of the set of units that are being run.
    """

    def __init__(self, client: redis.Redis, prefix: str, seconds: float) -> None:
        self._redis = client
        self.seconds = seconds
        self.keys = (f"{prefix}:leases", f"{prefix}:lease_owners", f"{prefix}:running")
        names = ("take", "renew", "release", "due", "drop")
        self._scripts = {name: load_script(client, name) for name in names}

    def take(self, name: str, owner: str) -> str:
        """Take a lease, or renew one's own; returns its owner when it is somebody else's, else ''."""
        return str(self._run("take", name, owner, self.seconds))

    def hold(self, name: str, owner: str) -> "Lease | None":
        """Take a lease and keep it renewed; None when it is somebody else's."""
        started_at = time.monotonic()
        return None if self.take(name, owner) else Lease(self, name, owner, started_at, COMMAND_PATIENCE)

    def renew(self, name: str, owner: str) -> bool:
        """Renew a lease; False when it is lost."""
        return bool(self._run("renew", name, owner, self.seconds))

    def release(self, name: str, owner: str) -> None:
        """Give a lease back, if it is the owner's."""
        self._run("release", name, owner)

    def owner(self, name: str) -> str | None:
        """Return a lease's owner, '' where nobody is at work; None when there is no such lease."""
        return cast(str | None, self._redis.hget(self.keys[1], name))

    def alive(self, name: str) -> bool:
        """Tell whether somebody has a lease that has not expired."""
        with self._redis.pipeline() as pipe:
            pipe.time()
            pipe.zscore(self.keys[0], name)
            (seconds, microseconds), expiry = pipe.execute()
        return expiry is not None and expiry > seconds + microseconds / 1e6

    def owners(self, names: list[str]) -> list[str | None]:
        """Return the owners of several leases."""
        return cast(list[str | None], self._redis.hmget(self.keys[1], names)) if names else []

    def running(self) -> set[str]:
        """Return the names of the leases on units that processes are at work on."""
        return cast(set[str], self._redis.smembers(self.keys[2]))

    def due(self, limit: int) -> list[str]:
        """Return the names of leases that have expired, the longest expired first."""
        return cast(list[str], self._run("due", limit))

    def drop(self, name: str) -> None:
        """Remove a lease if it has expired."""
        self._run("drop", name)

    def _run(self, script: str, *arguments: str | float) -> Any:
        return self._scripts[script](keys=self.keys, args=arguments)


class Lease:
    """A lease of this process, renewed by a thread until it is released or lost.

    The time since the last renewal is looked at whenever somebody asks, so that a process that was
    stopped and goes on notices before it does anything else.
    """

    def __init__(
        self, leases: Leases, name: str, owner: str, started_at: float, patience: float = PATIENCE_SECONDS
    ) -> None:
        """Keep a lease that was taken.

        Parameters
        ----------
        started_at
            When it was asked for, of the monotonic clock.
        patience
            Seconds in which Redis may be away when it is to be asked.
        """
        self.name = name
        self.owner = owner
        self._leases = leases
        self._patience = patience
        self._held_until = started_at + leases.seconds
        self._ended = threading.Event()
        self._lost = False
        threading.Thread(target=self._keep, name=f"lease {name}", daemon=True).start()

    def held(self) -> bool:
        """Tell whether the lease is still this process's; asks Redis when that is in doubt."""
        if not self._lost and time.monotonic() >= self._held_until:
            patiently(self._renew, self._patience)
        return not self._lost

    @property
    def stopped(self) -> bool:
        """Whether the lease is no longer kept."""
        return self._ended.is_set()

    def check(self) -> None:
        """Raise LeaseLostError when the lease is lost."""
        if not self.held():
            raise LeaseLostError(f"the lease on {self.name} was lost: it was not renewed in time")

    def stop(self) -> None:
        """End the renewals of a lease that was given back otherwise, or that is left to expire."""
        self._ended.set()

    def release(self) -> None:
        """Give the lease back."""
        self.stop()
        self._leases.release(self.name, self.owner)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        _without_redis(self.release)

    def _keep(self) -> None:
        while not self._ended.wait(self._leases.seconds / _RENEWALS) and not self._lost:
            _without_redis(self._renew)

    def _renew(self) -> None:
        started_at = time.monotonic()
        if self._leases.renew(self.name, self.owner):
            self._held_until = started_at + self._leases.seconds
        else:
            self._lost = True


def _without_redis(call: Callable[[], None]) -> None:
    """Call what may be left out while Redis does not answer: a lease that is not renewed expires."""
    try:
        call()
    except redis.RedisError as error:
        log.warning("Redis does not answer: %s", error)
