"""What the Tab key completes, asked for as a shell asks."""

import subprocess
import sys
from pathlib import Path

import pytest

from captcha_core.networks import checkpoint
from captcha_core.spec import presets
from tests.conftest import Capq
from workers.ledger.ledger import Ledger

ROOT = Path(__file__).parents[3]
SHIPPED = checkpoint.shipped()


def _completed(capq: Capq, line: str, shell: str = "bash", **env: str) -> list[str]:
    """Return what a shell is told when Tab is pressed at the end of a line."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": words[-1] if shell == "fish" else str(len(words) - 1)}
    answer = subprocess.run(
        [sys.executable, "-c", "from cli.main import main; main(prog_name='capq')"],
        env=capq.env | asked | {"_CAPQ_COMPLETE": f"{shell}_complete", "PYTHONPATH": str(ROOT)} | env,
        cwd=capq.folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert not answer.stderr
    return [line for line in answer.stdout.splitlines() if line]


@pytest.fixture
def jobs(ledger: Ledger) -> list[str]:
    """The ids of two jobs, the newest first."""
    return [ledger.create(kind, {}, total=1).id for kind in ("generate", "solve")][::-1]


@pytest.mark.parametrize("command", ["status", "wait", "cancel", "retry", "result", "logs", "jobs delete"])
def test_job_ids(capq: Capq, jobs: list[str], command: str) -> None:
    assert _completed(capq, f"capq {command} ") == [f"plain,{job}" for job in jobs]
    assert _completed(capq, f"capq {command} sol") == [f"plain,{jobs[0]}"]


def test_job_ids_come_with_their_states_where_a_shell_shows_them(capq: Capq, jobs: list[str]) -> None:
    assert _completed(capq, "capq status sol", "zsh") == ["plain", jobs[0], "queued"]
    assert _completed(capq, "capq status sol", "fish") == [f"plain,{jobs[0]}\tqueued"]


def test_a_redis_that_is_not_there_completes_nothing(capq: Capq) -> None:
    assert _completed(capq, "capq status ", CAPQ_REDIS_URL="redis://127.0.0.1:1/0") == []


def test_no_embedded_runtime_is_started_for_it(capq: Capq) -> None:
    assert _completed(capq, "capq status ", CAPQ_REDIS_URL="") == []
    assert not list(Path(capq.env["CAPQ_HOME"]).glob("supervisor.json"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("capq solve --checkpoint ", ["auto"]),
        ("capq solve-dir . --checkpoint ", ["auto"]),
        ("capq evaluate . --checkpoint ", []),
        ("capq train . --init ", ["none"]),
        ("capq models ", []),
        ("capq export ", []),
        ("capq plot ", []),
    ],
)
def test_checkpoints(capq: Capq, line: str, words: list[str]) -> None:
    (capq.folder / "ours").mkdir()
    (capq.folder / "ours" / checkpoint.MODEL_FILE).touch()
    (capq.folder / "images").mkdir()
    assert _completed(capq, line) == [f"plain,{name}" for name in [*words, *SHIPPED, "ours"]]
    assert _completed(capq, f"{line}./o") == ["plain,./ours"]
    assert _completed(capq, f"{line}{capq.folder}/o") == [f"plain,{capq.folder}/ours"]
    assert _completed(capq, f"{line}im") == ["dir,im"]  # the shell goes on with folders
    assert _completed(capq, f"{line}nowhere/x") == ["dir,nowhere/x"]


@pytest.mark.parametrize("command", ["generate", "preview", "train"])
def test_presets(capq: Capq, command: str) -> None:
    assert _completed(capq, f"capq {command} --spec ") == [f"plain,{name}" for name in presets()]
    assert _completed(capq, f"capq {command} --spec own.js") == ["file,own.js"]
