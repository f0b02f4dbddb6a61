import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from captcha_core import engines, machine
from captcha_core.engines import onnx_file
from captcha_core.errors import CheckpointError, DeviceError, NotExportedError, UnusableExportError
from captcha_core.extras import install_command
from captcha_core.networks import checkpoint
from captcha_core.solving.solver import Solver

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (33, 40, 80), dtype=np.uint8)


def test_engines_read_alike(exported, images):
    solvers = [Solver.load(exported, "cpu", name) for name in ("torch", "onnx", "onnx-int8")]
    assert [each.engine.name for each in solvers] == ["torch", "onnx", "onnx-int8"]
    assert [each.device for each in solvers] == ["cpu"] * 3
    plain, onnx, int8 = ([each.read(images[:n]) for n in (33, 1)] for each in solvers)
    assert [r.text for part in plain for r in part] == [r.text for part in onnx for r in part]
    assert onnx[0][0].confidence == pytest.approx(plain[0][0].confidence, rel=1e-3)
    assert len(int8[0]) == 33
    assert solvers[2].engine.logits(images[..., None]).dtype == np.float32


def test_auto_takes_the_fastest_file_there_is(own):
    def auto_engine():
        return Solver.load(own, "cpu").engine.name

    assert engines.exported_engines(checkpoint.load(own)) == ["onnx-int8", "onnx"]
    assert auto_engine() == "onnx-int8"
    (own / "model.int8.onnx").unlink()
    assert auto_engine() == "onnx"
    (own / "model.onnx").unlink()
    assert auto_engine() == "torch"
    with pytest.raises(NotExportedError, match=r"model\.onnx, which engine onnx runs"):
        Solver.load(own, engine="onnx")


def test_solving_with_onnx_imports_no_torch(exported, tmp_path):
    script = """
import sys
from captcha_core.solving.solver import Solver
import numpy
reading = Solver.load(sys.argv[1], "cpu").solve([numpy.zeros((20, 30, 3), numpy.uint8)])[0]
assert reading.error is None and reading.text, reading
print(*sorted({"torch", "onnx", "onnxruntime"} & set(sys.modules)))
"""
    ran = subprocess.run(
        [sys.executable, "-c", script, exported], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["onnxruntime"]


@pytest.mark.parametrize(
    ("missing", "arguments", "expected"),
    [
        ("torch", ["cpu"], "onnx-int8"),
        ("torch", [], "onnx-int8"),
        ("torch", ["cpu", "torch"], install_command("torch")),
        ("onnxruntime", ["cpu"], "torch"),
        ("onnxruntime", ["cpu", "onnx"], install_command("onnx")),
    ],
)
def test_an_engine_that_is_not_installed(exported, missing, arguments, expected):
    script = """
import sys
sys.modules[sys.argv[1]] = None  # as if it were not installed
from captcha_core.errors import MissingExtraError
from captcha_core.solving.solver import Solver
try:
    print(Solver.load(*sys.argv[2:]).engine.name)
except MissingExtraError as error:
    print(error)
"""
    command = [sys.executable, "-c", script, missing, exported, *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip().endswith(expected)


def test_a_file_of_another_network_is_refused(own):
    original = checkpoint.load(own)
    weights = {key: array + array.dtype.type(1) for key, array in original.weights.items()}
    for name in ("model.onnx", "model.int8.onnx"):
        (own.parent / name).write_bytes((own / name).read_bytes())
    checkpoint.save(own, original.model, weights)
    assert Solver.load(own, "cpu").engine.name == "torch"  # saving anew took the old files along
    (own / "model.onnx").write_bytes((own.parent / "model.onnx").read_bytes())
    with pytest.raises(UnusableExportError, match=r"model\.onnx was made from another network"):
        Solver.load(own, "cpu")


@pytest.mark.parametrize("place", [0, 100, 700, -100, -70, -1])
def test_a_changed_byte_is_noticed(own, place):
    data = bytearray((own / "model.onnx").read_bytes())
    data[place] ^= 1
    (own / "model.onnx").write_bytes(data)
    with pytest.raises(UnusableExportError, match="damaged"):
        Solver.load(own, engine="onnx")


@pytest.mark.parametrize("content", [b"", b"\x08", b"x" * 500])
def test_a_file_that_is_no_network_is_refused(own, content):
    (own / "model.onnx").write_bytes(content)
    with pytest.raises(UnusableExportError, match="no network that capq exported"):
        Solver.load(own, engine="onnx")


def test_sealed_nonsense_and_foreign_networks_are_refused(own):
    (own / "model.onnx").write_bytes(onnx_file.seal(b"no protocol buffer"))
    with pytest.raises(UnusableExportError, match=r"onnxruntime .* cannot load"):
        Solver.load(own, engine="onnx")
    model = onnx.load(own / "model.int8.onnx")
    del model.metadata_props[:]
    (own / "model.onnx").write_bytes(onnx_file.seal(model.SerializeToString()))
    with pytest.raises(UnusableExportError, match="another version of capq"):
        Solver.load(own, engine="onnx")


def test_what_there_is_not(exported):
    with pytest.raises(DeviceError, match="auto, torch, onnx, onnx-int8"):
        Solver.load(exported, engine="tensorrt")
    with pytest.raises(DeviceError, match="as engine torch does"):
        Solver.load(exported, "cuda:0", "onnx")
    original = checkpoint.load(exported)
    with pytest.raises(CheckpointError, match="in memory"):
        engines.load(checkpoint.Checkpoint(original.model, original.weights), "cpu", "onnx")


def test_threads_follow_the_environment_and_the_affinity(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert machine.threads() == 3
    for unusable in ("", "0", "4,2", "-1"):
        monkeypatch.setenv("OMP_NUM_THREADS", unusable)
        assert machine.threads() == machine.cores() == len(os.sched_getaffinity(0))
