import threading
from collections.abc import Callable

import pytest
import redis

from tests.conftest import wait_until
from workers.errors import JobError, OutputInUseError
from workers.ledger.job import State
from workers.ledger.leases import FINISH, publisher_lease, unit_lease
from workers.ledger.ledger import BeginResult, ExpireResult, Ledger, RecordResult, Verdict
from workers.settings import Settings

A, B = "worker a", "worker b"


def _record(ledger: Ledger, job_id: str, unit: int, **figures: object) -> RecordResult:
    """Run a unit to its end."""
    ledger.begin(job_id, unit, A)
    return ledger.record(job_id, unit, A, **figures)  # type: ignore[arg-type]


def _die(ledger: Ledger, job_id: str, unit: int, error: str = "broken", cause: str = "") -> RecordResult:
    ledger.begin(job_id, unit, A)
    return ledger.record_dead(job_id, unit, A, error, cause)


def _lose(ledger: Ledger, job_id: str, unit: int | str, max_attempts: int = 3) -> ExpireResult:
    """Let the worker of a unit die, and sweep."""
    ledger.lose(job_id, unit, A)
    return ledger.expire(job_id, unit, max_attempts)


def test_a_job_goes_from_queued_to_done(ledger: Ledger) -> None:
    job = ledger.create("generate", {"n": 1}, total=2)
    assert (job.state, job.total, job.done, job.started) == (State.QUEUED, 2, 0, None)
    assert ledger.begin(job.id, 0, A) == BeginResult(Verdict.RUN, 1)
    assert ledger.get(job.id).state is State.RUNNING
    assert ledger.record(job.id, 0, A, counts={"images": 5}) == RecordResult(True, "")
    ledger.begin(job.id, 1, A)
    assert ledger.record(job.id, 1, A, counts={"images": 7}) == RecordResult(True, FINISH)
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


def test_an_id_has_ten_hex_digits(ledger: Ledger) -> None:
    kind, _, token = ledger.create("generate", {}, total=1).id.partition("-")
    assert (kind, len(token), int(token, 16) >= 0) == ("generate", 10, True)


def test_a_job_that_exists_is_not_written_over(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = ["creator1", "00000000aa", "creator2", "00000000aa", "00000000bb"]
    monkeypatch.setattr("workers.ledger.ledger.secrets.token_hex", lambda _: tokens.pop(0))
    first = ledger.create("generate", {"n": 1}, total=2)
    _record(ledger, first.id, 0, counts={"images": 5})
    second = ledger.create("generate", {"n": 2}, total=1)
    assert (first.id, second.id) == ("generate-00000000aa", "generate-00000000bb")
    found = ledger.get(first.id)
    assert (found.request, found.done, found.counts) == ({"n": 1}, 1, {"images": 5})


class TestLease:
    """Who is at work on a unit, and what a process that lost its lease may still do: nothing."""

    def test_a_copy_of_a_message_is_dropped_while_the_lease_lives(self, ledger: Ledger) -> None:
        job = ledger.create("generate", {}, total=1)
        assert ledger.begin(job.id, 0, A) == BeginResult(Verdict.RUN, 1)
        for _ in range(5):
            assert ledger.begin(job.id, 0, B).verdict is Verdict.LEASED
        assert ledger.record(job.id, 0, A).first

    def test_a_worker_whose_answer_was_lost_asks_again(self, ledger: Ledger) -> None:
        job = ledger.create("generate", {}, total=1)
        for _ in range(2):
            assert ledger.begin(job.id, 0, A) == BeginResult(Verdict.RUN, 1)

    def test_the_first_record_wins(self, ledger: Ledger) -> None:
        job = ledger.create("generate", {}, total=2)
        ledger.begin(job.id, 0, A)
        assert ledger.record(job.id, 0, A, counts={"images": 5}).first
        assert ledger.record(job.id, 0, A, counts={"images": 5}) == RecordResult(False, "")
        assert ledger.record_dead(job.id, 0, A, "late and wrong") == RecordResult(False, "")
        found = ledger.get(job.id)
        assert (found.done, found.dead, found.counts) == (1, 0, {"images": 5})
        assert ledger.begin(job.id, 0, B).verdict is Verdict.ENDED

    def test_who_lost_the_lease_changes_nothing(self, ledger: Ledger) -> None:
        job = ledger.create("generate", {}, total=2)
        ledger.begin(job.id, 0, A)
        assert _lose(ledger, job.id, 0) == ExpireResult("0", "")
        assert ledger.begin(job.id, 0, B) == BeginResult(Verdict.RUN, 2)
        before = ledger.get(job.id)
        assert ledger.record(job.id, 0, A, counts={"images": 9}) == RecordResult(False, "")
        assert ledger.record_dead(job.id, 0, A, "late") == RecordResult(False, "")
        assert not ledger.delay(job.id, 0, A, 9, "late")
        assert ledger.leave(job.id, 0, A) == ""
        ledger.show_latest(job.id, 0, A, {"loss": 1.0})
        assert ledger.get(job.id) == before
        assert ledger.errors(job.id) == {}
        assert ledger.record(job.id, 0, B, counts={"images": 5}) == RecordResult(True, "")

    def test_a_lease_that_is_renewed_does_not_expire(self, ledger: Ledger, client: redis.Redis) -> None:
        ledger.leases.seconds = 1
        held = ledger.leases.hold("output:x", A)
        assert held
        first = client.zscore(ledger.leases.keys[0], "output:x")
        wait_until(lambda: client.zscore(ledger.leases.keys[0], "output:x") > first + 1.5, "renewals")  # type: ignore[operator]
        assert ledger.leases.due(10) == []
        assert ledger.leases.take("output:x", B) == A
        held.release()
        assert ledger.leases.take("output:x", B) == ""

    def test_an_expired_lease_is_anybodys_and_its_owner_learns_of_it(self, ledger: Ledger) -> None:
        ledger.leases.seconds = 1
        held = ledger.leases.hold("output:x", A)
        assert held
        held.stop()
        wait_until(lambda: ledger.leases.due(10) == ["output:x"], "the lease's end")
        assert ledger.leases.take("output:x", B) == ""
        assert not held.held()
        held.release()
        assert ledger.leases.owner("output:x") == B

    def test_only_units_of_the_job_are_leased(self, ledger: Ledger) -> None:
        job = ledger.create("generate", {}, total=2)
        assert ledger.begin(job.id, 2, A).verdict is Verdict.UNKNOWN
        chain = ledger.create("train", {}, total=-1, sequential=True)
        assert ledger.begin(chain.id, 1, A).verdict is Verdict.UNKNOWN
        listed = ledger.create("solve", {}, total=-1)
        assert ledger.begin(listed.id, 1_000, A).verdict is Verdict.UNKNOWN
        assert ledger.begin(listed.id, 400, A).verdict is Verdict.RUN


def test_many_recorders_at_once_count_each_unit_once(ledger: Ledger) -> None:
    units, recorders = 200, 8
    job = ledger.create("generate", {}, total=units)
    lasts = []

    def record_all(owner: str) -> None:
        for unit in range(units):
            ledger.begin(job.id, unit, owner)
            answer = ledger.record(job.id, unit, owner, counts={"images": 1})
            if answer.next_unit == FINISH:
                lasts.append(unit)

    threads = [threading.Thread(target=record_all, args=(f"worker {number}",)) for number in range(recorders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = ledger.get(job.id)
    assert (found.done, found.counts["images"], len(lasts)) == (units, units, 1)


def test_a_unit_whose_workers_vanish_is_set_aside(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    for attempt in (1, 2, 3):
        assert ledger.begin(job.id, 0, A) == BeginResult(Verdict.RUN, attempt)
        expected = ExpireResult("0", "") if attempt < 3 else ExpireResult(FINISH, "0")
        assert _lose(ledger, job.id, 0) == expected
    found = ledger.get(job.id)
    assert (found.dead, found.state, found.exit_code) == (1, State.FINISHING, 1)
    assert "lost 3 times" in ledger.errors(job.id)[0]


def test_a_message_that_is_sent_again_is_no_attempt(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    ledger.begin(job.id, 0, A)
    assert _lose(ledger, job.id, 0).next_unit == "0"
    for _ in range(5):  # nobody takes the message
        ledger.lose(job.id, 0, "")
        assert ledger.expire(job.id, 0, 3) == ExpireResult("0", "")
    assert ledger.begin(job.id, 0, A) == BeginResult(Verdict.RUN, 2)


@pytest.mark.parametrize("unit", [1, FINISH])
def test_a_message_is_owed_whose_process_died_before_its_lease(ledger: Ledger, unit: int | str) -> None:
    job = ledger.create("generate", {}, total=2)
    _record(ledger, job.id, 0)
    if unit == FINISH:
        _record(ledger, job.id, 1)
        ledger.note_sent(job.id, FINISH)
    assert _lose(ledger, job.id, unit) == ExpireResult(str(unit), "")
    begun = ledger.begin_finish(job.id, B) if unit == FINISH else ledger.begin(job.id, 1, B)
    assert begun == BeginResult(Verdict.RUN, 1)


def test_nothing_is_owed_of_what_ended_before_its_process_died(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=2)
    _record(ledger, job.id, 0)
    _die(ledger, job.id, 1)
    ledger.begin_finish(job.id, A)
    ledger.close(job.id, State.FAILED, finisher=A)
    ledger.leases.release(unit_lease(job.id, FINISH), A)
    for unit in (0, 1, FINISH):
        assert _lose(ledger, job.id, unit) == ExpireResult("", "")
    for unit in ("0", FINISH):
        assert _lose(ledger, "nothing-1", unit) == ExpireResult("", "")


def test_a_lease_that_lives_is_not_swept(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    ledger.begin(job.id, 0, A)
    assert ledger.expire(job.id, 0, 3) == ExpireResult("", "")
    assert ledger.record(job.id, 0, A).first
    assert ledger.expire(job.id, 0, 3) == ExpireResult("", "")


def test_the_loss_of_those_who_put_the_results_together_ends_too(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    _record(ledger, job.id, 0)
    for attempt in (1, 2, 3):
        assert ledger.begin_finish(job.id, A) == BeginResult(Verdict.RUN, attempt)
        assert ledger.begin_finish(job.id, B).verdict is Verdict.LEASED
        expected = ExpireResult(FINISH, "") if attempt < 3 else ExpireResult("", FINISH)
        assert _lose(ledger, job.id, FINISH) == expected
    assert ledger.close(job.id, State.FAILED)
    assert ledger.expire(job.id, FINISH, 3) == ExpireResult("", "")
    assert ledger.leases.owner(unit_lease(job.id, FINISH)) is None


def test_tidying_up_is_owed_until_a_worker_has_it(ledger: Ledger) -> None:
    job = ledger.create("train", {}, total=1)
    _record(ledger, job.id, 0)
    ledger.begin_finish(job.id, A)
    ledger.close(job.id, State.DONE, finisher=A)
    assert _lose(ledger, job.id, FINISH).next_unit == FINISH
    ledger.note_sent(job.id, FINISH)
    assert ledger.leases.owner(unit_lease(job.id, FINISH)) == ""  # the message may be lost
    ledger.lose(job.id, FINISH, "")
    assert ledger.expire(job.id, FINISH, 3).next_unit == FINISH
    assert ledger.begin_finish(job.id, B) == BeginResult(Verdict.RUN, 2)
    ledger.note_sent(job.id, FINISH)  # late: a worker has it
    ledger.leases.release(unit_lease(job.id, FINISH), B)
    ledger.note_sent(job.id, FINISH)  # later still: it is done
    assert ledger.leases.owner(unit_lease(job.id, FINISH)) is None


def test_only_the_finisher_closes_the_job(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    _record(ledger, job.id, 0)
    ledger.begin_finish(job.id, A)
    _lose(ledger, job.id, FINISH)
    ledger.begin_finish(job.id, B)
    assert not ledger.close(job.id, State.DONE, summary={"late": True}, finisher=A)
    assert ledger.close(job.id, State.DONE, summary={"late": False}, finisher=B)
    assert ledger.get(job.id).summary == {"late": False}


def test_a_failed_attempt_waits_for_its_time(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    ledger.begin(job.id, 0, A)
    assert ledger.delay(job.id, 0, A, 0.3, "disk full")
    assert ledger.begin(job.id, 0, B).verdict is Verdict.LEASED
    wait_until(lambda: ledger.expire(job.id, 0, 3) == ExpireResult("0", ""), "its time")
    assert ledger.begin(job.id, 0, B) == BeginResult(Verdict.RUN, 2)
    assert ledger.errors(job.id) == {0: "disk full"}
    ledger.record(job.id, 0, B)
    assert ledger.errors(job.id) == {}


def test_an_error_noted_before_survives_the_workers_death(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    ledger.begin(job.id, 0, A)
    ledger.delay(job.id, 0, A, 0, "disk full")
    ledger.expire(job.id, 0, 2)
    ledger.begin(job.id, 0, A)
    assert _lose(ledger, job.id, 0, max_attempts=2).dead == "0"
    assert ledger.errors(job.id) == {0: "disk full"}


def test_the_cause_of_an_error_is_kept_apart_from_its_text(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=4)
    _die(ledger, job.id, 1, "shard\t1 is damaged", "DamagedDatasetError")
    ledger.begin(job.id, 0, A)
    ledger.delay(job.id, 0, A, 9, "disk full")
    ledger.begin(job.id, 2, A)
    _lose(ledger, job.id, 2, max_attempts=1)
    errors, causes = ledger.errors(job.id), ledger.causes(job.id)
    assert (errors[0], errors[1]) == ("disk full", "shard 1 is damaged")
    assert "lost 1 times" in errors[2]
    assert causes == {0: "", 1: "DamagedDatasetError", 2: ""}


def test_a_cancelled_job_runs_nothing_more(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=2)
    ledger.begin(job.id, 0, A)
    assert ledger.close(job.id, State.CANCELLED)
    assert not ledger.close(job.id, State.CANCELLED)
    assert ledger.begin(job.id, 1, A).verdict is Verdict.CANCELLED
    ledger.record(job.id, 0, A)
    assert ledger.get(job.id).state is State.CANCELLED


def test_a_unit_left_after_its_job_was_opened_again_is_owed(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=2)
    ledger.begin(job.id, 0, A)
    ledger.close(job.id, State.CANCELLED)
    ledger.reopen(job.id)
    assert ledger.begin(job.id, 0, B).verdict is Verdict.LEASED  # the copy that `retry` sent
    assert ledger.leave(job.id, 0, A) == "0"
    assert ledger.begin(job.id, 0, B) == BeginResult(Verdict.RUN, 1)


def test_reopening_puts_back_what_did_not_end_well(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=3)
    _record(ledger, job.id, 0)
    _die(ledger, job.id, 1)
    _record(ledger, job.id, 2)
    ledger.close(job.id, State.FAILED)
    assert ledger.reopen(job.id) == ""
    assert ledger.marks(job.id) == "d.d"
    found = ledger.get(job.id)
    assert (found.state, found.done, found.dead, found.ended) == (State.RUNNING, 2, 0, None)
    assert _record(ledger, job.id, 1) == RecordResult(True, FINISH)


def test_reopening_a_job_that_finishes_is_refused(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    _record(ledger, job.id, 0)
    with pytest.raises(JobError, match=r"the results of .* are being put together"):
        ledger.reopen(job.id)


class TestChain:
    """Training: the end of a slice owes the next one."""

    def test_it_learns_its_length_from_its_last_unit(self, ledger: Ledger) -> None:
        job = ledger.create("train", {}, total=-1, sequential=True)
        assert _record(ledger, job.id, 0, latest={"loss": 2.0}) == RecordResult(True, "1")
        assert _record(ledger, job.id, 1, latest={"loss": 1.0}, total=2) == RecordResult(True, FINISH)
        found = ledger.get(job.id)
        assert (found.total, found.latest) == (2, {"loss": 1.0})

    def test_a_record_that_is_not_the_first_is_followed_by_nothing(self, ledger: Ledger) -> None:
        job = ledger.create("train", {}, total=-1, sequential=True)
        ledger.begin(job.id, 0, A)
        assert ledger.record(job.id, 0, A) == RecordResult(True, "1")
        assert ledger.record(job.id, 0, A) == RecordResult(False, "")
        assert ledger.begin(job.id, 0, B).verdict is Verdict.ENDED

    def test_the_next_unit_is_owed_until_it_is_sent(self, ledger: Ledger) -> None:
        job = ledger.create("train", {}, total=-1, sequential=True)
        _record(ledger, job.id, 0)
        name = unit_lease(job.id, 1)
        assert ledger.leases.owner(name) == ""
        ledger.note_sent(job.id, 1)
        assert ledger.leases.owner(name) is None
        ledger.begin(job.id, 1, A)
        ledger.note_sent(job.id, 1)  # late: a worker has it
        assert ledger.leases.owner(name) == A

    def test_it_ends_at_a_dead_unit_and_goes_on_there(self, ledger: Ledger) -> None:
        job = ledger.create("train", {}, total=-1, sequential=True)
        _record(ledger, job.id, 0)
        assert _die(ledger, job.id, 1, "loss is not finite") == RecordResult(True, FINISH)
        ledger.close(job.id, State.FAILED)
        assert ledger.reopen(job.id) == "1"


def test_parts_come_back_in_unit_order(ledger: Ledger) -> None:
    job = ledger.create("evaluate", {}, total=12)
    for unit in (11, 2, 0):
        _record(ledger, job.id, unit, part=f"part {unit}")
    assert ledger.parts(job.id) == ["part 0", "part 2", "part 11"]


def test_a_million_units_are_one_small_record(
    ledger: Ledger, client: redis.Redis, settings: Settings
) -> None:
    job = ledger.create("generate", {}, total=1_000_000)
    _record(ledger, job.id, 999_999)
    sizes = [client.memory_usage(key) for key in client.scan_iter(f"{settings.key_prefix}:job:{job.id}*")]
    assert sum(size or 0 for size in sizes) < 3_000_000
    with pytest.raises(JobError, match="limit"):
        ledger.create("generate", {}, total=1_000_001)


def test_an_ended_job_expires_and_leaves_the_list(
    ledger: Ledger, client: redis.Redis, settings: Settings
) -> None:
    job = ledger.create("generate", {}, total=2)
    _record(ledger, job.id, 0, part="p")
    _die(ledger, job.id, 1)
    ledger.close(job.id, State.FAILED)
    keys = list(client.scan_iter(f"{settings.key_prefix}:job:{job.id}*"))
    assert len(keys) >= 3
    assert all(0 < client.ttl(key) <= settings.job_days * 86_400 for key in keys)  # type: ignore[operator]
    client.delete(*keys)
    assert list(ledger.jobs()) == []
    assert client.zcard(f"{settings.key_prefix}:jobs") == 0


def _record_late(ledger: Ledger, job_id: str) -> None:
    ledger.record(job_id, 0, A, counts={"images": 5}, latest={"loss": 1.0}, part="p")


def _record_dead_late(ledger: Ledger, job_id: str) -> None:
    ledger.record_dead(job_id, 0, A, "broken")


def _warn_late(ledger: Ledger, job_id: str) -> None:
    ledger.note_warnings(job_id, 0, A, 1, ["odd"])


def _delay_late(ledger: Ledger, job_id: str) -> None:
    ledger.delay(job_id, 0, A, 1.0, "disk full")


def _leave_late(ledger: Ledger, job_id: str) -> None:
    ledger.leave(job_id, 0, A)


def _lose_late(ledger: Ledger, job_id: str) -> None:
    _lose(ledger, job_id, 0)
    _lose(ledger, job_id, FINISH)


def _show_late(ledger: Ledger, job_id: str) -> None:
    ledger.show_latest(job_id, 0, A, {"loss": 1.0})


def _publish_late(ledger: Ledger, job_id: str) -> None:
    with ledger.hold_publishing(job_id) or pytest.fail("somebody publishes") as publisher:
        ledger.advance_published(job_id, publisher.owner, 1)
        ledger.fix_total(job_id, publisher.owner, 1)


_LATE = [
    *(_record_late, _record_dead_late, _warn_late, _delay_late, _leave_late),
    *(_lose_late, _show_late, _publish_late),
]


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("act", _LATE)
@pytest.mark.parametrize("state", [State.CANCELLED, State.DONE, State.FAILED])
def test_what_comes_after_a_jobs_end_expires_with_it(
    ledger: Ledger,
    client: redis.Redis,
    settings: Settings,
    act: Callable[[Ledger, str], None],
    state: State,
    deleted: bool,
) -> None:
    job = ledger.create("evaluate", {}, total=1)
    ledger.begin(job.id, 0, A)
    ledger.close(job.id, state)
    if deleted:
        ledger.delete(job.id)
    elif state is State.DONE:
        ledger.begin_finish(job.id, A)
    act(ledger, job.id)
    keys = list(client.scan_iter(f"{settings.key_prefix}:job:*"))
    assert bool(keys) is not deleted
    assert [key for key in keys if client.ttl(key) < 0] == []  # type: ignore[operator]


def test_jobs_are_listed_newest_first(ledger: Ledger) -> None:
    ids = [ledger.create("generate", {}, total=1).id for _ in range(3)]
    assert [job.id for job in ledger.jobs()] == ids[::-1]
    assert [job.id for job in ledger.jobs(limit=1)] == ids[-1:]
    assert {job.id for job in ledger.active()} == set(ids)


def test_only_one_process_publishes_a_job(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    publisher = ledger.hold_publishing(job.id)
    assert publisher
    assert ledger.hold_publishing(job.id) is None
    publisher.release()
    again = ledger.hold_publishing(job.id)
    assert again
    publisher.release()  # once more, when it is another's
    assert ledger.is_publishing(job.id)
    again.release()


class TestOutput:
    """What a job makes is its own until it ends."""

    def test_it_is_one_jobs_until_that_ends(self, ledger: Ledger) -> None:
        first = ledger.create("generate", {}, total=1, output="/data/x")
        with pytest.raises(OutputInUseError, match=first.id):
            ledger.create("generate", {}, total=1, output="/data/x")
        with pytest.raises(OutputInUseError, match=f"capq wait {first.id}"):
            ledger.claim_output("/data/x")
        ledger.create("generate", {}, total=1, output="/data/y")
        ledger.close(first.id, State.CANCELLED)
        again = ledger.create("generate", {}, total=1, output="/data/x")
        assert ledger.job_of_output("/data/x") == again

    def test_a_command_has_it_before_its_job(self, ledger: Ledger) -> None:
        with ledger.claim_output("/data/x") as claim:
            with pytest.raises(OutputInUseError, match="another command"):
                ledger.claim_output("/data/x")
            with pytest.raises(OutputInUseError, match="another command"):
                ledger.create("generate", {}, total=1, output="/data/x")
            job = ledger.create("generate", {}, total=1, output="/data/x", claim=claim)
        assert ledger.job_of_output("/data/x") == job  # the claim's end takes nothing from the job

    def test_many_at_once_make_one_job(self, ledger: Ledger) -> None:
        made, refused = [], []
        start = threading.Barrier(8)

        def create() -> None:
            start.wait()
            try:
                made.append(ledger.create("generate", {}, total=1, output="/data/x").id)
            except OutputInUseError:
                refused.append(1)

        threads = [threading.Thread(target=create) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(made), len(refused)) == (1, 7)
        assert [job.id for job in ledger.jobs()] == made

    def test_a_job_that_is_opened_again_owns_it_again_or_is_refused(self, ledger: Ledger) -> None:
        first = ledger.create("generate", {}, total=1, output="/data/x")
        ledger.close(first.id, State.CANCELLED)
        second = ledger.create("generate", {}, total=1, output="/data/x")
        with pytest.raises(OutputInUseError, match=second.id):
            ledger.reopen(first.id)
        assert ledger.get(first.id).state is State.CANCELLED
        ledger.close(second.id, State.CANCELLED)
        ledger.reopen(first.id)
        assert ledger.job_of_output("/data/x") == ledger.get(first.id)

    def test_that_of_a_job_whose_record_was_lost_is_free(self, ledger: Ledger, client: redis.Redis) -> None:
        job = ledger.create("generate", {}, total=1, output="/data/x")
        keys = list(client.scan_iter(f"*:job:{job.id}*"))
        client.delete(*keys)
        with ledger.claim_output("/data/x"):
            pass

    def test_a_job_of_rounds_has_one_record(self, ledger: Ledger) -> None:
        job = ledger.create("solve", {"token": "1"}, total=1, output="/data/x")
        _record(ledger, job.id, 0, counts={"images": 5})
        assert not ledger.next_round(job.id, {"token": "2"}, "/data/x")  # not done yet
        ledger.close(job.id, State.DONE, summary={"images": 5})
        assert ledger.next_round(job.id, {"token": "2"}, "/data/x")
        found = ledger.get(job.id)
        assert (found.state, found.total, found.done, found.counts) == (State.QUEUED, -1, 0, {})
        assert (found.request, found.summary, found.ended) == ({"token": "2"}, {}, None)
        assert ledger.marks(job.id) == ""
        assert ledger.job_of_output("/data/x") == found
        assert [listed.id for listed in ledger.jobs()] == [job.id]


def test_an_unknown_job_is_named(ledger: Ledger) -> None:
    with pytest.raises(JobError, match="no job 'nothing-1'"):
        ledger.get("nothing-1")
    with pytest.raises(JobError):
        ledger.reopen("nothing-1")
    assert ledger.begin("nothing-1", 0, A).verdict is Verdict.GONE
    assert ledger.begin_finish("nothing-1", A).verdict is Verdict.GONE
    assert ledger.record("nothing-1", 0, A) == RecordResult(False, "")
    assert ledger.state("nothing-1") is None


def test_nothing_comes_back_of_a_job_whose_record_was_lost(ledger: Ledger, client: redis.Redis) -> None:
    job = ledger.create("solve", {}, total=-1)
    publisher = ledger.hold_publishing(job.id)
    assert publisher
    ledger.begin(job.id, 0, A)
    client.delete(*client.scan_iter(f"*:job:{job.id}*"))
    assert ledger.advance_published(job.id, publisher.owner, 1) is None
    assert ledger.fix_total(job.id, publisher.owner, 1) == ""
    ledger.show_latest(job.id, 0, A, {"loss": 1.0})
    ledger.record(job.id, 0, A)
    assert list(client.scan_iter(f"*:job:{job.id}")) == []
    publisher.release()


class TestListing:
    """A job whose number of units becomes known while they run."""

    @pytest.fixture(autouse=True)
    def _publisher(self, ledger: Ledger) -> None:
        self.owner = "publisher"

    def _job(self, ledger: Ledger, ended: int) -> str:
        job = ledger.create("solve", {}, total=-1)
        ledger.leases.take(publisher_lease(job.id), self.owner)
        for unit in range(ended):
            assert _record(ledger, job.id, unit).next_unit == ""
        return job.id

    def test_it_does_not_end_before_its_number_is_known(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=3)
        assert ledger.get(job).state is State.RUNNING

    def test_the_number_comes_before_the_last_end(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=2)
        assert ledger.fix_total(job, self.owner, 3) == ""
        assert _record(ledger, job, 2) == RecordResult(True, FINISH)
        assert ledger.get(job).state is State.FINISHING

    def test_the_number_comes_after_the_last_end(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=3)
        assert ledger.fix_total(job, self.owner, 3) == FINISH
        found = ledger.get(job)
        assert (found.state, found.total) == (State.FINISHING, 3)
        assert ledger.leases.owner(unit_lease(job, FINISH)) == ""
        assert ledger.fix_total(job, self.owner, 3) == ""
        assert not ledger.record(job, 2, A).first

    def test_a_dead_unit_is_an_end_too(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=1)
        _die(ledger, job, 1)
        assert ledger.fix_total(job, self.owner, 2) == FINISH

    def test_a_unit_whose_workers_were_lost_may_be_the_last(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=1)
        ledger.begin(job, 1, A)
        ledger.advance_published(job, self.owner, 2)
        assert ledger.fix_total(job, self.owner, 2) == ""
        assert _lose(ledger, job, 1, max_attempts=1) == ExpireResult(FINISH, "1")

    @pytest.mark.parametrize("seed", range(5))
    def test_exactly_one_notices_the_end_in_any_race(self, ledger: Ledger, seed: int) -> None:
        units, recorders = 60, 4
        job = self._job(ledger, ended=0)
        noticed: list[str] = []
        start = threading.Barrier(recorders + 1)

        def record(share: int) -> None:
            start.wait()
            for unit in range(share, units, recorders):
                if _record(ledger, job, unit).next_unit == FINISH:
                    noticed.append(f"recorder of {unit}")

        def fix() -> None:
            start.wait()
            while ledger.get(job).done < units * seed // 4:
                pass
            if ledger.fix_total(job, self.owner, units):
                noticed.append("lister")

        threads = [threading.Thread(target=record, args=(share,)) for share in range(recorders)]
        threads.append(threading.Thread(target=fix))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(noticed) == 1
        assert noticed == ["lister"] or seed < 4
        assert ledger.get(job).state is State.FINISHING

    def test_a_cancelled_job_does_not_come_back_with_its_number(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=1)
        ledger.close(job, State.CANCELLED)
        assert ledger.fix_total(job, self.owner, 1) == ""
        assert ledger.get(job).state is State.CANCELLED

    def test_too_many_units_are_refused(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=0)
        with pytest.raises(JobError, match="limit"):
            ledger.fix_total(job, self.owner, 1_000_001)

    def test_the_publisher_learns_of_a_cancelled_job_and_of_a_successor(self, ledger: Ledger) -> None:
        job = self._job(ledger, ended=0)
        assert ledger.advance_published(job, self.owner, 1) is State.QUEUED
        assert ledger.advance_published(job, "another", 9) is None
        assert ledger.fix_total(job, "another", 9) == ""
        assert not ledger.close(job, State.FAILED, publisher="another")
        found = ledger.get(job)
        assert (found.published, found.total, found.state) == (1, -1, State.QUEUED)
        ledger.close(job, State.CANCELLED)
        assert ledger.advance_published(job, self.owner, 2) is State.CANCELLED


def test_a_job_whose_results_failed_owes_its_finish_when_reopened(ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=1)
    _record(ledger, job.id, 0)
    ledger.note_sent(job.id, FINISH)
    ledger.close(job.id, State.FAILED, error="disk full")
    assert ledger.reopen(job.id) == FINISH
    assert ledger.get(job.id).state is State.FINISHING
    assert ledger.leases.owner(unit_lease(job.id, FINISH)) == ""


def test_the_notes_of_workers_on_their_models_expire(
    ledger: Ledger, client: redis.Redis, settings: Settings
) -> None:
    ledger.hold_model("gpu-1@host", "ctc 0123 on cpu")
    ledger.hold_model("gpu-2@host", "ctc 4567 on cpu")
    assert ledger.held_models(["gpu-2@host", "gpu-3@host"]) == {"gpu-2@host": "ctc 4567 on cpu"}
    keys = client.keys(f"{settings.key_prefix}:*")
    assert len(keys) == 2
    assert all(client.ttl(key) > 0 for key in keys)
