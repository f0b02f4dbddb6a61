"""Configuration from ``CAPQ_…`` environment variables, all of it in one place."""

import functools
import os
import tempfile
from pathlib import Path
from typing import Literal, Self

import platformdirs
import pydantic
from pydantic import Field

from . import address
from .errors import SettingError

FaultPoint = Literal[
    "after-send",
    "before-lease",
    "after-write",
    "after-record",
    "before-acknowledge",
    "after-finish",
    "after-close",
]
"""Where a process may stand still; `workers.process.fault_points` says when it comes there."""


class Settings(pydantic.BaseModel):
    """What the environment may set. Every field is the variable ``CAPQ_<NAME>``."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    redis_url: str = Field("", description="Redis to use; empty: the embedded one on this machine")
    redis_password_file: Path | None = Field(
        None, description="file with the password of that Redis, for an address without one"
    )
    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("capq", appauthor=False)),
        description="data of the embedded runtime: its Redis, logs and lock",
    )
    key_prefix: str = Field(
        "capq", pattern=r"^[A-Za-z0-9_-]{1,32}$", description="first part of every Redis key"
    )
    visibility_timeout: int = Field(
        21_600, ge=5, le=86_400, description="seconds until an unacknowledged message is delivered again"
    )
    lease_seconds: float = Field(
        15.0, ge=1, le=600, description="seconds until a unit whose worker vanished is given to another one"
    )
    max_attempts: int = Field(3, ge=1, le=100, description="times a unit is tried before it is set aside")
    slice_seconds: float = Field(20.0, gt=0, le=3600, description="length of a training slice")
    training_memory: pydantic.ByteSize = Field(
        pydantic.ByteSize(0),
        description="memory for the decoded images of a training set, such as 8GB; a larger set is streamed "
        "from its files; 0: half of the machine's",
    )
    training_threads: int = Field(
        0, ge=0, description="threads of a training on a CPU; 0: one a core, or OMP_NUM_THREADS"
    )
    job_days: float = Field(7.0, gt=0, description="days a finished job's record is kept")
    cpu_processes: int = Field(0, ge=0, description="render processes of a cpu worker; 0: one a core")
    idle_seconds: float = Field(300.0, gt=0, description="idle time after which the embedded runtime stops")
    log_format: Literal["text", "json"] = Field(
        "text", description="how workers write their logs: text for people, or json, an object a line"
    )
    metrics_host: str = Field("0.0.0.0", description="address a worker serves /metrics on")  # noqa: S104 (Prometheus scrapes from other hosts)
    metrics_port: int = Field(
        0, ge=0, le=65_535, description="port for /metrics; 0: any free one, shown by `capq workers`"
    )
    task_events: bool = Field(
        False, description="whether workers and commands send Celery's events, for celery-exporter or Flower"
    )
    heartbeat_file: Path | None = Field(
        None, description="file in which a worker notes every few seconds that it lives; empty: none"
    )
    fault_point: FaultPoint | Literal[""] = Field(
        "", description="for tests only: where a process stands still, until it is killed or continued"
    )

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings that the variables give; an empty variable counts as unset."""
        texts = {name: os.environ.get(_variable(name)) for name in cls.model_fields}
        return cls.model_validate_strings({name: text for name, text in texts.items() if text})

    @property
    def embedded(self) -> bool:
        """True when no Redis is named, so that capq runs its own."""
        return not self.redis_url

    @property
    def metrics_address(self) -> str:
        """Where a worker serves /metrics: one of the embedded runtime for this machine alone."""
        return "127.0.0.1" if self.embedded else self.metrics_host

    @property
    def tls(self) -> bool:
        """True when the named Redis is spoken to with TLS."""
        return self.redis_url.startswith(f"{address.TLS}://")

    @property
    def socket(self) -> Path:
        """The embedded Redis's unix socket; its path must stay within 107 bytes."""
        path = self.home / "run" / "redis.sock"
        if len(str(path)) <= 100:
            return path
        import hashlib

        name = hashlib.sha256(str(self.home).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"capq-{name}" / "redis.sock"

    @property
    def broker_url(self) -> str:
        """What Celery connects to."""
        return f"redis+socket://{self.socket}" if self.embedded else self.redis_url

    @property
    def ledger_url(self) -> str:
        """What redis-py connects to."""
        return f"unix://{self.socket}" if self.embedded else self.redis_url


@functools.lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the process's settings.

    Raises
    ------
    SettingError
        When a variable has a value that cannot be used.
    """
    try:
        read = Settings.from_environment()
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = f"{_variable(str(first['loc'][0]))}: " if first["loc"] else ""
        raise SettingError(name + first["msg"].removeprefix("Value error, ")) from None
    if read.redis_url:
        address.check(read.redis_url)
    if read.redis_password_file:
        url = address.with_password(read.redis_url, read.redis_password_file)
        return read.model_copy(update={"redis_url": url})
    return read


def _variable(name: str) -> str:
    return f"CAPQ_{name.upper()}"
