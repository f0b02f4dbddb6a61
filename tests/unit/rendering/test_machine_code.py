import os
import shutil
import subprocess
import sys
from pathlib import Path

import captcha_core


def _compiled(sources: Path, cache: Path, before: str = "") -> bool:
    """Tell whether a process that has capq at a path takes its renderer for compiled."""
    code = f"from captcha_core.rendering import machine_code\n{before}\nprint(machine_code.is_compiled())"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(sources), "NUMBA_CACHE_DIR": str(cache)},
        cwd=cache, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return result.stdout.strip() == "True"


def test_a_copy_of_capq_at_another_path_is_compiled_anew(tmp_path: Path) -> None:
    package = Path(captcha_core.__file__).parent
    copy = tmp_path / "copy"
    shutil.copytree(package, copy / package.name, ignore=shutil.ignore_patterns("weights", "__pycache__"))
    cache = tmp_path / "cache"
    cache.mkdir()
    _compiled(package.parent, cache, "machine_code.mark_compiled()")
    assert _compiled(package.parent, cache)
    assert not _compiled(copy, cache)
