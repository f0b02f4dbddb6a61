"""What lies beside the checkpoint when a training has ended."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_core.errors import ForeignOutputError
from captcha_core.networks import Problem, checkpoint, report_files
from captcha_core.spec import Spec
from captcha_core.training import InMemory, Rendered, TrainingPlan
from captcha_core.training.slices import train_slice

SPEC = Spec.make(width=60, height=60, lengths=1, charset="`|0")


def _trained(folder: Path, *, held_out: float = 0.5) -> Path:
    """Train for two steps, so that most is read wrong."""
    plan = TrainingPlan.make(
        problem=Problem.from_spec(SPEC, 1).model_dump(), batch=8, images=16, validation=200
    )
    images, texts = Rendered(SPEC).batch(0, 40)
    source = InMemory(images, texts, held_out=held_out, name="a | b")
    result = train_slice(folder / "model.run", plan, source)
    assert result.checkpoint
    return result.checkpoint


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _trained(tmp_path_factory.mktemp("trained"))


def test_card_curves_confusions_and_mistakes_lie_beside_it(trained: Path) -> None:
    report = report_files.read(trained)
    assert set(report) == {report_files.RECORD, *report_files.NAMES}
    for name in report_files.NAMES[1:]:
        with Image.open(trained / name) as picture:
            assert picture.width > 50
    figures = json.loads(report[report_files.RECORD])["evaluation"]
    assert figures["images"] == 20
    assert figures["accuracy"]["count"] == 20
    checkpoint.load(trained)


def test_the_card_says_what_it_reads_how_it_was_made_and_how_good_it_is(trained: Path) -> None:
    card = (trained / report_files.CARD).read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: capq\n")
    assert "1 character of `` `\\|0 ``" in card
    assert "20 images held out" in card
    assert "`a \\| b`" in card
    assert "![Its most confident mistakes](mistakes.png)" in card
    table = [line for line in card.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 3 for line in table)


def test_without_held_out_images_the_card_says_so(tmp_path: Path) -> None:
    trained = _trained(tmp_path, held_out=0.0)
    assert set(report_files.read(trained)) == {report_files.RECORD, report_files.CARD, "curves.png"}
    assert "none were held out" in (trained / report_files.CARD).read_text(encoding="utf-8")


def test_without_matplotlib_there_are_card_and_mistakes(tmp_path: Path) -> None:
    script = (
        "import importlib.util, sys\n"
        "from pathlib import Path\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'matplotlib' else find(name, *more)\n"
        "sys.modules['matplotlib'] = None\n"  # as if it were not installed
        "from tests.unit.training.test_report import _trained\n"
        "print(*sorted(path.name for path in _trained(Path(sys.argv[1])).iterdir()))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert answer.stdout.split() == [
        "README.md", "mistakes.png", "model.json", "model.safetensors", "report.json",
    ]  # fmt: skip


def test_a_checkpoint_with_its_report_is_replaced_as_a_whole(trained: Path, tmp_path: Path) -> None:
    network = checkpoint.load(trained)
    target = tmp_path / "model"
    checkpoint.save(target, network.model, network.weights, report=report_files.read(trained))
    assert report_files.read(target) == report_files.read(trained)
    changed = {name: np.zeros_like(array) for name, array in network.weights.items()}
    checkpoint.save(target, network.model, changed)
    assert sorted(path.name for path in target.iterdir()) == ["model.json", "model.safetensors"]


@pytest.mark.parametrize("name", [report_files.CARD, "curves.png", "notes.txt"])
def test_what_somebody_wrote_there_is_not_replaced(trained: Path, tmp_path: Path, name: str) -> None:
    network = checkpoint.load(trained)
    target = tmp_path / "model"
    checkpoint.save(target, network.model, network.weights, report=report_files.read(trained))
    (target / name).write_text("mine")
    with pytest.raises(ForeignOutputError, match=name):
        checkpoint.save(target, network.model, network.weights)
    assert (target / name).read_text() == "mine"


def test_a_readme_alone_is_somebodys(trained: Path, tmp_path: Path) -> None:
    network = checkpoint.load(trained)
    checkpoint.save(tmp_path / "model", network.model, network.weights)
    (tmp_path / "model" / report_files.CARD).write_text("mine")
    with pytest.raises(ForeignOutputError):
        checkpoint.save(tmp_path / "model", network.model, network.weights)
