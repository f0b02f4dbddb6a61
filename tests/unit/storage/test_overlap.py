from pathlib import Path

import pytest

from captcha_core.errors import OverlapError
from captcha_core.storage.overlap import check_apart


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("own", "is an input"),
        ("own/model", "lies in the input"),
        (".", "lies in the output"),
        ("link", "is an input"),
        ("link/model", "lies in the input"),
        ("other/../own", "is an input"),
    ],
)
def test_an_output_that_touches_an_input_is_refused(tmp_path: Path, output: str, words: str) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "link").symlink_to("own")
    for given in (str(tmp_path / output), f"file://{tmp_path}/{output}"):
        with pytest.raises(OverlapError, match=words):
            check_apart(["memory://out", given], [tmp_path / "own"])


@pytest.mark.parametrize("output", ["own.run", "ow", "other/own"])
def test_neighbours_are_apart(tmp_path: Path, output: str) -> None:
    check_apart([tmp_path / output], [tmp_path / "own", f"memory://{tmp_path}"])
