import json
import resource
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from safetensors import SafetensorError

from captcha_core import networks
from captcha_core.errors import (
    CheckpointError,
    DamagedCheckpointError,
    ForeignOutputError,
    OutputExistsError,
    StorageError,
)
from captcha_core.networks import Problem, checkpoint

SETTINGS = {"channels": (4, 8, 8, 8)}


def problem_for(name):
    side = (90, 80) if name == "vgg" else (48, 24)
    return Problem(charset="digits", lengths=(1, 2), size=side, channels=3 if name == "vgg" else 1)


def saved(folder, name="ctc"):
    torch.manual_seed(0)
    settings = {} if name == "vgg" else SETTINGS
    network = networks.build(name, problem_for(name), settings)
    weights = {key: tensor.numpy() for key, tensor in network.state_dict().items()}
    model = checkpoint.Model(
        architecture=name,
        settings=settings,
        problem=problem_for(name),
        training={"note": "é", "loss": [1.5, None]},
    )
    checkpoint.save(folder, model, weights)
    return network.eval()


@pytest.mark.parametrize("name", list(networks.ARCHITECTURES))
def test_round_trip(tmp_path, name):
    network = saved(tmp_path / "net", name)
    loaded = checkpoint.load(tmp_path / "net")
    assert loaded.model.problem == problem_for(name)
    assert loaded.model.training["note"] == "é"
    width, height = problem_for(name).size
    images = torch.rand(3, problem_for(name).channels, height, width)
    again = loaded.network()
    with torch.inference_mode():
        assert torch.equal(again(images), network(images))


def test_a_checkpoint_is_two_files_and_replaces_an_older_one(tmp_path):
    saved(tmp_path / "net")
    saved(tmp_path / "net", "heads")
    assert sorted(path.name for path in (tmp_path / "net").iterdir()) == ["model.json", "model.safetensors"]
    assert [path.name for path in tmp_path.iterdir()] == ["net"]
    assert checkpoint.load(tmp_path / "net").model.architecture == "heads"


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path):
    saved(tmp_path / "net")
    before = checkpoint.load(tmp_path / "net").model.digest
    model = checkpoint.describe(tmp_path / "net")
    with pytest.raises(SafetensorError, match="dtype"):
        checkpoint.save(tmp_path / "net", model, {"bad": np.array(["text"])})
    assert checkpoint.load(tmp_path / "net").model.digest == before


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "extra", ["notes.txt", "X7PQ_1.png", "model.json.bak", ".git", "linked", "config.json", "labels.txt"]
)
def test_a_folder_that_holds_more_than_a_checkpoint_is_not_replaced(tmp_path, extra):
    saved(tmp_path / "net")
    if extra == "linked":
        (tmp_path / "elsewhere").write_text("mine")
        (tmp_path / "net" / "model.onnx").symlink_to(tmp_path / "elsewhere")
    elif extra == ".git":
        (tmp_path / "net" / extra).mkdir()
    else:
        (tmp_path / "net" / extra).write_text("mine")
    before = names(tmp_path / "net")
    with pytest.raises(ForeignOutputError, match="not a checkpoint of capq alone: it holds"):
        saved(tmp_path / "net", "heads")
    assert names(tmp_path / "net") == before
    assert checkpoint.load(tmp_path / "net").model.architecture == "ctc"


@pytest.mark.parametrize("case", ["labelled images", "a file", "a link", "another program's model.json"])
def test_what_is_no_checkpoint_is_not_replaced(tmp_path, case):
    out = tmp_path / "net"
    if case == "a file":
        out.write_text("my notes")
    elif case == "a link":
        saved(tmp_path / "own")
        out.symlink_to("own")
    else:
        out.mkdir()
        (out / ("model.json" if "json" in case else "X7PQ_1.png")).write_text('{"format": 1}')
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ForeignOutputError, match=r"net is (not )?a"):
        saved(out)
    with pytest.raises(ForeignOutputError, match="net is not a checkpoint"):
        checkpoint.check_output(out, overwrite=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_checkpoint_is_replaced_with_what_was_exported_from_it(tmp_path):
    saved(tmp_path / "net")
    for name in ("model.onnx", "model.int8.onnx", "model.pt2", ".model.onnx.4711-0a1b2c3d.tmp"):
        (tmp_path / "net" / name).write_text("of the older one")
    saved(tmp_path / "net", "heads")
    assert names(tmp_path / "net") == ["model.json", "model.safetensors"]


def test_a_checkpoint_stays_where_it_is_not_to_be_replaced(tmp_path):
    saved(tmp_path / "net")
    saved(tmp_path / "other", "heads")
    there, other = checkpoint.load(tmp_path / "net"), checkpoint.load(tmp_path / "other")
    with pytest.raises(OutputExistsError, match="net holds a checkpoint already"):
        checkpoint.save(tmp_path / "net", other.model, other.weights, overwrite=False)
    assert checkpoint.load(tmp_path / "net").model == there.model
    # The same one again, as by a job whose finish is run twice.
    checkpoint.save(tmp_path / "net", there.model, there.weights, overwrite=False)
    checkpoint.check_output(tmp_path / "net", overwrite=False, digest=there.model.digest)


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        saved(tmp_path / "file" / "net")


def test_truncated_weights(tmp_path):
    saved(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DamagedCheckpointError, match=r"has [\d,]+ bytes, not"):
        checkpoint.load(tmp_path)


def test_a_flipped_bit(tmp_path):
    saved(tmp_path)
    path = tmp_path / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="digest"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("architecture", "heads"),
        ("training", {}),
        ("scaling", {"mean": 0.1, "std": 0.5}),
        ("temperature", 2.0),
    ],
)
def test_tampered_json(tmp_path, key, value):
    saved(tmp_path)
    path = tmp_path / "model.json"
    content = json.loads(path.read_text())
    content[key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="changed or damaged"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', "\x00"])
def test_json_that_is_no_model(tmp_path, text):
    saved(tmp_path)
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(DamagedCheckpointError, match="damaged or from another version"):
        checkpoint.load(tmp_path)


def test_missing_files(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        checkpoint.load(tmp_path / "nowhere")
    saved(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="cannot read"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize("change", ["shape", "missing", "extra"])
def test_weights_that_do_not_fit_the_network(tmp_path, change):
    saved(tmp_path)
    loaded = checkpoint.load(tmp_path)
    weights = dict(loaded.weights)
    if change == "shape":
        weights["head.weight"] = weights["head.weight"][:-1]
    elif change == "missing":
        del weights["head.bias"]
    else:
        weights["tail.weight"] = np.zeros(3, np.float32)
    checkpoint.save(tmp_path, loaded.model, weights)  # digests are right, the shapes are not
    with pytest.raises(CheckpointError, match="do not fit"):
        checkpoint.load(tmp_path).network()


def test_a_weights_file_that_is_no_safetensors(tmp_path):
    saved(tmp_path)
    model = checkpoint.describe(tmp_path)
    data = b"\xff" * 100
    (tmp_path / "model.safetensors").write_bytes(data)
    import hashlib

    model = model.model_copy(
        update={"weights_bytes": 100, "weights_sha256": hashlib.sha256(data).hexdigest()}
    )
    model = model.model_copy(update={"digest": model.expected_digest()})
    (tmp_path / "model.json").write_text(model.model_dump_json())
    with pytest.raises(CheckpointError, match="no safetensors"):
        checkpoint.load(tmp_path)


def test_unknown_names_list_the_shipped_ones():
    with pytest.raises(CheckpointError, match="shipped name"):
        checkpoint.find("no-such-network")


@pytest.mark.parametrize("name", checkpoint.shipped())
def test_shipped_checkpoints_are_sound(name):
    loaded = checkpoint.load(name)
    assert loaded.network()
    assert (
        safetensors.numpy.load_file(checkpoint.find(name) / "model.safetensors").keys()
        == loaded.weights.keys()
    )


def test_a_checkpoint_from_before_temperatures_keeps_its_digest(tmp_path):
    saved(tmp_path)
    path = tmp_path / "model.json"
    content = json.loads(path.read_text())
    del content["temperature"]
    path.write_text(json.dumps(content))
    loaded = checkpoint.load(tmp_path)
    assert loaded.model.digest == content["digest"]
    assert loaded.model.temperature == loaded.codec.temperature == 1
    assert checkpoint.save(tmp_path / "again", loaded.model, loaded.weights).digest == content["digest"]


def test_a_temperature_is_kept_guarded_and_reaches_the_codec(tmp_path):
    saved(tmp_path)
    loaded = checkpoint.load(tmp_path)
    warm = loaded.model.model_copy(update={"temperature": 1.5})
    assert checkpoint.save(tmp_path, warm, loaded.weights).digest != loaded.model.digest
    assert checkpoint.load(tmp_path).codec.temperature == 1.5
    path = tmp_path / "model.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"temperature": 1.0}))
    with pytest.raises(CheckpointError, match="changed or damaged"):
        checkpoint.load(tmp_path)


def test_only_a_network_trained_on_resized_images_has_it_in_its_digest(tmp_path):
    saved(tmp_path / "net")
    model = checkpoint.describe(tmp_path / "net")
    old = json.loads((tmp_path / "net" / "model.json").read_text())
    del old["trained_on_resized"]
    (tmp_path / "net" / "model.json").write_text(json.dumps(old))
    assert checkpoint.describe(tmp_path / "net") == model
    resized = model.model_copy(update={"trained_on_resized": True})
    assert resized.expected_digest() != model.digest


def test_an_unknown_resize_rule_is_refused(tmp_path):
    saved(tmp_path / "net")
    fields = json.loads((tmp_path / "net" / "model.json").read_text())
    (tmp_path / "net" / "model.json").write_text(json.dumps(fields | {"resize_rule": "crop"}))
    with pytest.raises(DamagedCheckpointError, match="resize_rule"):
        checkpoint.describe(tmp_path / "net")


def test_settings_of_a_network_of_terabytes_cost_no_memory(tmp_path: Path) -> None:
    loaded = checkpoint.load(checkpoint.default())
    channels = [100_000, 100_000, 100_000, 128]
    model = loaded.model.model_copy(update={"settings": loaded.model.settings | {"channels": channels}})
    checkpoint.write(tmp_path, model, loaded.weights)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CheckpointError, match="do not fit its network"):
        checkpoint.load(tmp_path).network()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB
