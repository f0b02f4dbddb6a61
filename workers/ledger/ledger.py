"""The ledger: one small record a job in Redis, changed by atomic scripts only."""

import enum
import functools
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, NamedTuple, cast

import redis

from ..errors import FinishingJobError, TooManyUnitsError, UnknownJobError
from ..settings import Settings, settings
from .connection import connect
from .job import Job, State

MAX_UNITS = 1_000_000
LEASE_SECONDS = 15
"""A publisher that has not renewed its lease for so long has died."""
_MODEL_SECONDS = 7 * 86_400
_MAX_ERROR = 500
_CAUSE_END = "\t"
_COUNT = "count:"  # before the name of each count, as record.lua writes them


class Verdict(enum.StrEnum):
    """Whether a unit whose message arrived is to run."""

    RUN = "run"
    ENDED = "ended"
    """It was recorded before: the message was delivered twice."""
    DEAD = "dead"
    """Its workers were lost too often; it is not tried again."""
    CANCELLED = "cancelled"
    GONE = "gone"
    """The job's record has expired or was lost."""


@dataclass(frozen=True, slots=True)
class BeginResult:
    """The answer to `Ledger.begin`.

    Attributes
    ----------
    attempt
        Which try this is, from 1.
    completed
        No unit of the job is left, and its results wait to be put together.
    """

    verdict: Verdict
    attempt: int
    completed: bool


@dataclass(frozen=True, slots=True)
class RecordResult:
    """The answer to `Ledger.record`: was this the first record, and the job's last unit?"""

    first: bool
    completed: bool


class JobKeys(NamedTuple):
    """The Redis keys of one job, in the order in which the scripts take them.

    Attributes
    ----------
    job
        Hash of the job's own fields.
    units
        String with each unit's mark.
    attempts, errors, parts
        Hashes by unit: how often it began, its last error, and what it left for the job's end.
    """

    job: str
    units: str
    attempts: str
    errors: str
    parts: str


class Ledger:
    """Records of jobs.

    A unit's mark is one byte: ``.`` (or zero) waiting, ``r`` running, ``d`` done, ``x`` dead.
    """

    def __init__(self, client: redis.Redis, prefix: str, keep_seconds: float) -> None:
        self._redis = client
        self._prefix = prefix
        self._keep_seconds = int(keep_seconds)
        self._scripts = {
            name: client.register_script(
                resources.files(__package__).joinpath("lua", f"{name}.lua").read_text()
            )
            for name in ("begin", "record", "total", "close", "reopen")
        }

    @classmethod
    def open(cls, settings: Settings) -> "Ledger":
        """Connect to the Redis that the settings name."""
        return cls(connect(settings), settings.key_prefix, settings.job_days * 86_400)

    def create(self, kind: str, request: dict[str, Any], *, total: int, sequential: bool = False) -> Job:
        """Create the record of a job with `total` units, -1 where their number is not known yet."""
        _check_total(total)
        job_id = f"{kind}-{secrets.token_hex(3)}"
        now = time.time()
        with self._redis.pipeline() as pipe:
            pipe.hset(
                self._job(job_id),
                mapping={
                    "kind": kind,
                    "request": json.dumps(request),
                    "state": State.QUEUED.value,
                    "sequential": int(sequential),
                    "total": total,
                    "done": 0,
                    "dead": 0,
                    "published": 0,
                    "created": now,
                },
            )
            pipe.zadd(self._key("jobs"), {job_id: now})
            pipe.sadd(self._key("active"), job_id)
            pipe.execute()
        return self.get(job_id)

    def get(self, job_id: str) -> Job:
        """Return a job's record, in one round trip.

        Raises
        ------
        UnknownJobError
            When there is no such job.
        """
        fields = cast(dict[str, str], self._redis.hgetall(self._job(job_id)))
        if not fields:
            raise UnknownJobError(f"there is no job {job_id!r}")
        return _job(job_id, fields)

    def state(self, job_id: str) -> State | None:
        """Return a job's state alone; None when its record is gone."""
        value = cast(str | None, self._redis.hget(self._job(job_id), "state"))
        return State(value) if value else None

    def jobs(self, limit: int = 0) -> Iterator[Job]:
        """Yield jobs, newest first; `limit` 0 for all. Those whose records have expired leave the list."""
        ids = cast(list[str], self._redis.zrevrange(self._key("jobs"), 0, limit - 1))
        for job_id in ids:
            fields = cast(dict[str, str], self._redis.hgetall(self._job(job_id)))
            if fields:
                yield _job(job_id, fields)
            else:
                self._redis.zrem(self._key("jobs"), job_id)

    def active(self) -> list[Job]:
        """Return the jobs that have not ended."""
        ids = cast(set[str], self._redis.smembers(self._key("active")))
        records = ((job_id, cast(dict[str, str], self._redis.hgetall(self._job(job_id)))) for job_id in ids)
        return [_job(job_id, fields) for job_id, fields in records if fields]

    def begin(self, job_id: str, unit: int, max_attempts: int) -> BeginResult:
        """Count an attempt at a unit that is about to run, and return whether it should run."""
        verdict, attempt, completed = self._scripts["begin"](
            keys=self._keys(job_id), args=[unit, max_attempts, time.time()]
        )
        return BeginResult(Verdict(verdict), int(attempt), bool(completed))

    def record(
        self,
        job_id: str,
        unit: int,
        *,
        error: str = "",
        cause: str = "",
        counts: dict[str, int] | None = None,
        latest: dict[str, Any] | None = None,
        part: str = "",
        total: int | None = None,
    ) -> RecordResult:
        """Record a unit's end, once: done, or dead with an `error`.

        Parameters
        ----------
        cause
            Name of the error's class, where capq has one for it.
        counts
            Added to the job's.
        latest
            Replaces what the job shows as its newest figures.
        part
            Kept with the unit until the results are put together.
        total
            The job's number of units, where this unit's end makes it known.
        """
        first, completed = self._scripts["record"](
            keys=self._keys(job_id),
            args=[
                unit,
                "x" if error else "d",
                _stored_error(error, cause),
                json.dumps(counts or {}),
                json.dumps(latest) if latest else "",
                part,
                "" if total is None else total,
            ],
        )
        return RecordResult(bool(first), bool(completed))

    def fix_total(self, job_id: str, total: int) -> bool:
        """Set the number of units of a job that was created without; True when all of them have ended.

        Then nobody else publishes the job's finish: the caller does, and notes it with `finish_sent`.

        Raises
        ------
        TooManyUnitsError
            When they are too many.
        """
        _check_total(total)
        return bool(self._scripts["total"](keys=[self._job(job_id)], args=[total]))

    def finish_sent(self, job_id: str) -> None:
        """Note that the finish a job was owed has been published."""
        self._redis.hdel(self._job(job_id), "owes_finish")

    def show_latest(self, job_id: str, latest: dict[str, Any]) -> None:
        """Replace the newest figures of a job while a unit is still at work."""
        self._redis.hset(self._job(job_id), "latest", json.dumps(latest))

    def note_error(self, job_id: str, unit: int, error: str, cause: str = "") -> None:
        """Keep a failed attempt's error, in case the next attempt's worker dies without recording one."""
        self._redis.hset(self._keys(job_id).errors, str(unit), _stored_error(error, cause))

    def close(
        self,
        job_id: str,
        state: State,
        *,
        summary: dict[str, Any] | None = None,
        error: str = "",
        only_from: str = "",
    ) -> bool:
        """Give a job its last state; False when it had one."""
        return bool(
            self._scripts["close"](
                keys=[*self._keys(job_id), self._key("active")],
                args=[
                    job_id,
                    state.value,
                    json.dumps(summary or {}),
                    error[:_MAX_ERROR],
                    time.time(),
                    self._keep_seconds,
                    only_from,
                ],
            )
        )

    def reopen(self, job_id: str) -> int:
        """Put the units of a job that did not end well back to waiting; returns how many had begun or died.

        Raises
        ------
        UnknownJobError
            When the job is gone.
        FinishingJobError
            When its results are being put together.
        """
        put_back = int(
            self._scripts["reopen"](keys=[*self._keys(job_id), self._key("active")], args=[job_id])
        )
        if put_back == -1:
            raise UnknownJobError(f"there is no job {job_id!r}")
        if put_back == -2:
            raise FinishingJobError(f"the results of {job_id} are being put together")
        return put_back

    def marks(self, job_id: str) -> str:
        """Return the units' marks; it may be shorter than the job has units."""
        return cast(str | None, self._redis.get(self._keys(job_id).units)) or ""

    def errors(self, job_id: str) -> dict[int, str]:
        """Return the errors of dead units, and of units that are being tried again."""
        return {unit: stored.rpartition(_CAUSE_END)[2] for unit, stored in self._stored_errors(job_id)}

    def causes(self, job_id: str) -> dict[int, str]:
        """Return the names of those errors' classes, empty where there is none."""
        return {unit: stored.rpartition(_CAUSE_END)[0] for unit, stored in self._stored_errors(job_id)}

    def parts(self, job_id: str) -> list[str]:
        """Return what units left for the job's end, in the order of the units."""
        parts = cast(dict[str, str], self._redis.hgetall(self._keys(job_id).parts))
        return [part for _, part in sorted((int(unit), part) for unit, part in parts.items())]

    def advance_published(self, job_id: str, published: int) -> State | None:
        """Note how many units' messages are out, and renew the publisher's lease; returns the job's state."""
        with self._redis.pipeline() as pipe:
            pipe.hget(self._job(job_id), "state")
            pipe.hset(self._job(job_id), "published", str(published))
            pipe.set(self._lease(job_id), "1", ex=LEASE_SECONDS)
            state = pipe.execute()[0]
        return State(state) if state else None

    def take_publishing(self, job_id: str) -> bool:
        """Take the lease to publish a job's units; False while another process has it."""
        return bool(self._redis.set(self._lease(job_id), "1", nx=True, ex=LEASE_SECONDS))

    def is_publishing(self, job_id: str) -> bool:
        """Tell whether a process has the lease to publish a job's units."""
        return bool(self._redis.exists(self._lease(job_id)))

    def release_publishing(self, job_id: str) -> None:
        self._redis.delete(self._lease(job_id))

    def hold_model(self, worker: str, model: str) -> None:
        """Note which model a worker has loaded, for `capq workers`; the note of a lost worker expires."""
        self._redis.set(self._key("model", worker), model, ex=_MODEL_SECONDS)

    def held_models(self, workers: Sequence[str]) -> dict[str, str]:
        """Return the model of each of these workers that has noted one lately."""
        models = cast(list[str | None], self._redis.mget([self._key("model", name) for name in workers]))
        return {name: model for name, model in zip(workers, models, strict=True) if model}

    def _stored_errors(self, job_id: str) -> list[tuple[int, str]]:
        errors = cast(dict[str, str], self._redis.hgetall(self._keys(job_id).errors))
        return sorted((int(unit), stored) for unit, stored in errors.items())

    def _key(self, *parts: str) -> str:
        return ":".join((self._prefix, *parts))

    def _job(self, job_id: str) -> str:
        return self._key("job", job_id)

    def _lease(self, job_id: str) -> str:
        return self._key("job", job_id, "publisher")

    def _keys(self, job_id: str) -> JobKeys:
        return JobKeys(self._job(job_id), *(self._key("job", job_id, name) for name in JobKeys._fields[1:]))


@functools.lru_cache(maxsize=1)
def process_ledger() -> Ledger:
    """Return the ledger that all of this process uses, at the address that the environment names."""
    return Ledger.open(settings())


def _stored_error(error: str, cause: str) -> str:
    """Return an error as the hash has it: its cause, a tab, and its text, which has no other tab."""
    return f"{cause}{_CAUSE_END}{error[:_MAX_ERROR].replace(_CAUSE_END, ' ')}"


def _check_total(total: int) -> None:
    if total > MAX_UNITS:
        raise TooManyUnitsError(f"{total:,} units are over the limit of {MAX_UNITS:,}")


def _job(job_id: str, fields: dict[str, str]) -> Job:
    return Job(
        id=job_id,
        kind=fields["kind"],
        request=json.loads(fields["request"]),
        state=State(fields["state"]),
        total=int(fields["total"]),
        done=int(fields["done"]),
        dead=int(fields["dead"]),
        published=int(fields["published"]),
        created=float(fields["created"]),
        started=_time(fields, "started"),
        ended=_time(fields, "ended"),
        counts={
            name.removeprefix(_COUNT): int(value) for name, value in fields.items() if name.startswith(_COUNT)
        },
        latest=json.loads(fields.get("latest") or "{}"),
        summary=json.loads(fields.get("summary") or "{}"),
        error=fields.get("error", ""),
        owes_finish=bool(fields.get("owes_finish")),
    )


def _time(fields: dict[str, str], name: str) -> float | None:
    return float(fields[name]) if fields.get(name) else None
