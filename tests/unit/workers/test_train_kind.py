"""What ends a training: the checkpoint goes to its place, and the working folder goes."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from captcha_core.errors import ForeignOutputError, OutputExistsError
from captcha_core.networks import checkpoint
from captcha_core.training import RunFolder
from captcha_core.training.run_folder import NotOwnerError
from workers.errors import LeaseLostError
from workers.kinds import KINDS
from workers.kinds.base import Context
from workers.kinds.train import SpecSource, TrainRequest
from workers.ledger.job import Job, State
from workers.ledger.ledger import Ledger

TRAIN = KINDS["train"]


def _request(folder: Path, token: str, **fields: Any) -> TrainRequest:
    return TrainRequest(
        plan={},
        source=SpecSource(spec={}),
        run=str(folder / "m.run"),
        out=str(folder / "m"),
        token=token,
        **fields,
    )  # type: ignore[arg-type]


def _trained(request: TrainRequest) -> TrainRequest:
    """Begin a run and give it a finished checkpoint."""
    RunFolder(Path(request.run), request.token).begin(request.model_dump(mode="json"))
    shutil.copytree(checkpoint.default(), Path(request.run) / "checkpoint")
    return request


def _finish(request: TrainRequest, ledger: Ledger) -> dict[str, Any]:
    job = Job(
        id="train-1", kind="train", request={}, state=State.FINISHING, total=1, done=1, dead=0, published=1,
        created=0, started=0, ended=None,
    )  # fmt: skip
    return TRAIN.finish(request, job, ledger, _context())


def _context(check_lease: Callable[[], None] = lambda: None) -> Context:
    return Context(cancelled=lambda: False, show=lambda latest: None, check_lease=check_lease)


def test_a_second_late_finish_leaves_the_next_run_alone(tmp_path: Path, ledger: Ledger) -> None:
    first = _trained(_request(tmp_path, "first"))
    _finish(first, ledger)
    TRAIN.tidy(first)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    second = _trained(_request(tmp_path, "second"))
    TRAIN.tidy(first)
    assert (Path(second.run) / "checkpoint" / "model.json").exists()
    TRAIN.tidy(second)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_who_lost_the_lease_publishes_nothing(tmp_path: Path, ledger: Ledger) -> None:
    request = _trained(_request(tmp_path, "first"))

    def lost() -> None:
        raise LeaseLostError("lost")

    job = Job(
        id="train-1", kind="train", request={}, state=State.FINISHING, total=1, done=1, dead=0, published=1,
        created=0, started=0, ended=None,
    )  # fmt: skip
    with pytest.raises(LeaseLostError):
        TRAIN.finish(request, job, ledger, _context(lost))
    assert [path.name for path in tmp_path.iterdir()] == ["m.run"]


def test_another_runs_checkpoint_is_not_published(tmp_path: Path, ledger: Ledger) -> None:
    first = _request(tmp_path, "first")
    _trained(_request(tmp_path, "second"))
    with pytest.raises(NotOwnerError):
        _finish(first, ledger)
    assert not (tmp_path / "m").exists()


def test_a_finish_that_is_done_twice_finds_its_own_checkpoint(tmp_path: Path, ledger: Ledger) -> None:
    request = _trained(_request(tmp_path, "first"))
    assert _finish(request, ledger) == _finish(request, ledger)


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_came_to_the_output_meanwhile_stays(tmp_path: Path, ledger: Ledger, overwrite: bool) -> None:
    request = _trained(_request(tmp_path, "first", overwrite=overwrite))
    out = tmp_path / "m"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(ForeignOutputError, match=r"it holds notes\.txt"):
        _finish(request, ledger)
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
    assert (Path(request.run) / "checkpoint" / "model.json").exists()


def test_another_checkpoint_that_came_meanwhile_is_replaced_only_when_asked_to(
    tmp_path: Path, ledger: Ledger
) -> None:
    request = _trained(_request(tmp_path, "first"))
    other = checkpoint.load()
    model = other.model.model_copy(update={"temperature": 1.5})
    there = checkpoint.save(tmp_path / "m", model, other.weights)
    with pytest.raises(OutputExistsError):
        _finish(request, ledger)
    assert checkpoint.describe(tmp_path / "m") == there
    _finish(request.model_copy(update={"overwrite": True}), ledger)
    assert checkpoint.describe(tmp_path / "m").digest == other.model.digest
