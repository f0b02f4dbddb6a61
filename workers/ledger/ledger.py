"""The ledger: one small record a job in Redis, changed by atomic scripts only."""

import enum
import functools
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import redis

from ..errors import (
    FinishingJobError,
    JobError,
    OpenJobError,
    OutputInUseError,
    TooManyUnitsError,
    UnknownJobError,
)
from ..settings import Settings, settings
from .connection import COMMAND_PATIENCE, connect
from .job import Job, State
from .job_log import CAUSE_END, LogEntry, parse_entry
from .leases import (
    FINISH,
    Lease,
    LeaseName,
    Leases,
    load_script,
    output_lease,
    owner_node,
    publisher_lease,
    unit_lease,
)

MAX_UNITS = 1_000_000
PUBLISH_BATCH = 500
"""Units whose messages are sent at a time, before their number is noted."""
_MODEL_SECONDS = 7 * 86_400
_MAX_ERROR = 500
_COUNT = "count:"  # before the name of each count, as record.lua writes them


class Verdict(enum.StrEnum):
    """Whether a unit whose message arrived is to run."""

    RUN = "run"
    LEASED = "leased"
    """A worker has it, or its next attempt is to come later."""
    ENDED = "ended"
    """It was recorded before: the message was delivered twice."""
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """The job has no such unit, or not yet."""
    GONE = "gone"
    """The job's record has expired or was lost."""


@dataclass(frozen=True, slots=True)
class BeginResult:
    """The answer to `Ledger.begin`.

    Attributes
    ----------
    attempt
        Which try this is, from 1; 0 when it is not to run.
    """

    verdict: Verdict
    attempt: int


@dataclass(frozen=True, slots=True)
class RecordResult:
    """The answer to `Ledger.record`.

    Attributes
    ----------
    first
        Whether this was the record of the unit; otherwise nothing was changed.
    next_unit
        What the record is followed by, and whose message is owed: a unit's number, `FINISH`, or ''.
    """

    first: bool
    next_unit: str = ""


@dataclass(frozen=True, slots=True)
class ExpireResult:
    """The answer to `Ledger.expire`.

    Attributes
    ----------
    next_unit
        Whose message is owed now: a unit's number, `FINISH`, or ''.
    dead
        The unit that was set aside: its number, `FINISH` where a job's results are given up, or ''.
    """

    next_unit: str
    dead: str


@dataclass(frozen=True, slots=True)
class RunningUnit:
    """A unit that a process is at work on.

    Attributes
    ----------
    node
        Celery's name of the worker.
    """

    job: str
    unit: int
    node: str

    @property
    def kind(self) -> str:
        return self.job.rpartition("-")[0]


class JobKeys(NamedTuple):
    """The Redis keys of one job and those of all, in the order in which the scripts take them.

    Attributes
    ----------
    leases, owners
        Sorted set of all leases, and the hash of their owners.
    running
        Set of the leases on units that processes are at work on.
    job
        Hash of the job's own fields.
    units
        String with each unit's mark.
    attempts, errors, parts
        Hashes by unit: how many attempts failed, the last error, and what it left for the job's end.
    active, jobs
        The open jobs, and all jobs.
    totals
        Hash of sums over all jobs, by kind, which outlive the jobs.
    entries
        List of the job's log.
    """

    leases: str
    owners: str
    running: str
    job: str
    units: str
    attempts: str
    errors: str
    parts: str
    active: str
    jobs: str
    totals: str
    entries: str


_SCRIPTS = (
    *("create", "begin", "begin_finish", "record", "delay", "leave", "lose", "expire", "sent"),
    *("show", "advance", "total", "close", "reopen", "next_round", "delete", "note", "figures"),
)


class Ledger:
    """Records of jobs.

    A unit's mark is one byte: ``.`` (or zero) waiting, ``r`` running, ``d`` done, ``x`` dead. Who is
    at work on a unit is told by the unit's lease; only its owner changes what the ledger says of it.

    Attributes
    ----------
    leases
        The leases of the same Redis.
    """

    def __init__(
        self, client: redis.Redis, prefix: str, *, keep_seconds: float, lease_seconds: float
    ) -> None:
        self._redis = client
        self._prefix = prefix
        self._keep_seconds = int(keep_seconds)
        self.leases = Leases(client, prefix, lease_seconds)
        self._scripts = {name: load_script(client, name) for name in _SCRIPTS}

    @classmethod
    def open(cls, settings: Settings) -> "Ledger":
        """Connect to the Redis that the settings name."""
        return cls.on(connect(settings), settings)

    @classmethod
    def on(cls, client: redis.Redis, settings: Settings) -> "Ledger":
        """Return the ledger of a connection that is there."""
        return cls(
            client,
            settings.key_prefix,
            keep_seconds=settings.job_days * 86_400,
            lease_seconds=settings.lease_seconds,
        )

    def create(
        self,
        kind: str,
        request: dict[str, Any],
        *,
        total: int,
        sequential: bool = False,
        output: str = "",
        claim: Lease | None = None,
    ) -> Job:
        """Create the record of a job with `total` units, -1 where their number is not known yet.

        Parameters
        ----------
        output
            Path or URL of what the job makes, which it owns until it ends; empty for nothing.
        claim
            The caller's lease on that output, where it has one; the job takes it over.

        Raises
        ------
        OutputInUseError
            When the output is another's.
        """
        _check_total(total)
        name = output_lease(output) if output else ""
        creator = claim.owner if claim else secrets.token_hex(8)
        now = time.time()
        fields: dict[str, str | float] = {
            "kind": kind,
            "request": json.dumps(request),
            "state": State.QUEUED.value,
            "sequential": int(sequential),
            "total": total,
            "done": 0,
            "dead": 0,
            "published": 0,
            "created": now,
        }
        arguments: list[str | float] = [argument for field in fields.items() for argument in field]
        while True:
            job_id = f"{kind}-{secrets.token_hex(5)}"
            created, owner = self._run("create", job_id, name, creator, now, *arguments)
            if created:
                break
            if owner:
                raise _in_use(output, owner)
        if claim:
            claim.stop()
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

    def begin(self, job_id: str, unit: int, owner: str) -> BeginResult:
        """Lease a unit whose message has arrived to the process that runs it, unless it is not to run."""
        verdict, attempt = self._run("begin", job_id, unit, owner, self.leases.seconds, PUBLISH_BATCH)
        return BeginResult(Verdict(verdict), int(attempt))

    def begin_finish(self, job_id: str, owner: str) -> BeginResult:
        """Lease a job's end to the process that puts its results together, unless there is nothing to do."""
        verdict, attempt = self._run("begin_finish", job_id, owner, self.leases.seconds)
        return BeginResult(Verdict(verdict), int(attempt))

    def record(
        self,
        job_id: str,
        unit: int,
        owner: str,
        *,
        counts: dict[str, int] | None = None,
        latest: dict[str, Any] | None = None,
        part: str = "",
        total: int | None = None,
    ) -> RecordResult:
        """Record that a unit is done, once. Only the unit's owner can.

        Parameters
        ----------
        counts
            Added to the job's.
        latest
            Replaces what the job shows as its newest figures.
        part
            Kept with the unit until the results are put together.
        total
            The job's number of units, where this unit's end makes it known.
        """
        first, next_unit = self._run(
            "record",
            job_id,
            unit,
            owner,
            "d",
            "",
            json.dumps(counts or {}),
            json.dumps(latest) if latest else "",
            part,
            "" if total is None else total,
        )
        return RecordResult(bool(first), next_unit)

    def record_dead(
        self, job_id: str, unit: int, owner: str, error: str, cause: str = "", took: float | None = None
    ) -> RecordResult:
        """Set a unit aside with its error. Only the unit's owner can.

        Parameters
        ----------
        cause
            Name of the error's class, where capq has one for it.
        took
            Seconds of its last attempt, for the job's log.
        """
        arguments = ("x", _stored_error(error, cause), "{}", "", "", "", "" if took is None else took)
        first, next_unit = self._run("record", job_id, unit, owner, *arguments)
        return RecordResult(bool(first), next_unit)

    def delay(
        self,
        job_id: str,
        unit: int | str,
        owner: str,
        seconds: float,
        error: str,
        cause: str = "",
        took: float | None = None,
    ) -> bool:
        """Count a failed attempt, and have the unit run again after some seconds; False when it will not.

        The last two parameters are those of `record_dead`.
        """
        arguments = (seconds, _stored_error(error, cause), "" if took is None else took)
        return bool(self._run("delay", job_id, unit, owner, *arguments))

    def note_warnings(
        self, job_id: str, unit: int | str, owner: str, attempt: int, warnings: Sequence[str]
    ) -> None:
        """Keep the warnings of an attempt in the job's log. Only the unit's owner can."""
        texts = [text[:_MAX_ERROR] for text in warnings]
        self._run("note", job_id, unit, owner, attempt, *texts)

    def log(self, job_id: str) -> list[LogEntry]:
        """Return what a job's log has kept of failed attempts and warnings, the oldest first."""
        texts = cast(list[str], self._redis.lrange(self._keys(job_id).entries, 0, -1))
        return list(map(parse_entry, texts))

    def leave(self, job_id: str, unit: int, owner: str) -> str:
        """Give up a unit of a cancelled job; returns the unit where its message is owed, else ''."""
        return str(self._run("leave", job_id, unit, owner))

    def lose(self, job_id: str, unit: int | str, owner: str) -> None:
        """Let the lease of a process that has died expire now, or owe the message that has died with it.

        Parameters
        ----------
        owner
            The first part of the lease's owner.
        """
        self._run("lose", job_id, unit, owner)

    def expire(self, job_id: str, unit: int | str, max_attempts: int) -> ExpireResult:
        """Owe the message of a unit whose lease has expired, or set the unit aside after the last attempt."""
        return ExpireResult(*self._run("expire", job_id, unit, max_attempts))

    def note_sent(self, job_id: str, unit: int | str) -> None:
        """Note that the message for a unit, or a job's finish, was sent, unless a worker has it already."""
        self._run("sent", job_id, unit)

    def fix_total(self, job_id: str, owner: str, total: int) -> str:
        """Set the number of units of a job that was created without; only its publisher can.

        Returns
        -------
        `FINISH` when all of them have ended, and the message for it is owed; else ''.

        Raises
        ------
        TooManyUnitsError
            When they are too many.
        """
        _check_total(total)
        return str(self._run("total", job_id, owner, total))

    def show_latest(self, job_id: str, unit: int, owner: str, latest: dict[str, Any]) -> None:
        """Replace the newest figures of a job while its owner is at work on a unit."""
        self._run("show", job_id, unit, owner, json.dumps(latest))

    def close(
        self,
        job_id: str,
        state: State,
        *,
        summary: dict[str, Any] | None = None,
        error: str = "",
        finisher: str | None = None,
        publisher: str | None = None,
    ) -> bool:
        """Give a job its last state; False when it had one.

        Parameters
        ----------
        finisher, publisher
            The owner of the lease on the job's end, or on its publication, where only that may close it.
        """
        needed, owner = "", ""
        if finisher is not None:
            needed, owner = unit_lease(job_id, FINISH), finisher
        elif publisher is not None:
            needed, owner = publisher_lease(job_id), publisher
        summary_json = json.dumps(summary or {})
        arguments = (state.value, summary_json, error[:_MAX_ERROR], self._keep_seconds, needed, owner)
        return bool(self._run("close", job_id, *arguments))

    def reopen(self, job_id: str) -> str:
        """Open an ended job again, with its dead units waiting; returns what is owed: a unit, `FINISH` or ''.

        Raises
        ------
        UnknownJobError
            When the job is gone.
        FinishingJobError
            When its results are being put together.
        OutputInUseError
            When another job, or a command that starts one, owns its output.
        """
        output = cast(str | None, self._redis.hget(self._job(job_id), "output")) or ""
        outcome, detail = self._run("reopen", job_id, output)
        if outcome == "gone":
            raise UnknownJobError(f"there is no job {job_id!r}")
        if outcome == "finishing":
            raise FinishingJobError(f"the results of {job_id} are being put together")
        if outcome == "owned":
            raise _in_use(LeaseName.parse(output).subject, detail)
        return str(detail)

    def next_round(self, job_id: str, request: dict[str, Any], output: str) -> bool:
        """Open a job that is done once more, as new, with another request; False when it cannot be."""
        return bool(self._run("next_round", job_id, output_lease(output), json.dumps(request)))

    def delete(self, job_id: str) -> None:
        """Forget an ended job: its record, its units and their errors. What it made stays.

        Raises
        ------
        UnknownJobError
            When there is no such job.
        OpenJobError
            When it has not ended.
        JobError
            When a worker is still at work on its end.
        """
        outcome = self._run("delete", job_id)
        if outcome == "gone":
            raise UnknownJobError(f"there is no job {job_id!r}")
        if outcome == "busy":
            raise JobError(f"a worker has yet to tidy up after {job_id}")
        if outcome != "deleted":
            raise OpenJobError(f"{job_id} has not ended: it is {outcome}")

    def marks(self, job_id: str) -> str:
        """Return the units' marks; it may be shorter than the job has units."""
        return cast(str | None, self._redis.get(self._keys(job_id).units)) or ""

    def errors(self, job_id: str) -> dict[int, str]:
        """Return the errors of dead units, and of units that are being tried again."""
        return {unit: stored.rpartition(CAUSE_END)[2] for unit, stored in self._stored_errors(job_id)}

    def causes(self, job_id: str) -> dict[int, str]:
        """Return the names of those errors' classes, empty where there is none."""
        return {unit: stored.rpartition(CAUSE_END)[0] for unit, stored in self._stored_errors(job_id)}

    def parts(self, job_id: str) -> list[str]:
        """Return what units left for the job's end, in the order of the units."""
        parts = cast(dict[str, str], self._redis.hgetall(self._keys(job_id).parts))
        return [part for _, part in sorted((int(unit), part) for unit, part in parts.items())]

    def advance_published(self, job_id: str, owner: str, published: int) -> State | None:
        """Note how many units' messages are out; returns the job's state.

        None when the job is gone, or is published by another process than `owner` by now.
        """
        state = self._run("advance", job_id, owner, published)
        return State(state) if state else None

    def hold_publishing(self, job_id: str) -> Lease | None:
        """Take the lease to publish a job's units; None while another process has it."""
        return self.leases.hold(publisher_lease(job_id), secrets.token_hex(8))

    def is_publishing(self, job_id: str) -> bool:
        """Tell whether a process has the lease to publish a job's units."""
        return self.leases.alive(publisher_lease(job_id))

    def claim_output(self, url: str) -> Lease:
        """Take the lease on an output for which a job is to be created.

        Raises
        ------
        OutputInUseError
            When a job, or another command that starts one, has it.
        """
        name, owner = output_lease(url), secrets.token_hex(8)
        started_at = time.monotonic()
        present = self.leases.take(name, owner)
        if present and _is_job(present) and (self.state(present) or State.DONE).closed:
            self.leases.release(name, present)  # of a job whose record was lost
            present = self.leases.take(name, owner)
        if present:
            raise _in_use(url, present)
        return Lease(self.leases, name, owner, started_at, COMMAND_PATIENCE)

    def job_of_output(self, url: str) -> Job | None:
        """Return the open job that owns an output; None when there is none."""
        owner = self.leases.owner(output_lease(url))
        fields = cast(dict[str, str], self._redis.hgetall(self._job(owner))) if owner else {}
        return _job(str(owner), fields) if fields else None

    def ask_figures(self, pipe: "redis.client.Pipeline") -> None:
        """Ask, within a pipeline, for figures of open jobs by kind (JSON), and for sums over all jobs."""
        every_job = self._keys("")
        pipe.evalsha(self._scripts["figures"].sha, len(every_job), *every_job)
        pipe.hgetall(every_job.totals)

    def load_figures(self) -> None:
        """Give the server the script that `ask_figures` names."""
        self._redis.script_load(self._scripts["figures"].script)

    def unit_owners(self, job_id: str, units: list[int]) -> list[str | None]:
        """Return who is at work on each of some units: '' where a message is due, None for nobody."""
        return self.leases.owners([unit_lease(job_id, unit) for unit in units])

    def running_units(self) -> list[RunningUnit]:
        """Return the units that processes are at work on, by job and number."""
        names = [LeaseName.parse(name) for name in self.leases.running()]
        owners = self.leases.owners([str(name) for name in names])
        units = [
            RunningUnit(name.subject, int(name.unit), owner_node(owner))
            for name, owner in zip(names, owners, strict=True)
            if owner
        ]
        return sorted(units, key=lambda unit: (unit.job, unit.unit))

    def messages(self, queue: str) -> int:
        """Return how many messages wait on a queue."""
        return self._redis.llen(self._key(queue))

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

    def _keys(self, job_id: str) -> JobKeys:
        leases, owners, running = self.leases.keys
        units, attempts, errors, parts, entries = (
            self._key("job", job_id, name) for name in ("units", "attempts", "errors", "parts", "log")
        )
        return JobKeys(
            leases=leases,
            owners=owners,
            running=running,
            job=self._job(job_id),
            units=units,
            attempts=attempts,
            errors=errors,
            parts=parts,
            active=self._key("active"),
            jobs=self._key("jobs"),
            totals=self._key("totals"),
            entries=entries,
        )

    def _run(self, script: str, job_id: str, *arguments: str | float) -> Any:
        return self._scripts[script](keys=self._keys(job_id), args=[job_id, *arguments])


@functools.lru_cache(maxsize=1)
def process_ledger() -> Ledger:
    """Return the ledger that all of this process uses, at the address that the environment names."""
    return Ledger.open(settings())


def _stored_error(error: str, cause: str) -> str:
    """Return an error as the hash has it: its cause, a tab, and its text, which has no other tab."""
    return f"{cause}{CAUSE_END}{error[:_MAX_ERROR].replace(CAUSE_END, ' ')}"


def _in_use(output: str, owner: str) -> OutputInUseError:
    """Return the error of an output that is owned by a job, or by a command that has no job yet."""
    if _is_job(owner):
        return OutputInUseError(f"{owner} is at work on {output} now: capq wait {owner}")
    return OutputInUseError(f"another command is starting a job for {output}")


def _is_job(owner: str) -> bool:
    """Tell whether an owner is a job: its id has a hyphen, and a command's token has none."""
    return "-" in owner


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
    )


def _time(fields: dict[str, str], name: str) -> float | None:
    return float(fields[name]) if fields.get(name) else None
