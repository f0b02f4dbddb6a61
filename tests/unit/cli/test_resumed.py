"""What `capq train --resume` makes of a run's folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from captcha_core.errors import InputError, TrainingError
from captcha_core.networks import Problem
from captcha_core.spec import Spec
from captcha_core.training import TrainingPlan
from cli.training.resumed import resumed_request
from workers.kinds.train import DatasetSource, SpecSource, TrainRequest

SPEC = Spec.make(charset="0123")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that was begun for another output, by its plan alone."""
    plan = TrainingPlan.make(problem=Problem.from_spec(SPEC, 1).model_dump(), images=640)
    request = TrainRequest(
        plan=plan.model_dump(mode="json"),
        source=SpecSource(spec=SPEC),
        run="/begun/here.run",
        out="/begun/here",
    )
    folder = tmp_path / "moved.run"
    folder.mkdir()
    (folder / "plan.json").write_text(request.model_dump_json())
    return folder


def _change(run: Path, **fields: Any) -> None:
    record = json.loads((run / "plan.json").read_text())
    (run / "plan.json").write_text(json.dumps(record | fields))


def test_a_run_whose_folder_was_renamed_goes_on_where_it_lies(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "moved")
    request = resumed_request(run, out, overwrite=False)
    assert (request.run, request.out) == (str(run), out)
    assert "the run was begun for /begun/here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"plan": {}}, "problem: Field required"),
        ({"plan": None}, "plan: Input should be"),
        ({"later": 1}, "later: Extra inputs are not permitted"),
        ({"source": {"kind": "stream"}}, "source: Input tag 'stream'"),
    ],
)
def test_a_plan_of_another_version_is_told(run: Path, fields: dict[str, Any], fault: str) -> None:
    _change(run, **fields)
    with pytest.raises(TrainingError, match=r"plan\.json is damaged or from another version") as refusal:
        resumed_request(run, str(run.with_suffix("")), overwrite=False)
    assert fault in str(refusal.value)


def test_images_that_are_gone_are_named_before_a_job_begins(run: Path, tmp_path: Path) -> None:
    _change(run, source=DatasetSource(url=str(tmp_path / "own")).model_dump(mode="json"))
    with pytest.raises(InputError, match=r"learns from .*own, which is no longer there"):
        resumed_request(run, str(run.with_suffix("")), overwrite=False)
