"""How many GPUs a gpu worker has; a driver without a GPU that can be used is said."""

import logging
from pathlib import Path

import pytest

from captcha_core import machine
from workers.process import launch

TORCH = """
class cuda: is_available = staticmethod(lambda: {count} > 0); device_count = staticmethod(lambda: {count})
class backends:
    class mps: is_available = staticmethod(lambda: False)
class version: cuda, hip = {cuda!r}, None
"""
"""As far as it is asked: PyTorch itself takes half a minute to import on a busy machine."""


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file by which a driver shows itself, and a folder for a PyTorch."""
    path = tmp_path / "nvidiactl"
    path.touch()
    monkeypatch.setattr(machine, "_ACCELERATOR_FILES", (str(path),))
    monkeypatch.setattr(machine, "installed", lambda module: True)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return path


@pytest.mark.parametrize(
    ("cuda", "visible", "reason"),
    [("12.8", "", "CUDA_VISIBLE_DEVICES hides it"), (None, "0", "built for CPUs alone"), ("12.8", "0", str)],
)
def test_a_gpu_that_cannot_be_used_is_said(
    driver: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    cuda: str | None, visible: str, reason: object,
) -> None:  # fmt: skip
    (driver.parent / "torch.py").write_text(TORCH.format(count=0, cuda=cuda))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with caplog.at_level(logging.WARNING):
        assert launch._accelerators() == 0
    (message,) = caplog.messages
    assert f"there is a driver of a GPU ({driver})" in message
    assert reason is str or str(reason) in message


def test_a_gpu_that_is_used_is_counted(driver: Path, caplog: pytest.LogCaptureFixture) -> None:
    (driver.parent / "torch.py").write_text(TORCH.format(count=2, cuda="12.8"))
    assert launch._accelerators() == 2
    assert not caplog.messages


def test_a_gpu_without_pytorch_is_said(
    driver: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(machine, "installed", lambda module: False)
    with caplog.at_level(logging.WARNING):
        assert launch._accelerators() == 0
    assert "capq[torch]" in caplog.text


def test_a_pytorch_that_fails_is_said(driver: Path, caplog: pytest.LogCaptureFixture) -> None:
    (driver.parent / "torch.py").write_text("raise OSError('libcudart.so.12: cannot open')")
    with caplog.at_level(logging.WARNING):
        assert launch._accelerators() == 0
    assert "libcudart.so.12: cannot open" in caplog.text


def test_nothing_is_said_without_a_driver(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(machine, "_ACCELERATOR_FILES", ())
    with caplog.at_level(logging.WARNING):
        assert launch._accelerators() == 0
    assert not caplog.messages
