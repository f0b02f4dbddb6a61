"""Commands about networks, without Redis."""

import shutil

from captcha_core.networks import checkpoint
from tests.conftest import Capq


def test_a_network_is_listed_described_exported_and_used(capq: Capq) -> None:
    (listed,) = [each for each in capq.json("models") if each["name"] == checkpoint.DEFAULT]
    assert listed["network"] == "ctc"
    assert listed["parameters"] < listed["bytes"] / 4  # float32, and the batch norms' statistics
    assert "0-9A-Z, 170×80 grey" in capq("models").stdout
    shutil.copytree(checkpoint.default(), capq.folder / "net", ignore=shutil.ignore_patterns("*.onnx"))
    (described,) = capq.json("models", "net")
    assert described["exported"] == []
    assert described["digest"] == listed["digest"]
    shown = capq("export", "net", "--format", "onnx-int8", "--images", 60).stdout
    assert "calibrated on 15 others" in shown
    assert "onnx-int8" in capq("models", "net").stdout
    done = capq.json("export", "net", "--images", 20, "--out", "reader.onnx")
    assert done["same_texts"] == done["images"] == 20
    assert [each["engine"] for each in done["engines"]] == ["torch", "onnx"]
    assert (capq.folder / "reader.onnx").stat().st_size == done["bytes"]
    assert not (capq.folder / "net" / "model.onnx").exists()


def test_wrong_exports_are_refused(capq: Capq) -> None:
    assert "no checkpoint at nowhere" in capq("export", "nowhere", code=2).stderr
    assert "no checkpoint at nowhere" in capq("models", "nowhere", code=2).stderr
    assert "onnx-int8" in capq("export", checkpoint.DEFAULT, "--format", "tflite", code=2).stderr
    assert "no such folder" in capq("export", checkpoint.DEFAULT, "--dataset", "missing", code=2).stderr
