import threading

import pytest
import redis

from workers.errors import JobError
from workers.ledger.job import State
from workers.ledger.ledger import BeginResult, Ledger, RecordResult, Verdict
from workers.settings import Settings
from workers.units.publishing import unpublished


def test_a_job_goes_from_queued_to_done(ledger: Ledger) -> None:
    job = ledger.create("generate", {"n": 1}, total=2)
    assert (job.state, job.total, job.done, job.started) == (State.QUEUED, 2, 0, None)
    assert ledger.begin(job.id, 0, 3) == BeginResult(Verdict.RUN, 1, False)
    assert ledger.get(job.id).state is State.RUNNING
    assert ledger.record(job.id, 0, counts={"images": 5}) == RecordResult(True, False)
    ledger.begin(job.id, 1, 3)
    assert ledger.record(job.id, 1, counts={"images": 7}) == RecordResult(True, True)
    assert ledger.get(job.id).state is State.FINISHING
    assert ledger.close(job.id, State.DONE, summary={"ok": True})
    ended = ledger.get(job.id)
    assert (ended.state, ended.done, ended.counts, ended.summary) == (
        State.DONE,
        2,
        {"images": 12},
        {"ok": True},
    )
    assert ended.exit_code == 0
    assert ended.ended is not None
    assert ended.started is not None
    assert ended.ended >= ended.started


def test_the_first_record_wins(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=2)
    ledger.begin(job.id, 0, 3)
    assert ledger.record(job.id, 0, counts={"images": 5}).first
    assert not ledger.record(job.id, 0, counts={"images": 5}).first
    assert not ledger.record(job.id, 0, error="late and wrong").first
    found = ledger.get(job.id)
    assert (found.done, found.dead, found.counts) == (1, 0, {"images": 5})
    assert ledger.begin(job.id, 0, 3).verdict is Verdict.ENDED


def test_many_recorders_at_once_count_each_unit_once(ledger: Ledger) -> None:
    units, recorders = 200, 8
    job = ledger.create("generate", {}, total=units)
    lasts = []

    def record_all() -> None:
        for unit in range(units):
            answer = ledger.record(job.id, unit, counts={"images": 1})
            if answer.first and answer.completed:
                lasts.append(unit)

    threads = [threading.Thread(target=record_all) for _ in range(recorders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = ledger.get(job.id)
    assert (found.done, found.counts["images"], len(lasts)) == (units, units, 1)


def test_a_unit_whose_workers_vanish_is_set_aside(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    for attempt in (1, 2, 3):
        assert ledger.begin(job.id, 0, 3) == BeginResult(Verdict.RUN, attempt, False)
    assert ledger.begin(job.id, 0, 3) == BeginResult(Verdict.DEAD, 4, True)
    found = ledger.get(job.id)
    assert (found.dead, found.state, found.exit_code) == (1, State.FINISHING, 1)
    assert "lost 3 times" in ledger.errors(job.id)[0]


def test_an_error_noted_before_survives_the_workers_death(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    ledger.begin(job.id, 0, 1)
    ledger.note_error(job.id, 0, "disk full")
    ledger.begin(job.id, 0, 1)
    assert ledger.errors(job.id) == {0: "disk full"}


def test_the_cause_of_an_error_is_kept_apart_from_its_text(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=3)
    ledger.record(job.id, 1, error="shard\t1 is damaged", cause="DamagedDatasetError")
    ledger.note_error(job.id, 0, "disk full")
    for _ in range(2):
        ledger.begin(job.id, 2, 1)
    errors, causes = ledger.errors(job.id), ledger.causes(job.id)
    assert (errors[0], errors[1]) == ("disk full", "shard 1 is damaged")
    assert "lost 1 times" in errors[2]
    assert causes == {0: "", 1: "DamagedDatasetError", 2: ""}


def test_success_after_a_failed_attempt_leaves_no_error(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    ledger.begin(job.id, 0, 3)
    ledger.note_error(job.id, 0, "disk full")
    ledger.begin(job.id, 0, 3)
    ledger.record(job.id, 0)
    assert ledger.errors(job.id) == {}


def test_a_cancelled_job_runs_nothing_more(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=2)
    ledger.begin(job.id, 0, 3)
    assert ledger.close(job.id, State.CANCELLED)
    assert not ledger.close(job.id, State.CANCELLED)
    assert ledger.begin(job.id, 1, 3).verdict is Verdict.CANCELLED
    ledger.record(job.id, 0)
    ledger.record(job.id, 1)
    assert ledger.get(job.id).state is State.CANCELLED


def test_reopening_puts_back_what_did_not_end_well(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=3)
    ledger.record(job.id, 0)
    ledger.record(job.id, 1, error="broken")
    ledger.record(job.id, 2)
    ledger.close(job.id, State.FAILED, only_from="finishing")
    assert ledger.reopen(job.id) == 1
    assert ledger.marks(job.id) == "d.d"
    found = ledger.get(job.id)
    assert (found.state, found.done, found.dead, found.ended) == (State.RUNNING, 2, 0, None)
    assert ledger.record(job.id, 1) == RecordResult(True, True)


def test_reopening_a_job_that_finishes_is_refused(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    ledger.record(job.id, 0)
    with pytest.raises(JobError, match=r"the results of .* are being put together"):
        ledger.reopen(job.id)


def test_a_chain_learns_its_length_from_its_last_unit(ledger: Ledger) -> None:
    job = ledger.create("train", {}, total=-1, sequential=True)
    assert not ledger.record(job.id, 0, latest={"loss": 2.0}).completed
    assert ledger.record(job.id, 1, latest={"loss": 1.0}, total=2).completed
    found = ledger.get(job.id)
    assert (found.total, found.latest) == (2, {"loss": 1.0})


def test_a_chain_ends_at_a_dead_unit(ledger: Ledger) -> None:
    job = ledger.create("train", {}, total=-1, sequential=True)
    assert ledger.record(job.id, 0, error="loss is not finite").completed


def test_parts_come_back_in_unit_order(ledger: Ledger) -> None:
    job = ledger.create("evaluate", {}, total=12)
    for unit in (11, 2, 0):
        ledger.record(job.id, unit, part=f"part {unit}")
    assert ledger.parts(job.id) == ["part 0", "part 2", "part 11"]


def test_a_million_units_are_one_small_record(ledger: Ledger, client: redis.Redis, settings) -> None:  # type: ignore[no-untyped-def]
    job = ledger.create("generate", {}, total=1_000_000)
    ledger.record(job.id, 999_999)
    sizes = [client.memory_usage(key) for key in client.scan_iter(f"{settings.key_prefix}:job:{job.id}*")]
    assert sum(size or 0 for size in sizes) < 3_000_000
    with pytest.raises(JobError, match="limit"):
        ledger.create("generate", {}, total=1_000_001)


def test_an_ended_job_expires_and_leaves_the_list(ledger: Ledger, client: redis.Redis, settings) -> None:  # type: ignore[no-untyped-def]
    job = ledger.create("generate", {}, total=1)
    ledger.record(job.id, 0, error="x", part="p")
    ledger.close(job.id, State.FAILED)
    keys = list(client.scan_iter(f"{settings.key_prefix}:job:{job.id}*"))
    assert len(keys) >= 3
    assert all(0 < client.ttl(key) <= settings.job_days * 86_400 for key in keys)  # type: ignore[operator]
    client.delete(*keys)
    assert list(ledger.jobs()) == []
    assert client.zcard(f"{settings.key_prefix}:jobs") == 0


def test_jobs_are_listed_newest_first(ledger: Ledger) -> None:
    ids = [ledger.create("generate", {}, total=1).id for _ in range(3)]
    assert [job.id for job in ledger.jobs()] == ids[::-1]
    assert [job.id for job in ledger.jobs(limit=1)] == ids[-1:]
    assert {job.id for job in ledger.active()} == set(ids)


def test_only_one_process_publishes_a_job(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    assert ledger.take_publishing(job.id)
    assert not ledger.take_publishing(job.id)
    ledger.release_publishing(job.id)
    assert ledger.take_publishing(job.id)


def test_an_unknown_job_is_named(ledger: Ledger) -> None:
    with pytest.raises(JobError, match="no job 'nothing-1'"):
        ledger.get("nothing-1")
    with pytest.raises(JobError):
        ledger.reopen("nothing-1")
    assert ledger.begin("nothing-1", 0, 3).verdict is Verdict.GONE
    assert ledger.record("nothing-1", 0) == RecordResult(False, False)
    assert ledger.state("nothing-1") is None


class TestListing:
    """A job whose number of units becomes known while they run."""

    def _job(self, ledger: Ledger, ended: int) -> str:
        job = ledger.create("solve", {}, total=-1)
        for unit in range(ended):
            ledger.begin(job.id, unit, 3)
            assert not ledger.record(job.id, unit).completed
        return job.id

    def test_it_does_not_end_before_its_number_is_known(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=3)
        assert ledger.get(job).state is State.RUNNING

    def test_the_number_comes_before_the_last_end(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=2)
        assert not ledger.fix_total(job, 3)
        assert not ledger.get(job).owes_finish
        assert ledger.record(job, 2) == RecordResult(True, True)
        assert ledger.get(job).state is State.FINISHING

    def test_the_number_comes_after_the_last_end(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=3)
        assert ledger.fix_total(job, 3)
        found = ledger.get(job)
        assert (found.state, found.total, found.owes_finish) == (State.FINISHING, 3, True)
        assert unpublished(found)
        assert not ledger.fix_total(job, 3)
        assert not ledger.record(job, 2).first

    def test_a_dead_unit_is_an_end_too(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=1)
        ledger.record(job, 1, error="broken")
        assert ledger.fix_total(job, 2)

    def test_a_unit_set_aside_at_its_last_start_may_be_the_last(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=1)
        ledger.begin(job, 1, 1)
        ledger.advance_published(job, 2)
        assert not ledger.fix_total(job, 2)
        assert ledger.begin(job, 1, 1) == BeginResult(Verdict.DEAD, 2, True)

    @pytest.mark.parametrize("seed", range(5))
    def test_exactly_one_notices_the_end_in_any_race(self, ledger: Ledger, seed: int) -> None:
        units, recorders = 60, 4
        job = ledger.create("solve", {}, total=-1)
        noticed: list[str] = []
        start = threading.Barrier(recorders + 1)

        def record(share: int) -> None:
            start.wait()
            for unit in range(share, units, recorders):
                if ledger.record(job.id, unit).completed:
                    noticed.append(f"recorder of {unit}")

        def fix() -> None:
            start.wait()
            while ledger.get(job.id).done < units * seed // 4:
                pass
            if ledger.fix_total(job.id, units):
                noticed.append("lister")

        threads = [threading.Thread(target=record, args=(share,)) for share in range(recorders)]
        threads.append(threading.Thread(target=fix))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(noticed) == 1
        assert noticed == ["lister"] or seed < 4
        assert ledger.get(job.id).state is State.FINISHING

    def test_a_cancelled_job_does_not_come_back_with_its_number(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=1)
        ledger.close(job, State.CANCELLED)
        assert not ledger.fix_total(job, 1)
        assert ledger.get(job).state is State.CANCELLED

    def test_too_many_units_are_refused(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=0)
        with pytest.raises(JobError, match="limit"):
            ledger.fix_total(job, 1_000_001)

    def test_the_publisher_learns_of_a_cancelled_job(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=0)
        assert ledger.take_publishing(job)
        assert ledger.advance_published(job, 1) is State.QUEUED
        ledger.close(job, State.CANCELLED)
        assert ledger.advance_published(job, 2) is State.CANCELLED
        assert ledger.is_publishing(job)


def test_a_job_whose_results_failed_owes_its_finish_when_reopened(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    ledger.record(job.id, 0)
    ledger.close(job.id, State.FAILED, error="disk full")
    assert ledger.reopen(job.id) == 0
    found = ledger.get(job.id)
    assert (found.state, found.owes_finish) == (State.FINISHING, True)
    ledger.finish_sent(job.id)
    assert not ledger.get(job.id).owes_finish


def test_the_notes_of_workers_on_their_models_expire(
    ledger: Ledger, client: redis.Redis, settings: Settings
) -> None:
    ledger.hold_model("gpu-1@host", "ctc 0123 on cpu")
    ledger.hold_model("gpu-2@host", "ctc 4567 on cpu")
    assert ledger.held_models(["gpu-2@host", "gpu-3@host"]) == {"gpu-2@host": "ctc 4567 on cpu"}
    keys = client.keys(f"{settings.key_prefix}:*")
    assert len(keys) == 2
    assert all(client.ttl(key) > 0 for key in keys)
