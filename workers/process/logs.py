"""The log of a worker: lines for people, or JSON with the same fields for programs that collect them.

A unit has one line at the most, with its job and its number: Celery's own two, of its arrival and of its
end, are left out. Addresses are written without user and password.
"""

import json
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Format = Literal["text", "json"]

FIELDS = "capq_fields"
"""The attribute of a log record that holds further fields, given as ``extra={FIELDS: {…}}``."""

_CREDENTIALS = re.compile(r"(\w+://)[^\s/@'\"]*@")
_STANDARD_ERROR = 2
_MOST_WARNINGS = 20
_JOB_SYSTEM = ("workers.", "celery.", "kombu.", "billiard.", "opentelemetry.")
_CELERYS_LINES = ("celery.worker.strategy", "celery.app.trace")


class LogUnit(NamedTuple):
    """The unit, or the finish of a job, that this process is at work on."""

    job: str
    unit: int | str
    attempt: int


@dataclass
class _Process:
    """What this process is at work on: one unit at a time, in several threads.

    Attributes
    ----------
    worker
        Celery's name of its worker.
    warnings
        What has been warned of while it was at work on the unit.
    """

    worker: str = ""
    unit: LogUnit | None = None
    warnings: list[str] = field(default_factory=list)


_process = _Process()


@contextmanager
def about(unit: LogUnit) -> Iterator[list[str]]:
    """Give what is logged during the block the fields of a unit; yields the warnings as they come."""
    _process.unit, _process.warnings = unit, []
    try:
        yield _process.warnings
    finally:
        _process.unit = None


class _Warnings(logging.Handler):
    """Keeps warnings of the code that does a unit's work; the job system's own are of no use to the job.

    Only some of an attempt are kept, and each text once.
    """

    def emit(self, record: logging.LogRecord) -> None:
        kept = _process.warnings
        if _process.unit is None or len(kept) >= _MOST_WARNINGS or record.name.startswith(_JOB_SYSTEM):
            return
        text = redacted(record.getMessage()).strip()
        if text not in kept:
            kept.append(text)


def redacted(text: str) -> str:
    """Return a text whose addresses have no user and no password."""
    return _CREDENTIALS.sub(r"\1…@", text)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON.

    Always there are ``time`` (UTC, RFC 3339), ``level``, ``logger``, ``message``, ``worker`` (Celery's
    name, empty for a process that is none) and ``pid``; of a unit also ``job``, ``unit`` and ``attempt``;
    of an error ``exception``, its traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        seconds, milliseconds = divmod(round(record.created * 1000), 1000)
        fields: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "worker": _process.worker,
            "pid": record.process,
        }
        unit = _process.unit
        fields |= unit._asdict() if unit else {}
        fields |= getattr(record, FIELDS, {})
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        plain = {name: redacted(value) if isinstance(value, str) else value for name, value in fields.items()}
        return json.dumps(plain, ensure_ascii=False, default=str)


class _TextFormatter(logging.Formatter):
    """Lines as another formatter writes them, without users and passwords."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return redacted(self._inner.format(record))


def formatter(log_format: Format, text: logging.Formatter) -> logging.Formatter:
    """Return the formatter for a format; of text, one that writes as `text` does."""
    return JsonFormatter() if log_format == "json" else _TextFormatter(text)


def install(log_format: Format) -> None:
    """Have a worker and its pool write their logs so, once Celery has opened them."""
    from celery import signals  # here, so that the supervisor does without it

    def set_formatters(logger: logging.Logger, **_: Any) -> None:
        for handler in logger.handlers:
            handler.setFormatter(formatter(log_format, handler.formatter or logging.Formatter()))
        logger.addHandler(_Warnings(logging.WARNING))
        for name in _CELERYS_LINES:
            logging.getLogger(name).setLevel(max(logging.WARNING, logger.level))

    # Celery would forget functions that nothing else holds.
    signals.after_setup_logger.connect(set_formatters, weak=False)
    signals.after_setup_task_logger.connect(set_formatters, weak=False)
    signals.celeryd_init.connect(_note_worker, weak=False)
    signals.worker_process_init.connect(_note_worker, weak=False)


def _note_worker(sender: Any = None, **_: Any) -> None:
    _process.worker = str(sender or "")


def begin(log_format: Format) -> list[str]:
    """Have a worker's first and last lines, which are not Celery's log, be in the format too.

    Returns
    -------
    Celery's options for it.
    """
    if log_format == "text":
        return []
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler])
    logging.captureWarnings(True)
    from celery.apps import worker

    worker.safe_say = _say
    return ["--quiet"]  # no banner


def _say(message: str, _file: object = None) -> None:
    """Write what Celery says when a signal ends it; called within the handler, so past the log's locks."""
    record = logging.makeLogRecord(
        {"name": "celery.worker", "levelname": "INFO", "msg": message, "process": os.getpid()}
    )
    os.write(_STANDARD_ERROR, f"{JsonFormatter().format(record)}\n".encode())
