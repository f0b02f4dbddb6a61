"""`capq top` over real workers."""

import json

import pytest

from captcha_core.datasets import Plan
from captcha_core.spec import Spec
from tests.conftest import Capq, RedisServer, start_worker, wait_until
from tests.terminal import ALTERNATE_SCREEN, CTRL_C, NORMAL_SCREEN, Terminal
from workers.kinds.generate import GenerateRequest
from workers.ledger.ledger import Ledger

A = "message cpu-4711@host token"


def test_once_tells_scripts_of_queues_workers_and_jobs(capq: Capq) -> None:
    worker = start_worker(capq, processes=1)
    done = capq.json("generate", "--shards", 2, "--per-shard", 5, "--out", "one")
    job = capq("generate", "--shards", 400, "--per-shard", 500, "--out", "two", "--detach").stdout.strip()
    overview = wait_until(
        lambda: next(
            (
                view
                for view in [json.loads(capq("top", "--once", "--json").stdout)]
                if view["workers"]
                and view["workers"][0]["units"]
                and "running" in [entry["state"] for entry in view["jobs"]]  # read just before the units
            ),
            None,
        ),
        "a busy worker",
    )
    queues = {queue["queue"]: queue for queue in overview["queues"]}
    assert (queues["cpu"]["workers"], queues["cpu"]["processes"], queues["gpu"]["workers"]) == (1, 1, 0)
    assert 0 < queues["cpu"]["waiting"] < 400
    assert queues["cpu"]["oldest_seconds"] > 0
    assert [entry["worker"] for entry in overview["workers"]] == ["cpu-1"]
    assert overview["workers"][0]["units"][0].startswith(f"{job} shard ")
    shown = next(entry for entry in overview["jobs"] if entry["job"] == job)
    assert (shown["state"], shown["kind"], shown["running"]) == ("running", "generate", 1)
    assert 0 <= shown["fraction"] < 1
    assert overview["images"]["generate"] >= done["counts"]["images"]
    assert worker["worker"]

    with Terminal(capq, "top", columns=120) as terminal:
        terminal.wait_for("a second")
        text = terminal.wait_for("█")
        assert "cpu-1" in text
        assert job in text
        terminal.send(CTRL_C)
        assert terminal.end() == 0
    assert terminal.output.count(ALTERNATE_SCREEN) == terminal.output.count(NORMAL_SCREEN) == 1
    capq("cancel", job)


@pytest.fixture
def waiting(ledger: Ledger) -> str:
    """A job at whose first unit a worker is."""
    plan = Plan(spec=Spec(), shards=4, per_shard=5)
    job = ledger.create("generate", GenerateRequest(plan=plan, out="x").model_dump(mode="json"), total=4)
    ledger.begin(job.id, 0, A)
    ledger.record(job.id, 0, A, counts={"images": 5})
    return job.id


def test_a_pipe_gets_it_once_in_lines_that_are_whole(capq: Capq, waiting: str) -> None:
    for options in ((), ("--once",)):
        result = capq("top", *options)
        assert "\x1b" not in result.stdout
        (line,) = [line for line in result.stdout.splitlines() if line.startswith(waiting)]
        assert "1 of 4 shards" in line


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_plain_terminals(capq: Capq, waiting: str, variables: dict[str, str]) -> None:
    capq.env |= variables
    with Terminal(capq, "top", columns=60, lines=8) as terminal:
        terminal.wait_for("queue")
        if variables.get("TERM") == "dumb":
            assert terminal.end() == 0
            assert "\x1b" not in terminal.output
        else:
            terminal.send(CTRL_C)
            assert terminal.end() == 0
            assert "\x1b[3" not in terminal.output
    assert "Traceback" not in terminal.text


def test_json_needs_once(capq: Capq) -> None:
    assert "add --once" in capq("top", "--json", code=2).stderr


@pytest.mark.slow
def test_a_redis_that_goes_away_and_comes_back(capq: Capq, tmp_path_factory: pytest.TempPathFactory) -> None:
    server = RedisServer(tmp_path_factory.mktemp("own"))
    try:
        capq.env["CAPQ_REDIS_URL"] = server.url
        with Terminal(capq, "top") as terminal:
            terminal.wait_for("answers in")
            server.close()
            terminal.wait_for("Redis does not answer")
            server.start()
            terminal.output = ""
            terminal.wait_for("answers in")
            terminal.send(CTRL_C)
            assert terminal.end() == 0
    finally:
        server.close()
