"""`capq jobs` with filters and as it changes, and cancel, retry and delete of one job and of several."""

from pathlib import Path

import pytest
import redis

from captcha_core.datasets import Dataset, Plan
from captcha_core.spec import Spec
from cli.options.job_filter import JobFilter
from tests.conftest import Capq, start_worker, wait_until
from tests.terminal import ALTERNATE_SCREEN, CTRL_C, NORMAL_SCREEN, Terminal
from workers.errors import JobError, OpenJobError, UnknownJobError
from workers.kinds.generate import GenerateRequest
from workers.ledger.job import Job, State
from workers.ledger.leases import FINISH
from workers.ledger.ledger import Ledger, Verdict
from workers.settings import Settings

A = "message worker@host token"
SPEC = Spec.make(width=100, height=50, lengths=3)


def _generate(ledger: Ledger, out: Path | str = "") -> Job:
    plan = Plan(spec=SPEC, shards=2, per_shard=5)
    if out:
        Dataset.begin(str(out), plan)
    request = GenerateRequest(plan=plan, out=str(out)).model_dump(mode="json")
    return ledger.create("generate", request, total=2, output=str(out))


def _solve(ledger: Ledger) -> Job:
    request = {"out": "t.csv", "checkpoint": "none"}
    return ledger.create("solve", request, total=1)


def _in_state(ledger: Ledger, job: Job, state: State) -> Job:
    ledger.close(job.id, state)
    return ledger.get(job.id)


@pytest.fixture
def jobs(ledger: Ledger) -> dict[str, Job]:
    """A job of each of four states, and two kinds."""
    return {
        "queued": _generate(ledger),
        "done": _in_state(ledger, _generate(ledger), State.DONE),
        "failed": _in_state(ledger, _solve(ledger), State.FAILED),
        "cancelled": _in_state(ledger, _generate(ledger), State.CANCELLED),
    }


@pytest.mark.parametrize(
    ("states", "kinds", "limit", "expected"),
    [
        ((), (), 0, ["cancelled", "failed", "done", "queued"]),
        (("failed",), (), 0, ["failed"]),
        (("done", "queued"), (), 0, ["done", "queued"]),
        ((), ("generate",), 2, ["cancelled", "done"]),
        (("done",), ("solve",), 0, []),
        ((), ("train",), 0, []),
    ],
)
def test_jobs_of_some_states_and_kinds(
    ledger: Ledger,
    jobs: dict[str, Job],
    states: tuple[str, ...],
    kinds: tuple[str, ...],
    limit: int,
    expected: list[str],
) -> None:
    listed = JobFilter.from_options(states, kinds).jobs(ledger, limit)
    assert [job.id for job in listed] == [jobs[name].id for name in expected]


def test_the_list_has_whole_jobs_and_says_when_there_are_none(capq: Capq, jobs: dict[str, Job]) -> None:
    (listed,) = capq.json("jobs", "--state", "done", "--kind", "generate")
    assert listed["id"] == jobs["done"].id
    assert set(listed) == set(Job.__dataclass_fields__)
    assert capq("jobs", "--kind", "train").stdout == "no such jobs\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("jobs", "--state", "lost"), "'lost' is not one of 'queued', 'running'"),
        (("jobs", "--watch"), "--watch needs a terminal"),
        (("jobs", "--watch", "--json"), "leave out --json"),
        (("jobs", "--state", "done", "delete", "--yes"), "--state belongs behind `capq jobs delete`"),
        (("jobs", "delete", "--state", "running"), "'running' is not one of 'done', 'failed'"),
        (("jobs", "delete"), "name a JOB, or give --state or --kind"),
        (("jobs", "delete", "x-1", "--kind", "solve"), "not both"),
        (("jobs", "delete", "--state", "done"), "add --yes to delete"),
        (("jobs", "delete", "nothing-1", "--yes"), "there is no job 'nothing-1'"),
        (("cancel",), "name a JOB, or give --state or --kind"),
        (("cancel", "--state", "done"), "'done' is not one of 'queued'"),
        (("retry", "--kind", "none"), "'none' is not one of 'generate'"),
    ],
)
def test_wrong_use(
    capq: Capq, ledger: Ledger, jobs: dict[str, Job], arguments: tuple[object, ...], words: str
) -> None:
    before = list(ledger.jobs())
    assert words in capq(*arguments, code=2).stderr
    assert list(ledger.jobs()) == before


def test_the_watched_list_changes_and_leaves_the_terminal_as_it_was(
    capq: Capq, ledger: Ledger, jobs: dict[str, Job]
) -> None:
    with Terminal(capq, "jobs", "--watch", "--kind", "generate") as terminal:
        assert jobs["failed"].id not in terminal.wait_for(jobs["done"].id)
        later = _generate(ledger)
        terminal.wait_for(later.id)
        terminal.send(CTRL_C)
        assert terminal.end() == 0
    assert "Traceback" not in terminal.text
    assert terminal.output.count(ALTERNATE_SCREEN) == terminal.output.count(NORMAL_SCREEN) == 1


def test_cancel_by_filter_leaves_the_others(capq: Capq, ledger: Ledger, jobs: dict[str, Job]) -> None:
    other = _solve(ledger)
    result = capq.json("cancel", "--kind", "generate")
    assert [job["id"] for job in result["jobs"]] == [jobs["queued"].id]
    assert result["left_out"] == {}
    assert ledger.state(other.id) is State.QUEUED
    assert capq("cancel", "--state", "queued").stdout.endswith("\n1 job cancelled\n")
    assert ledger.state(other.id) is State.CANCELLED


def test_retry_by_filter_runs_failed_jobs_again_and_says_what_it_leaves_out(
    capq: Capq, ledger: Ledger
) -> None:
    first, second = (_generate(ledger, capq.folder / name) for name in ("one", "two"))
    for job in (first, second):
        ledger.close(job.id, State.FAILED)
    unlisted = ledger.create("solve", {"out": "t.csv", "checkpoint": "none"}, total=-1)
    ledger.close(unlisted.id, State.FAILED)
    cancelled = _in_state(ledger, _generate(ledger, capq.folder / "three"), State.CANCELLED)
    result = capq.json("retry", "--state", "failed")
    assert {job["id"] for job in result["jobs"]} == {first.id, second.id}
    assert result["left_out"] == {unlisted.id: f"its images are still to be listed: capq retry {unlisted.id}"}
    assert ledger.state(cancelled.id) is State.CANCELLED
    start_worker(capq)
    for job in (first, second):
        assert capq.json("wait", job.id)["state"] == "done"


class TestDelete:
    """Only the records of ended jobs go, and never what a job made."""

    def test_nothing_is_left_in_redis_and_the_dataset_stays(
        self, capq: Capq, ledger: Ledger, client: redis.Redis, settings: Settings
    ) -> None:
        start_worker(capq, processes=1)
        options = ("--shards", 2, "--per-shard", 5, "--out", capq.folder / "data")
        job = capq.json("generate", *options)
        before = sorted(path.name for path in (capq.folder / "data").rglob("*"))
        wait_until(lambda: ledger.leases.owner(f"unit:{job['id']}:{FINISH}") is None, "its end")
        result = capq("jobs", "delete", job["id"], "--yes")
        assert result.stdout == f"{job['id']} deleted\n"
        assert list(client.scan_iter(f"{settings.key_prefix}:job:*")) == []
        assert list(ledger.jobs()) == []
        assert sorted(path.name for path in (capq.folder / "data").rglob("*")) == before
        assert capq("generate", *options).returncode == 0  # the files are known as before

    def test_by_filter(self, capq: Capq, ledger: Ledger, jobs: dict[str, Job]) -> None:
        result = capq.json("jobs", "delete", "--kind", "generate", "--yes")
        assert {job["id"] for job in result["jobs"]} == {jobs["done"].id, jobs["cancelled"].id}
        assert {job.id for job in ledger.jobs()} == {jobs["queued"].id, jobs["failed"].id}

    @pytest.mark.parametrize(("answer", "left"), [(b"n\n", 3), (b"y\n", 2), (CTRL_C, 3)])
    def test_a_terminal_is_asked(
        self, capq: Capq, jobs: dict[str, Job], answer: bytes, left: int, ledger: Ledger
    ) -> None:
        ledger.delete(jobs["done"].id)
        with Terminal(capq, "jobs", "delete", "--state", "failed") as terminal:
            shown = terminal.wait_for("Delete the records of 1 job? [y/N]")
            assert jobs["failed"].id in shown
            assert "t.csv stays" in shown
            if answer == CTRL_C:
                assert terminal.interrupt() == 1
            else:
                terminal.send(answer)
                assert terminal.end() == (0 if left == 2 else 1)
        assert len(list(ledger.jobs())) == left

    def test_one_that_has_not_ended_stays(self, capq: Capq, ledger: Ledger, jobs: dict[str, Job]) -> None:
        refusal = capq("jobs", "delete", jobs["queued"].id, "--yes", code=2).stderr
        assert "has not ended: it is queued: stop it with `capq cancel`" in refusal
        for state in ("running", "finishing"):
            ledger.begin(jobs["queued"].id, 0, A)
            if state == "finishing":
                for unit in (0, 1):
                    ledger.begin(jobs["queued"].id, unit, A)
                    ledger.record(jobs["queued"].id, unit, A)
            with pytest.raises(OpenJobError, match=state):
                ledger.delete(jobs["queued"].id)

    def test_one_that_a_worker_still_tidies_stays(self, ledger: Ledger) -> None:
        job = _generate(ledger)
        for unit in (0, 1):
            ledger.begin(job.id, unit, A)
            ledger.record(job.id, unit, A)
        ledger.begin_finish(job.id, A)
        ledger.close(job.id, State.DONE, finisher=A)
        with pytest.raises(JobError, match="tidy"):
            ledger.delete(job.id)
        ledger.leases.release(f"unit:{job.id}:{FINISH}", A)
        ledger.delete(job.id)
        with pytest.raises(UnknownJobError):
            ledger.delete(job.id)

    def test_a_worker_of_a_deleted_job_records_nothing(
        self, ledger: Ledger, client: redis.Redis, settings: Settings
    ) -> None:
        job = _generate(ledger)
        ledger.begin(job.id, 0, A)
        ledger.close(job.id, State.CANCELLED)
        ledger.delete(job.id)
        assert ledger.begin(job.id, 1, A).verdict is Verdict.GONE
        assert not ledger.record(job.id, 0, A).first
        ledger.record_dead(job.id, 0, A, "late")
        ledger.delay(job.id, 0, A, 1.0, "late")
        ledger.show_latest(job.id, 0, A, {"seen": 1})
        assert ledger.leave(job.id, 0, A) == ""
        ledger.expire(job.id, 0, 3)
        assert list(client.scan_iter(f"{settings.key_prefix}:job:*")) == []
        assert client.hgetall(f"{settings.key_prefix}:lease_owners") == {}
