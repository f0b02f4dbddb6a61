"""Leases with real workers: who takes over from whom, and what comes late or twice changes nothing."""

import json
import re
import signal
import time
from typing import Any

import pytest
import redis

from captcha_core.datasets import Dataset, Plan
from captcha_core.spec import Spec
from captcha_core.tables.formats import read_table
from tests.conftest import (
    LEASE_SECONDS,
    Capq,
    ListedReading,
    RedisServer,
    start_worker,
    wait_until,
)
from workers.kinds.generate import GenerateRequest
from workers.ledger.job import State
from workers.ledger.leases import FINISH, unit_lease
from workers.ledger.ledger import Ledger
from workers.settings import Settings

SHARDS, PER_SHARD = 6, 500
GENERATE = ("generate", "--shards", SHARDS, "--per-shard", PER_SHARD)


def _detached(capq: Capq, *arguments: object) -> str:
    return capq(*arguments, "--detach").stdout.strip()


def _detached_training(capq: Capq, images: int) -> str:
    """Start a training of a small network, whose slices take some tenths of a second."""
    spec = Spec.make(width=64, height=32, lengths=2, charset="digits")
    (capq.folder / "spec.json").write_text(spec.model_dump_json())
    options = ("--max-images", images, "--batch", 16, "--out", "m")
    return _detached(capq, "train", "--spec", "spec.json", *options)


def _is_whole(capq: Capq, job: dict[str, Any], out: str = "data") -> None:
    """Audit a dataset: every unit counted once, every byte as one undisturbed process makes it."""
    assert (job["state"], job["done"], job["dead"]) == ("done", SHARDS, 0)
    assert job["counts"]["images"] == PER_SHARD * SHARDS
    capq("verify", capq.folder / out, "--render")
    names = [path.name for path in (capq.folder / out).rglob("*") if path.is_file()]
    assert not [name for name in names if name.endswith(".tmp")]
    assert len(names) == 2 * SHARDS + 2  # with what describes the dataset, and its card


class TestDuplicates:
    """Each message twice more, put on the queue by hand."""

    @pytest.mark.faults
    def test_of_shards(self, capq: Capq, client: redis.Redis, settings: Settings) -> None:
        job = _detached(capq, *GENERATE, "--out", "data")
        _multiply(client, f"{settings.key_prefix}:cpu")
        start_worker(capq)
        _is_whole(capq, capq.json("wait", job))

    @pytest.mark.faults
    def test_of_slices(self, capq: Capq, client: redis.Redis, settings: Settings) -> None:
        capq.env["CAPQ_SLICE_SECONDS"] = "0.2"
        job = _detached_training(capq, 160)
        _multiply(client, f"{settings.key_prefix}:gpu")
        start_worker(capq, "gpu", processes=1)
        ended = capq.json("wait", job)
        assert (ended["state"], ended["total"], ended["dead"]) == ("done", ended["done"], 0)
        assert ended["done"] > 1
        log = (capq.folder / "gpu.log").read_text()
        # One message a slice, one for the finish, the two copies that were put there, and a few that a slow
        # machine sends once more; each copy would have had a chain of its own.
        messages = len(re.findall(rf"{job} \w+: (?:done in|not run)", log))
        assert ended["done"] + 3 <= messages <= ended["done"] + 6
        assert not (capq.folder / "m.run").exists()

    @pytest.mark.faults
    def test_of_the_finish(self, capq: Capq, ledger: Ledger, client: redis.Redis, settings: Settings) -> None:
        job = _detached(capq, "generate", "--shards", 1, "--per-shard", 5, "--out", "data")
        raw = client.lindex(f"{settings.key_prefix}:cpu", 0)
        start_worker(capq)
        ended = capq.json("wait", job)
        for _ in range(3):
            client.lpush(f"{settings.key_prefix}:cpu", str(raw))
        wait_until(lambda: not client.exists(f"{settings.key_prefix}:cpu"), "the copies to be taken")
        assert capq.json("status", job)["ended"] == ended["ended"]


def _multiply(client: redis.Redis, queue: str) -> None:
    for raw in client.lrange(queue, 0, -1):  # type: ignore[union-attr]
        client.lpush(queue, raw, raw)


def test_a_message_that_names_nothing_is_dropped(
    capq: Capq, ledger: Ledger, client: redis.Redis, settings: Settings
) -> None:
    from workers.app import configuration

    start_worker(capq, processes=1)
    job = ledger.create("train", {}, total=-1, sequential=True)
    import celery

    app = celery.Celery("by hand")
    app.conf.update(configuration(settings))
    for arguments in (
        ("generate-1", -1),
        ("generate-1", "x"),
        (job.id, 0),
        ("generate", 0),
        (5, 0),
        ("generate-1", 0),
    ):
        app.send_task("capq.generate.shard", args=arguments, queue="cpu")
    queue, taken = f"{settings.key_prefix}:cpu", f"{settings.key_prefix}:unacked"
    wait_until(lambda: not client.exists(queue, taken), "all messages taken and let go")
    assert ledger.get(job.id) == job
    assert capq.json("generate", "--shards", 1, "--per-shard", 5, "--out", "data")["state"] == "done"


class TestOwed:
    """What follows a record is sent by whoever finds it owed."""

    @pytest.fixture
    def job(self, capq: Capq, ledger: Ledger) -> str:
        """A dataset whose shards are there, and recorded by a worker that died before it sent the finish."""
        plan = Plan(spec=Spec.make(width=100, height=50, lengths=3), shards=2, per_shard=5)
        dataset = Dataset.begin(str(capq.folder / "data"), plan)
        request = GenerateRequest(plan=plan, out=str(capq.folder / "data")).model_dump(mode="json")
        job = ledger.create("generate", request, total=2)
        publisher = ledger.hold_publishing(job.id)
        assert publisher
        ledger.advance_published(job.id, publisher.owner, 2)
        publisher.release()
        for unit in range(2):
            dataset.write_shard(unit)
            ledger.begin(job.id, unit, "dead")
            ledger.record(job.id, unit, "dead", counts={"images": 5})
        assert ledger.leases.owner(unit_lease(job.id, FINISH)) == ""
        return job.id

    def test_a_finish_nobody_sent(self, capq: Capq, job: str) -> None:
        start_worker(capq, processes=1)
        assert capq.json("wait", job)["state"] == "done"

    @pytest.mark.faults
    def test_a_finish_whose_message_was_lost(self, capq: Capq, ledger: Ledger, job: str) -> None:
        ledger.note_sent(job, FINISH)
        start_worker(capq, processes=1)
        assert capq.json("wait", job)["state"] == "done"

    @pytest.mark.faults
    def test_units_whose_messages_were_lost(
        self, capq: Capq, client: redis.Redis, settings: Settings
    ) -> None:
        job = _detached(capq, *GENERATE, "--out", "other")
        client.delete(f"{settings.key_prefix}:cpu")
        start_worker(capq)
        _is_whole(capq, capq.json("wait", job), "other")


class TestOutputs:
    def test_two_commands_at_once_make_one_job(self, capq: Capq, ledger: Ledger) -> None:
        both = [capq.start(*GENERATE, "--out", "data", "--detach") for _ in range(2)]
        outputs = [process.communicate(timeout=60)[0] for process in both]
        assert sorted(process.returncode for process in both) == [0, 2], outputs
        (job,) = ledger.jobs()
        refusal = next(output for output in outputs if "now" in output or "starting" in output)
        assert "Traceback" not in refusal
        capq("cancel", job.id)
        capq(*GENERATE, "--out", "data", "--detach")

    @pytest.mark.faults
    def test_a_pause_of_the_list_does_not_lose_the_publication(self, capq: Capq, ledger: Ledger) -> None:
        lister = ListedReading(capq, "--batch", 1, "--out", "results.csv")
        lister.list("a.png", "b.png")
        job = wait_until(lambda: next(iter(ledger.jobs()), None), "the job")
        started_at = time.monotonic()
        assert job.id in capq("solve-dir", capq.folder, "--out", "results.csv", code=2).stderr
        assert time.monotonic() - started_at > LEASE_SECONDS  # so long it waited for a lease that is renewed
        assert ledger.is_publishing(job.id)
        lister.process.send_signal(signal.SIGINT)
        lister.end()
        assert not ledger.is_publishing(job.id)


class TestCancelledListing:
    """`capq retry` of a reading that was cancelled while it was being listed."""

    def test_the_listing_goes_on(self, capq: Capq, ledger: Ledger) -> None:
        paths = [f"{number:03d}.png" for number in range(200)]
        (capq.folder / "images").mkdir()
        for path in paths:
            (capq.folder / "images" / path).write_bytes(b"no image")
        options = ("--checkpoint", "lepture-170x80", "--batch", 1, "--out", "results.csv")
        command = capq.start("solve-dir", "images", *options)
        job = wait_until(lambda: next((job for job in ledger.jobs() if job.published), None), "the job")
        command.send_signal(signal.SIGSTOP)
        assert ledger.get(job.id).total == -1
        capq("cancel", job.id)
        command.send_signal(signal.SIGCONT)
        assert command.wait(60) == 1
        assert 0 < ledger.get(job.id).published < 200
        start_worker(capq, "gpu", processes=1)
        ended = capq.json("retry", job.id)
        assert (ended["state"], ended["total"], ended["done"]) == ("done", 200, 200)
        assert [row.path for row in read_table(str(capq.folder / "results.csv"))] == paths

    def test_of_standard_input_it_is_refused(self, capq: Capq, ledger: Ledger) -> None:
        lister = ListedReading(capq, "--batch", 1, "--out", "results.csv")
        lister.list("a.png", "b.png")
        job = wait_until(lambda: next(iter(ledger.jobs()), None), "the job")
        lister.process.send_signal(signal.SIGINT)
        lister.end()
        refusal = capq("retry", job.id, code=2).stderr
        assert "standard input" in refusal
        assert refusal.count("\n") == 1
        assert ledger.get(job.id).state is State.CANCELLED


@pytest.mark.faults
class TestRedis:
    """With a redis-server that only these tests use."""

    @pytest.fixture
    def redis_url(self, server: RedisServer) -> str:
        return server.url

    def test_killed_while_a_reading_is_listed(self, capq: Capq, ledger: Ledger, server: RedisServer) -> None:
        for number in range(4):
            (capq.folder / f"{number}.png").write_bytes(b"no image")
        start_worker(capq, "gpu", processes=1)
        lister = ListedReading(capq, "--batch", 1, "--out", capq.folder / "results.csv", "--json")
        lister.list("0.png", "1.png")
        wait_until(lambda: any(job.done for job in ledger.jobs()), "a batch")
        server.process.kill()
        server.process.wait()
        lister.list("2.png")
        server.start()
        lister.list("3.png")
        output = lister.end()
        assert "Traceback" not in output
        assert lister.process.returncode == 0, output
        assert json.loads(output[output.index("{") :])["done"] == 4
        assert len(list(read_table(str(capq.folder / "results.csv")))) == 4
