"""A kind of job is one module and one line, and so is the command that starts its jobs.

Both are added here to a copy of the code, as CONTRIBUTING.md describes it, and run in real processes.
"""

import shutil
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import Capq, start_worker, wait_until

ROOT = Path(__file__).parents[2]

KIND = '''
"""Counting letters: a unit is a word."""

import time
from pathlib import Path
from typing import Any

from captcha_core.errors import InputError, StorageError

from ..app import CPU
from ..ledger.job import Job
from ..ledger.ledger import Ledger
from .base import Context, Kind, Outcome, Request


class LettersRequest(Request):
    words: tuple[str, ...]
    attempts: str


class Letters(Kind[LettersRequest]):
    units = "words"
    queue = CPU
    command = "letters"
    counted_as = "lettered"
    request_type = LettersRequest

    def run(self, request: LettersRequest, job: Job, unit: int, context: Context) -> Outcome:
        word = request.words[unit]
        attempts = Path(request.attempts) / word
        with attempts.open("a") as file:
            file.write(".")
        if word == "late" and attempts.read_text() == ".":
            raise StorageError("the disk is busy")
        if word == "stuck":
            time.sleep(3600)
        if word == "wrong":
            raise InputError("no word of this language")
        return Outcome(counts={"images": 1, "letters": len(word)})

    def finish(
        self, request: LettersRequest, job: Job, ledger: Ledger, context: Context
    ) -> dict[str, Any]:
        return {"letters": job.counts["letters"]}

    def time_limit(self, request: LettersRequest) -> float:
        return 1.0
'''

COMMAND = '''
"""`capq letters`."""

from pathlib import Path

import click

from workers.kinds.letters import LettersRequest
from workers.ledger.job import Job

from ..job.session import session
from ..job.submission import run
from ..terminal import json_option, say


@click.command()
@click.argument("words", nargs=-1)
@json_option
def letters(words: tuple[str, ...], as_json: bool) -> None:
    request = LettersRequest(words=words, attempts=str(Path.cwd() / "attempts"))
    with session() as ledger:
        run(ledger, "letters", request, total=len(words), detach=False, as_json=as_json, show=show)


def show(job: Job) -> None:
    say(f"{job.summary['letters']} letters in {len(job.request['words'])} words")
'''


@pytest.fixture
def extended(capq: Capq) -> Capq:
    """The command line of a copy of the code that has the new kind; its worker is up."""
    for package in ("cli", "workers"):
        shutil.copytree(ROOT / package, capq.folder / package)
    capq.env["PYTHONPATH"] = str(ROOT)  # of the library; commands find the copies first, in their folder
    _add(
        capq.folder / "workers/kinds",
        KIND,
        '    "letters": Line("letters:Letters", unit="word"),',
        "KINDS = ",
    )
    _add(
        capq.folder / "cli/commands", COMMAND, '    "letters": "cli.commands.letters:letters",', "COMMANDS = "
    )
    (capq.folder / "attempts").mkdir()
    return capq


def _add(package: Path, module: str, line: str, table: str) -> None:
    (package / "letters.py").write_text(module)
    lines = (package / "__init__.py").read_text().splitlines()
    start = next(number for number, text in enumerate(lines) if text.startswith(table))
    end = next(
        number
        for number in range(start, len(lines))
        if lines[number].startswith("    }") or lines[number] == "}"
    )
    lines.insert(end, line)
    (package / "__init__.py").write_text("\n".join(lines) + "\n")


def test_a_new_kind_runs_is_counted_and_shows_its_results(extended: Capq) -> None:
    worker = start_worker(extended)
    assert extended("letters", "some", "words").stdout == "9 letters in 2 words\n"
    job = extended.json("jobs")[0]
    assert (job["kind"], job["state"], job["done"]) == ("letters", "done", 2)
    assert extended("result", job["id"]).stdout == "9 letters in 2 words\n"
    assert "2 of 2 words" in extended("status", job["id"]).stdout
    counted = {"capq_images_lettered_total 2.0", 'capq_units_total{kind="letters",outcome="done"} 2.0'}
    # A process counts what it did after it has recorded it.
    wait_until(lambda: counted <= set(_metrics(worker["metrics_port"])), "the worker's figures")


def _metrics(port: int) -> list[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return str(answer.read().decode()).splitlines()


def test_only_an_error_that_may_pass_is_tried_again(extended: Capq) -> None:
    start_worker(extended)
    job = extended.json("letters", "plain", "late", "wrong", code=1)
    assert (job["state"], job["done"], job["dead"]) == ("failed", 2, 1)
    assert extended.json("status", job["id"])["errors"] == {"2": "no word of this language"}
    attempts = {path.name: len(path.read_text()) for path in (extended.folder / "attempts").iterdir()}
    assert attempts == {"plain": 1, "late": 2, "wrong": 1}


@pytest.mark.faults
def test_a_unit_that_hangs_is_ended_and_set_aside(extended: Capq) -> None:
    start_worker(extended, processes=1)
    job = extended.json("letters", "stuck", "plain", code=1)
    assert (job["state"], job["done"], job["dead"]) == ("failed", 1, 1)
    assert extended.json("status", job["id"])["errors"] == {"0": "it took longer than its time limit"}
    assert (extended.folder / "attempts" / "stuck").read_text() == "..."
