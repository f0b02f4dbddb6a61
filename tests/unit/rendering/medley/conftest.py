"""Specs of few fonts, which every machine with capq has; a machine without any others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from captcha_core.rendering.medley import font_files
from captcha_core.spec import Spec, fonts, load

DROID = str(fonts.find(fonts.BUILT_IN))


class Narrowed(Protocol):
    def __call__(self, *, lengths: tuple[int, int] = ..., charset: str = ..., **medley: Any) -> Spec: ...


@pytest.fixture
def narrowed() -> Narrowed:
    def make(*, lengths: tuple[int, int] = (3, 12), charset: str = "alnum", **medley: Any) -> Spec:
        return load("medley").replaced(lengths=lengths, charset=charset, medley={"fonts": [DROID]} | medley)

    return make


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No fonts but those that packages bring, and no notes on them; return the folder for more."""
    for name in ("HOME", "XDG_DATA_DIRS", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    font_files._by_name.cache_clear()
    folder = tmp_path / "fonts"
    folder.mkdir()
    yield folder
    font_files._by_name.cache_clear()
