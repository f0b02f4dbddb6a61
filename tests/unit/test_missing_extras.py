"""A feature whose package is not installed says which extra brings it."""

import subprocess
import sys
from pathlib import Path

import pytest

from captcha_core.extras import install_command

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("package", "code", "extra"),
    [
        (
            "matplotlib.figure",
            "from captcha_core.reports import canvas; canvas.require_matplotlib()",
            "plots",
        ),
        (
            "tensorboard",
            "from pathlib import Path; from captcha_core.training.events import SliceEvents;"
            "SliceEvents(Path('events'), 0, 0)",
            "tensorboard",
        ),
        (
            "safetensors",
            "from captcha_core.networks import checkpoint; checkpoint.load()",
            "torch",
        ),
    ],
)
def test_the_extra_is_named(package: str, code: str, extra: str) -> None:
    script = f"import sys; sys.modules[{package!r}] = None\n{code}"  # as if it were not installed
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert answer.stderr.splitlines()[-1].startswith("captcha_core.errors.MissingExtraError")
    assert install_command(extra) in answer.stderr
