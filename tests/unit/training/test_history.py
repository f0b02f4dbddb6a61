import json
import shutil

import numpy as np
import pytest

from captcha_core.errors import CheckpointError, TrainingError
from captcha_core.networks import checkpoint
from captcha_core.training import RunFolder, history, state


def record(*steps):
    moments = [
        state.Moment(step=step, images=step * 10, seconds=step, loss=1 / step, accuracy=0.5, rate=0.01)
        for step in steps
    ]
    return state.Record(plan="p", step=steps[-1], images=steps[-1] * 10, history=tuple(moments))


def save(run, *steps):
    state.save(RunFolder(run), record(*steps), {"weights": np.zeros(3, np.float32)})


def test_a_run_is_found_by_its_folder_and_by_its_checkpoint_to_be(tmp_path):
    save(tmp_path / "model.run", 5)
    save(tmp_path / "model.run", 5, 9)
    for name in ("model.run", "model"):
        assert [moment.step for moment in history.read(str(tmp_path / name))] == [5, 9]


def test_a_finished_checkpoint_goes_before_a_run_beside_it(tmp_path):
    shutil.copytree(checkpoint.default(), tmp_path / "model")
    save(tmp_path / "model.run", 5)
    found = history.read(str(tmp_path / "model"))
    assert found == history.read(checkpoint.DEFAULT)
    assert found[-1].images > 100_000


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        history.read(str(tmp_path / "model"))


def test_a_damaged_state_is_said(tmp_path):
    save(tmp_path, 5)
    (state.folder(tmp_path, 5) / "state.json").write_text("{}")
    with pytest.raises(TrainingError, match="unreadable"):
        history.read(str(tmp_path))


def test_a_history_of_another_program_is_said(tmp_path):
    model = json.loads((checkpoint.default() / checkpoint.MODEL_FILE).read_text())
    model["training"]["history"] = [{"epoch": 1}]
    made = checkpoint.Model.model_validate(model)
    made = made.model_copy(update={"digest": made.expected_digest()})
    (tmp_path / checkpoint.MODEL_FILE).write_text(made.model_dump_json())
    with pytest.raises(CheckpointError, match="history"):
        history.read(str(tmp_path))
