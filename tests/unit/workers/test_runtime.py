"""The embedded runtime's processes are told from strangers, and its crash reaches the user."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.embedded import processes, runtime, runtime_status
from workers.embedded.locks import SUPERVISOR, lock
from workers.errors import RuntimeStartError
from workers.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "home").mkdir(mode=0o700)
    return Settings(home=tmp_path / "home")


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[str]]:
    """A process that has nothing to do with capq, until its standard input ends."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def _write_status(settings: Settings, **fields: object) -> None:
    (settings.home / runtime_status.FILE).write_text(json.dumps({"children": {}, "server": "x"} | fields))


def test_a_stale_pid_is_not_taken_for_the_supervisor(
    settings: Settings, stranger: subprocess.Popen[str]
) -> None:
    _write_status(settings, pid=stranger.pid, birth="1")  # the number of one that was killed, used again
    with lock(settings.home / SUPERVISOR):
        assert runtime_status.status(settings).pid is None
    _write_status(settings, pid=stranger.pid)  # of an earlier version
    with lock(settings.home / SUPERVISOR):
        assert runtime_status.status(settings).pid is None


def test_a_live_supervisor_is_recognised(settings: Settings) -> None:
    _write_status(settings, pid=os.getpid(), birth=processes.birth(os.getpid()))
    with lock(settings.home / SUPERVISOR):
        assert runtime_status.status(settings).pid == os.getpid()


def test_stopping_leaves_a_stranger_alone(
    settings: Settings, stranger: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_status(settings, pid=stranger.pid, birth="1")
    monkeypatch.setattr(runtime, "_STOP_SECONDS", 0.5)
    with lock(settings.home / SUPERVISOR), pytest.raises(RuntimeStartError, match="does not end"):
        runtime.stop(settings)
    assert stranger.poll() is None


def test_a_process_has_one_birth_and_none_after_its_end(stranger: subprocess.Popen[str]) -> None:
    assert processes.birth(stranger.pid) == processes.birth(stranger.pid) != ""
    stranger.kill()
    stranger.wait()
    assert processes.birth(stranger.pid) == ""


def test_the_supervisors_crash_reaches_the_user(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    (settings.home / "logs").write_text("in the way of the folder")
    monkeypatch.setenv("CAPQ_HOME", str(settings.home))
    monkeypatch.delenv("CAPQ_REDIS_URL", raising=False)
    with pytest.raises(RuntimeStartError, match="FileExistsError"):
        runtime.start(settings)


def test_a_home_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(home=tmp_path / "file" / "home")
    with pytest.raises(RuntimeStartError, match="Not a directory"), runtime.attached(settings):
        pass


def test_workers_of_the_embedded_runtime_serve_metrics_on_this_machine_alone(settings: Settings) -> None:
    assert settings.metrics_address == "127.0.0.1"
    named = Settings(redis_url="redis://localhost", metrics_host="10.1.2.3")
    assert named.metrics_address == "10.1.2.3"
