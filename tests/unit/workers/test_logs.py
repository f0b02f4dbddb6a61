"""What a worker's log lines hold, in both formats."""

import json
import logging
import sys
from datetime import UTC, datetime

import pytest

from workers.process import logs


def _record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    record = logging.makeLogRecord(
        {"name": "workers.x", "levelno": logging.WARNING, "levelname": "WARNING", "msg": message}
    )
    record.args = arguments
    record.__dict__.update(extra)
    return record


def _json(record: logging.LogRecord) -> dict[str, object]:
    text = logs.JsonFormatter().format(record)
    assert "\n" not in text
    fields: dict[str, object] = json.loads(text)
    return fields


def test_a_record_is_one_line_with_its_fields() -> None:
    record = _record("%d images\nread", 5, **{logs.FIELDS: {"outcome": "done"}})
    fields = _json(record)
    assert (fields["level"], fields["logger"], fields["message"], fields["outcome"]) == (
        "warning",
        "workers.x",
        "5 images\nread",
        "done",
    )
    moment = datetime.fromisoformat(str(fields["time"]))
    assert moment.tzinfo == UTC
    assert abs(moment.timestamp() - record.created) < 0.001


def test_a_second_that_is_nearly_over_is_not_written_as_thousand_milliseconds() -> None:
    assert str(_json(_record("x", created=1.9996))["time"]) == "1970-01-01T00:00:02.000Z"


def test_what_is_logged_in_a_unit_names_it() -> None:
    with logs.about(logs.LogUnit("solve-1", 7, 2)):
        inside = _json(_record("x"))
    assert (inside["job"], inside["unit"], inside["attempt"]) == ("solve-1", 7, 2)
    assert "job" not in _json(_record("x"))


def open_bucket(url: str) -> None:
    raise ValueError(f"cannot open {url}")


def _failure() -> logging.LogRecord:
    try:
        open_bucket("s3://key:secret@bucket/x")
    except ValueError:
        return _record("at redis://capq:p%40ss@host:6379/0", exc_info=sys.exc_info())


def test_an_error_has_its_traceback() -> None:
    assert "ValueError: cannot open" in str(_json(_failure())["exception"])


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_users_and_passwords_are_left_out_of_addresses(log_format: logs.Format) -> None:
    text = logs.formatter(log_format, logging.Formatter()).format(_failure())
    assert "redis://…@host:6379/0" in text
    assert "s3://…@bucket/x" in text
    for secret in ("capq:", "p%40ss", "key:", "secret"):
        assert secret not in text


@pytest.mark.parametrize("text", ["redis://host/0", "a@b.example", "https://host/a@b", "s3://bucket/x y@z"])
def test_what_is_no_password_stays(text: str) -> None:
    assert logs.redacted(text) == text
