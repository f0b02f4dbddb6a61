import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from captcha_core.errors import ForeignOutputError, UnfinishedRunError
from captcha_core.networks import checkpoint
from captcha_core.training import InMemory, RunFolder, TrainingPlan, labelled_images, slices, state
from captcha_core.training.run_folder import NotOwnerError, check_free
from tests.unit.training.test_slices import CPU, after, plan

REQUEST = {"plan": {"seed": 0}, "out": "model"}


def begun(path: Path, token: str = "first") -> RunFolder:
    run = RunFolder(path, token)
    run.begin(REQUEST)
    return run


def save(run: RunFolder, step: int = 5) -> None:
    state.save(run, state.Record(plan="p", step=step), {"weights": np.zeros(3, np.float32)})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def source() -> InMemory:
    images = np.random.default_rng(0).integers(0, 256, (40, 24, 48), dtype=np.uint8)
    return InMemory(images, ["01", "2", "3", "30"] * 10)


def small(**fields) -> TrainingPlan:
    return plan(images=16 * 4, **fields)


def test_what_was_asked_lies_in_the_folder_with_the_token(tmp_path):
    run = begun(tmp_path / "model.run")
    assert json.loads((run.path / "plan.json").read_text()) == REQUEST | {"token": "first"}
    run.check()
    assert names(tmp_path) == ["model.run"]


def test_a_late_finish_does_not_tidy_the_next_runs_folder(tmp_path):
    first = begun(tmp_path / "model.run")
    first.remove()
    assert names(tmp_path) == []
    second = begun(first.path, "second")
    save(second)
    first.remove()
    assert names(second.path) == ["plan.json", "state-000000005"]
    second.remove()
    assert names(tmp_path) == []


def test_a_resumed_run_is_not_tidied_by_the_job_that_began_it(tmp_path):
    first = begun(tmp_path / "model.run")
    save(first)
    second = RunFolder(first.path, "second")
    second.take_over(REQUEST)
    first.remove()
    assert state.steps(second.path) == [5]


def test_a_late_twin_writes_no_state_into_another_runs_folder(tmp_path):
    first = begun(tmp_path / "model.run")
    begun(first.path, "second")
    with pytest.raises(NotOwnerError, match="belongs to another run"):
        save(first)
    assert names(first.path) == ["plan.json"]


def test_a_late_twin_does_not_bring_a_tidied_folder_back(tmp_path):
    first = begun(tmp_path / "model.run")
    first.remove()
    with pytest.raises(NotOwnerError, match="is gone"):
        save(first)
    assert names(tmp_path) == []


def test_a_run_that_takes_the_folder_during_a_write_gets_nothing_of_it(tmp_path):
    first = begun(tmp_path / "model.run")
    with pytest.raises(NotOwnerError), first.subfolder("decoded", "images.npy") as aside:
        shutil.rmtree(first.path)
        second = begun(first.path, "second")
        assert not aside.exists()
        second.check()
        first.check()
    assert names(second.path) == ["plan.json"]


def test_a_late_slice_of_another_run_changes_nothing(tmp_path):
    """The same plan on other images: only the token tells the runs apart."""
    first, second = RunFolder(tmp_path / "model.run", "first"), RunFolder(tmp_path / "model.run", "second")
    first.begin(REQUEST)
    step = slices.train_slice(first, small(), source(), stop=after(2), runtime=CPU).step
    stale = tmp_path / "stale"
    shutil.copytree(first.path, stale)
    shutil.rmtree(first.path)
    second.begin(REQUEST)
    slices.train_slice(second, small(), source(), stop=after(1), runtime=CPU)
    shutil.copytree(state.folder(stale, step), state.folder(second.path, step))  # what it was at work on
    before = {path: path.stat().st_mtime_ns for path in second.path.rglob("*")}
    with pytest.raises(NotOwnerError):
        slices.train_slice(first, small(), source(), step, runtime=CPU)
    assert {path: path.stat().st_mtime_ns for path in second.path.rglob("*")} == before


def test_a_run_is_trained_to_its_end_under_its_token(tmp_path):
    run = begun(tmp_path / "model.run")
    result = slices.train_slice(run, small(), source(), runtime=CPU)
    assert checkpoint.load(result.checkpoint).model.training["step"] == result.step
    run.remove()
    assert names(tmp_path) == []


def test_images_decoded_for_another_run_are_not_trained_on(tmp_path):
    from PIL import Image

    for number in range(4):
        (tmp_path / "own").mkdir(exist_ok=True)
        Image.new("L", (48, 24)).save(tmp_path / "own" / f"{number % 2}1_{number}.png")
    first = begun(tmp_path / "model.run")
    begun(first.path, "second")
    with pytest.raises(NotOwnerError):
        labelled_images(str(tmp_path / "own"), run=first)
    assert names(first.path) == ["plan.json"]


def test_a_run_from_before_there_were_tokens_has_the_empty_one(tmp_path):
    old = RunFolder(tmp_path, "")
    (tmp_path / "plan.json").write_text(json.dumps(REQUEST))
    save(old)
    RunFolder(tmp_path, "other").remove()
    assert state.steps(tmp_path) == [5]
    old.remove()
    assert not tmp_path.exists()


def test_without_a_token_nobody_else_comes_to_the_folder(tmp_path):
    save(RunFolder(tmp_path / "run"))
    assert state.steps(tmp_path / "run") == [5]


def test_a_run_without_a_state_gives_way_to_a_new_one(tmp_path):
    first = begun(tmp_path / "model.run")
    with first.subfolder("decoded", "images.npy") as aside:
        (aside / "images.npy").write_text("")
    (first.path / ".decoded.4711-0a1b2c3d.tmp").mkdir()
    second = begun(first.path, "second")
    assert names(second.path) == ["plan.json"]


def test_a_run_with_a_state_stays(tmp_path):
    first = begun(tmp_path / "model.run")
    save(first)
    with pytest.raises(UnfinishedRunError, match="holds a run that did not end"):
        begun(first.path, "second")
    first.check()


@pytest.mark.parametrize("case", ["a file", "a link", "other files", "its own plan", "a note beside a run"])
def test_what_is_no_run_is_not_replaced(tmp_path, case):
    path = tmp_path / "model.run"
    if case == "a file":
        path.write_text("mine")
    elif case == "a link":
        begun(tmp_path / "elsewhere.run")
        path.symlink_to("elsewhere.run")
    elif case == "a note beside a run":
        (begun(path).path / "notes.txt").write_text("mine")
    else:
        path.mkdir()
        (path / ("plan.json" if case == "its own plan" else "notes.txt")).write_text('{"week": 1}')
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ForeignOutputError):
        check_free(path)
    with pytest.raises(ForeignOutputError):
        begun(path, "second")
    assert sorted(tmp_path.rglob("*")) == before


def test_tidying_leaves_files_that_no_run_put_there(tmp_path):
    run = begun(tmp_path / "model.run")
    save(run)
    (run.path / "notes.txt").write_text("mine")
    run.remove()
    assert names(run.path) == ["notes.txt"]


def test_a_tidying_that_was_killed_is_done_by_the_next_run_after_an_hour(tmp_path):
    run = begun(tmp_path / "model.run")
    script = """
import os, shutil, signal, sys
from pathlib import Path
from captcha_core.training import RunFolder
shutil.rmtree = lambda path: os.kill(os.getpid(), signal.SIGKILL)
RunFolder(Path(sys.argv[1]), "first").remove()
"""
    killed = subprocess.run([sys.executable, "-c", script, str(run.path)], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (leftover,) = tmp_path.iterdir()
    begun(run.path, "second")
    assert leftover.exists()
    for path in (*leftover.iterdir(), leftover):
        os.utime(path, (0, 0))
    begun(run.path, "third")
    assert names(tmp_path) == ["model.run"]
