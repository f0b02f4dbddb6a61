import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import nn

from captcha_core import exporting
from captcha_core.datasets import Dataset, Plan
from captcha_core.engines import onnx_file
from captcha_core.errors import (
    DatasetError,
    ForeignOutputError,
    NoSpecError,
    OutputExistsError,
    OverlapError,
    TrainingError,
)
from captcha_core.exporting import sample
from captcha_core.exporting.byte_input import ByteInput
from captcha_core.networks import checkpoint
from captcha_core.networks.checkpoint import Scaling
from captcha_core.spec import Spec
from captcha_core.training import Rendered

ROOT = Path(__file__).parents[3]
SPEC = Spec.make(width=80, height=40, lengths=(1, 3), charset="ABC")


@pytest.mark.parametrize("name", ["heads", "vgg"])  # ctc is `exported`
@pytest.mark.parametrize("form", ["onnx", "torch-export"])
def test_every_network_reads_as_the_original(make, tmp_path, name, form):
    found = make(name)
    done = exporting.export(found, form, tmp_path / "out" / "file", images=20)
    assert done.path.stat().st_size == done.bytes
    assert [path.name for path in done.path.parent.iterdir()] == ["file"]
    compared = done.comparison
    assert compared.images == compared.same_texts == 20
    assert compared.largest_difference < 1e-3 * compared.largest_logit
    assert compared.exported.accuracy == compared.reference.accuracy


def test_files_go_beside_the_weights_and_say_how_to_use_them(exported):
    model = checkpoint.describe(exported)
    session = onnxruntime.InferenceSession(exported / "model.onnx")
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape) == ("images", "tensor(uint8)", ["batch", 40, 80, 1])
    about = json.loads(session.get_modelmeta().custom_metadata_map["capq"])
    assert about == {
        "format": 1,
        "checkpoint": model.digest,
        "precision": "fp32",
        "decoding": "ctc",
        "charset": "ABC",
        "lengths": [1, 3],
        "size": [80, 40],
        "channels": 1,
        "grey_rule": "pillow-luma",
        "resize_rule": "pillow-bilinear",
        "temperature": 1.0,
    }
    int8 = onnxruntime.InferenceSession(exported / "model.int8.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(int8["capq"])["precision"] == "int8"
    assert int8["capq.sha256"] != session.get_modelmeta().custom_metadata_map["capq.sha256"]


def test_a_file_hands_on_the_temperature_and_one_without_still_reads(make, tmp_path):
    found = make("heads")
    warm = checkpoint.save(
        tmp_path / "net", found.model.model_copy(update={"temperature": 1.5}), found.weights
    )
    done = exporting.export(checkpoint.load(tmp_path / "net"), "onnx", images=10)
    said = onnxruntime.InferenceSession(done.path).get_modelmeta().custom_metadata_map["capq"]
    assert json.loads(said)["temperature"] == 1.5
    older = json.dumps({key: value for key, value in json.loads(said).items() if key != "temperature"})
    onnx_file.check_belongs(done.path, older, warm.digest)
    assert onnx_file.Header.model_validate_json(older).temperature == 1


def test_int8_of_the_shipped_network_keeps_its_texts_and_shrinks(tmp_path):
    found = checkpoint.load()
    done = exporting.export(found, "onnx-int8", tmp_path / "x.onnx", images=200)
    assert done.calibration == 50
    assert done.comparison.images == 200
    assert done.comparison.same_texts >= 195
    assert done.comparison.exported.accuracy.right >= 190
    assert done.bytes < found.model.weights_bytes / 3


def test_the_exported_program_runs_without_capq(make, tmp_path):
    found = make("heads")
    exporting.export(found, "torch-export", images=10)
    script = """
import json, sys, torch
about = {"capq": ""}
program = torch.export.load("model.pt2", extra_files=about).module()
print(json.loads(about["capq"])["decoding"], *program(torch.zeros(5, 40, 80, 1, dtype=torch.uint8)).shape)
sys.exit(any(name.startswith("captcha_core") for name in sys.modules))
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path / "net", capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["positions", "5", "3", "4"]


def test_the_example_in_the_documentation_reads_as_the_solver(tmp_path):
    found = checkpoint.load()
    exporting.export(found, "onnx", tmp_path / "model.onnx", images=10)
    drawn = sample.draw(found, 1)
    Image.fromarray(drawn.images[0, :, :, 0]).save(tmp_path / "captcha.png")
    page = (ROOT / "docs" / "export.md").read_text()
    blocks = (part.partition("```")[0] for part in page.split("```python\n")[1:])
    (code,) = (block for block in blocks if "onnxruntime" in block)
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = found.codec.decode(_logits(tmp_path / "model.onnx", drawn.images)).texts()
    assert ran.stdout.split() == expected


def _logits(path, images):
    return onnxruntime.InferenceSession(path).run(None, {"images": images})[0]


@pytest.mark.parametrize("padding", [0, 1])
def test_the_scaling_is_folded_where_that_is_exact(padding):
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=padding), nn.ReLU(), nn.Flatten(1)).eval()
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), dtype=np.uint8))
    scaling = Scaling(mean=0.3, std=0.2)
    expected = network((images.permute(0, 3, 1, 2).float() / 255 - 0.3) / 0.2)
    wrapped = ByteInput(network, scaling)
    assert wrapped.scaled == bool(padding)
    torch.testing.assert_close(wrapped(images), expected, rtol=1e-4, atol=1e-4)


def test_labelled_images_take_the_place_of_rendered_ones(make, tmp_path):
    found = make("ctc", with_spec=False)
    with pytest.raises(NoSpecError, match="no images to render"):
        exporting.export(found, "onnx", images=20)
    assert not (tmp_path / "net" / "model.onnx").exists()
    made = Dataset.begin(str(tmp_path / "data"), Plan(spec=SPEC, shards=2, per_shard=30))
    made.write_shard(0)
    made.write_shard(1)
    made.finish()
    done = exporting.export(found, "onnx-int8", images=1000, dataset=str(tmp_path / "data"))
    assert (done.calibration, done.comparison.images) == (12, 48)
    assert str(tmp_path / "data") in done.comparison.origin


def test_a_folder_sorted_by_label_is_read_evenly(make, tmp_path):
    found = make("ctc")
    for number in range(30):
        name = f"{'ABC'[number // 10]}_{number}.png"
        Image.new("L", (80, 40), number).save(tmp_path / name)
    drawn = sample.draw(found, 6, str(tmp_path))
    assert sorted(set(drawn.texts)) == ["A", "B", "C"]
    calibrating, compared = sample.draw(found, 30, str(tmp_path)).split(5)
    assert sorted(set(calibrating.texts)) == ["A", "B", "C"]
    assert not {image.tobytes() for image in calibrating.images} & {i.tobytes() for i in compared.images}
    assert len(calibrating.texts) + len(compared.texts) == 30


def test_too_few_or_damaged_images_are_refused(make, tmp_path):
    found = make("ctc")
    Image.new("L", (80, 40)).save(tmp_path / "A_0.png")
    with pytest.raises(DatasetError, match="1 image, fewer than 10"):
        sample.draw(found, 20, str(tmp_path))
    for number in range(12):
        (tmp_path / f"B_{number}.png").write_bytes(b"nonsense")
    with pytest.raises(DatasetError, match=r"B_0\.png: not a PNG"):
        sample.draw(found, 20, str(tmp_path))


def test_a_file_that_cannot_be_written_leaves_nothing(make, tmp_path):
    found = make("ctc")
    (tmp_path / "taken").mkdir()
    with pytest.raises(ForeignOutputError, match="taken"):
        exporting.export(found, "torch-export", tmp_path / "taken", images=10)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net", "taken"]


@pytest.mark.parametrize("form", ["onnx", "torch-export"])
def test_a_file_that_capq_did_not_export_is_not_replaced(make, tmp_path, form):
    found = make("heads")
    notes, foreign = tmp_path / "notes.txt", tmp_path / "other.pt2"
    notes.write_text("mine")
    torch.save({"weights": torch.zeros(2)}, foreign)
    (tmp_path / "link").symlink_to("notes.txt")
    before = {path: path.read_bytes() for path in (notes, foreign)}
    for path in (notes, foreign, tmp_path / "link"):
        with pytest.raises(ForeignOutputError, match=f"{path.name} is no network that capq exported"):
            exporting.export(found, form, path, images=10)
    assert {path: path.read_bytes() for path in before} == before
    (tmp_path / "own").mkdir()
    with pytest.raises(OverlapError, match="lies in the input"):
        exporting.export(found, form, tmp_path / "own" / "x", images=10, dataset=str(tmp_path / "own"))


@pytest.mark.parametrize("form", ["onnx", "torch-export"])
def test_an_exported_file_is_replaced_by_the_next_export(make, tmp_path, form):
    found = make("heads")
    for _ in range(2):
        done = exporting.export(found, form, tmp_path / "file", images=10)
    assert done.path.stat().st_size == done.bytes
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "net"]


def test_every_exported_file_is_known_to_be_a_checkpoints_own():
    assert set(exporting.FILES.values()) <= set(checkpoint.FILES)


def test_unknown_formats_are_named(exported):
    with pytest.raises(TrainingError, match="onnx, onnx-int8, torch-export"):
        exporting.export(checkpoint.load(exported), "tflite")


def test_rendered_images_are_not_those_of_training(exported):
    found = checkpoint.load(exported)
    drawn = sample.draw(found, 4)
    for other in (Rendered(SPEC).batch(0, 4), Rendered(SPEC).held_out(4)):
        assert drawn.texts != other[1]


def test_a_seal_covers_every_byte():
    sealed = onnx_file.seal(b"\x08\x0a")
    assert sealed.startswith(b"\x08\x0a")
    model = onnx.load_from_string(sealed)
    assert model.ir_version == 10
    assert [entry.key for entry in model.metadata_props] == ["capq.sha256"]


def test_an_export_of_another_checkpoint_is_replaced_only_when_asked_to(tmp_path):
    path = tmp_path / "reader.onnx"
    path.write_bytes(onnx_file.seal(b"a network of the checkpoint 1d48867b"))
    exporting.check_output(path, "1d48867b")
    exporting.check_output(path)  # whichever checkpoint it is of
    with pytest.raises(OutputExistsError, match="exported from another network"):
        exporting.check_output(path, "5107beb8")
    with pytest.raises(ForeignOutputError, match="is a file"):
        exporting.check_output(path / "below")
