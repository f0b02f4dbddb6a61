from pathlib import Path

import pytest

from .__main__ import soak


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_half_an_hour(tmp_path: Path) -> None:
    assert soak(30, 1, tmp_path) == []
