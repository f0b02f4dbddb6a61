"""The library and `capq solve` do without what only POSIX systems have; the embedded runtime says so."""

import subprocess
import sys
from pathlib import Path

import pytest
from captcha.image import ImageCaptcha

ROOT = Path(__file__).parents[2]

WITHOUT_MODULES = """
import os, sys
for name in ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"):
    sys.modules[name] = None  # as on Windows
"""
WITHOUT_POSIX = f"""{WITHOUT_MODULES}
import numpy, onnxruntime  # other people's packages take this system for what it is
for name in ("getuid", "O_CLOEXEC", "O_NONBLOCK", "sched_getaffinity", "sysconf"):
    delattr(os, name)
"""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "images" / "a.png"
    path.parent.mkdir()
    ImageCaptcha(170, 80).write("A2C4", str(path))
    return path


def _run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_the_library_reads_images(image: Path) -> None:
    answer = _run(
        f"{WITHOUT_POSIX}from captcha_core import Solver\nprint(Solver.load().solve([sys.argv[1]])[0].text)",
        image,
    )
    assert answer.stdout.strip() == "A2C4", answer.stderr


def test_the_library_reads_a_folder(image: Path, tmp_path: Path) -> None:
    script = (
        f"{WITHOUT_POSIX}from captcha_core import solving\n"
        "print(solving.read(sys.argv[1], sys.argv[2]).images)"
    )
    answer = _run(script, image.parent, tmp_path / "texts.csv")
    assert answer.stdout.strip() == "1", answer.stderr
    assert "A2C4" in (tmp_path / "texts.csv").read_text()


def test_capq_solve_reads_images(image: Path) -> None:
    answer = _run(f"{WITHOUT_POSIX}from cli.main import main\nmain()", "solve", image)
    assert "A2C4" in answer.stdout, answer.stderr


@pytest.mark.parametrize("command", [("jobs",), ("local", "start"), ("local", "status")])
def test_the_embedded_runtime_says_what_it_needs(command: tuple[str, ...], tmp_path: Path) -> None:
    script = (
        "import celery.app.base, kombu.transport.redis\n"  # these too take this system for what it is
        f"{WITHOUT_MODULES}os.environ['CAPQ_HOME'] = {str(tmp_path)!r}\n"
        "from cli.main import main\nmain()"
    )
    answer = _run(script, *command)
    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert "needs Linux, macOS or another POSIX system" in line
    assert "WSL" in line
