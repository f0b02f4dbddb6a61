"""The command that installs what an extra brings."""

import shlex
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from captcha_core.extras import install_command, packages_of

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
REQUIREMENTS = [
    "numpy>=2.0",
    'onnxruntime>=1.20; extra == "onnx"',
    'safetensors>=0.5; extra == "onnx"',
    "torch>=2.6 ; (python_version < '3.15') and extra == 'torch'",
    'safetensors>=0.5; extra == "torch"',
    'capq[onnx,torch]; extra == "export"',
    'onnx>=1.17; extra == "export"',
]


@pytest.mark.parametrize(
    ("extra", "packages"),
    [
        ("onnx", ["onnxruntime>=1.20", "safetensors>=0.5"]),
        ("torch", ["torch>=2.6", "safetensors>=0.5"]),
        ("export", ["onnxruntime>=1.20", "safetensors>=0.5", "torch>=2.6", "onnx>=1.17"]),
        ("nothing", []),
    ],
)
def test_an_extra_is_its_packages(extra: str, packages: list[str]) -> None:
    assert packages_of(extra, REQUIREMENTS) == packages


@pytest.mark.parametrize("extra", EXTRAS)
def test_no_hint_asks_the_index_for_capq(extra: str) -> None:
    pip, install, *packages = shlex.split(install_command(extra))
    assert (pip, install) == ("pip", "install")
    assert packages
    assert not any(package.startswith("capq") for package in packages)


def test_where_capq_is_not_installed_its_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT)])
    monkeypatch.setattr(sys, "meta_path", [])
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.requires("capq")
    assert install_command("onnx") == "pip install '.[onnx]'"
