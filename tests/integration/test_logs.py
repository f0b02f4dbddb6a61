"""Logs of real workers, and what the ledger keeps of a job's failures."""

import json
from pathlib import Path
from typing import Any

import pytest
import redis

from captcha_core.datasets import Dataset, Plan
from captcha_core.spec import Spec
from tests.conftest import Capq, start_worker
from workers.ledger.job import State
from workers.ledger.job_log import LogEntry
from workers.ledger.leases import FINISH
from workers.ledger.ledger import Ledger
from workers.settings import Settings

A = "message cpu-1@host token"
SPEC = Spec.make(width=100, height=50, lengths=3)
GENERATE = ("generate", "--shards", 3, "--per-shard", 5, "--width", 100, "--height", 50, "--length", 3)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_json_has_a_line_a_unit_and_capq_logs_tells_of_the_failed_one(capq: Capq) -> None:
    capq.env["CAPQ_LOG_FORMAT"] = "json"
    worker = start_worker(capq, processes=1)
    out = capq.folder / "data"
    Dataset.begin(str(out), Plan(spec=SPEC, shards=3, per_shard=5))
    (out / "shard-000001.tar").mkdir()  # in the way of a file of that name
    job = capq.json(*GENERATE, "--out", out, code=1)["id"]
    lines = _lines(capq.folder / "cpu.log")
    assert {line["level"] for line in lines} <= {"info", "warning"}
    assert {line["worker"] for line in lines if "job" in line} == {worker["worker"]}
    units = [(line["unit"], line["attempt"], line["outcome"]) for line in lines if line.get("job") == job]
    ends = [(0, 1, "done"), (1, 1, "failed"), (2, 1, "done"), (FINISH, 1, "failed")]
    assert sorted(units, key=str) == sorted(ends, key=str)
    failed = next(line for line in lines if line.get("outcome") == "failed")
    assert "Traceback" in failed["exception"]
    assert "shard-000001.tar" in failed["exception"]
    done = next(line for line in lines if line.get("outcome") == "done")
    assert (done["images"], done["kind"]) == (5, "generate")
    assert done["seconds"] > 0

    capq.close()  # the worker has gone
    log = capq.json("logs", job)
    (entry,) = log["entries"]
    assert (entry["unit"], entry["event"], entry["attempt"]) == (1, "dead", 1)
    assert (entry["worker"], entry["cause"]) == (worker["worker"], "ForeignOutputError")
    assert entry["seconds"] > 0
    assert "shard-000001.tar" in entry["text"]
    text = capq("logs", job).stdout
    assert "failed for good" in text
    assert worker["worker"] in text


def test_a_job_without_failures_says_so(capq: Capq, ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    assert capq("logs", job.id).stdout == "nothing went wrong\n"
    assert "no job 'x-1'" in capq("logs", "x-1", code=2).stderr


class TestJobLog:
    """What the ledger keeps."""

    def test_a_failed_attempt_a_lost_worker_and_the_last_one(self, ledger: Ledger) -> None:
        job = ledger.create("generate", {}, total=1)
        ledger.begin(job.id, 0, A)
        ledger.note_warnings(job.id, 0, A, 1, ["odd", "odder"])
        ledger.delay(job.id, 0, A, 0.0, "broken", "StorageError", 1.5)
        ledger.expire(job.id, 0, 3)
        ledger.begin(job.id, 0, A)
        ledger.lose(job.id, 0, A)
        ledger.expire(job.id, 0, 3)
        ledger.begin(job.id, 0, A)
        ledger.record_dead(job.id, 0, A, "broken", took=2.0)
        entries = ledger.log(job.id)
        assert [(entry.event, entry.attempt, entry.text, entry.seconds) for entry in entries] == [
            ("warning", 1, "odd", None),
            ("warning", 1, "odder", None),
            ("retried", 1, "broken", 1.5),
            ("lost", 2, "", None),
            ("dead", 3, "broken", 2.0),
        ]
        assert {(entry.unit, entry.worker) for entry in entries} == {(0, "cpu-1@host")}
        assert [entry.cause for entry in entries] == ["", "", "StorageError", "", ""]
        assert entries == sorted(entries, key=lambda entry: entry.time)

    def test_the_finish_has_its_name(self, ledger: Ledger) -> None:
        job = ledger.create("generate", {}, total=1)
        ledger.begin(job.id, 0, A)
        ledger.record(job.id, 0, A)
        ledger.begin_finish(job.id, A)
        ledger.delay(job.id, FINISH, A, 0.0, "no room")
        assert [(entry.unit, entry.text) for entry in ledger.log(job.id)] == [(FINISH, "no room")]

    def test_only_the_owner_warns(self, ledger: Ledger) -> None:
        job = ledger.create("generate", {}, total=1)
        ledger.note_warnings(job.id, 0, A, 1, ["odd"])
        ledger.begin(job.id, 0, A)
        ledger.note_warnings(job.id, 0, "message other@host token", 1, ["odd"])
        assert ledger.log(job.id) == []

    def test_it_is_bounded(self, ledger: Ledger, client: redis.Redis, settings: Settings) -> None:
        job = ledger.create("generate", {}, total=1)
        ledger.begin(job.id, 0, A)
        for batch in range(30):
            ledger.note_warnings(job.id, 0, A, 1, [f"{batch} {'x' * 5000}"] * 20)
        entries = ledger.log(job.id)
        assert len(entries) == 500
        assert entries[-1].text.startswith("29 ")
        assert client.memory_usage(f"{settings.key_prefix}:job:{job.id}:log") < 500_000

    @pytest.mark.parametrize("late", [False, True])
    def test_it_goes_with_the_record(
        self, ledger: Ledger, client: redis.Redis, settings: Settings, late: bool
    ) -> None:
        job, key = ledger.create("generate", {}, total=2), f"{settings.key_prefix}:job:"
        ledger.begin(job.id, 0, A)
        if not late:
            ledger.note_warnings(job.id, 0, A, 1, ["odd"])
        ledger.close(job.id, State.CANCELLED)
        ledger.note_warnings(job.id, 0, A, 1, ["late"])
        assert 0 < client.ttl(f"{key}{job.id}:log") <= client.ttl(key + job.id)
        ledger.reopen(job.id)
        assert client.ttl(f"{key}{job.id}:log") == -1
        assert [entry.text for entry in ledger.log(job.id)][-1] == "late"


def test_an_entry_is_read_as_it_was_written(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    ledger.begin(job.id, 0, A)
    ledger.record_dead(job.id, 0, A, 'a "quoted"\nerror – ü', "StorageError")
    (entry,) = ledger.log(job.id)
    expected = LogEntry(entry.time, 0, "dead", 1, "cpu-1@host", 'a "quoted"\nerror – ü', "StorageError", None)
    assert entry == expected
