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


@pytest.mark.parametrize("output", ["memory://b/images", "memory://b/images/t.csv", "memory://b"])
def test_paths_of_a_store_are_compared_as_those_of_this_machine(output: str) -> None:
    with pytest.raises(OverlapError, match="memory://b/images"):
        check_apart([output], ["memory://b/images/"])
    check_apart([f"{output.replace('b', 'c')}"], ["memory://b/images"])
    check_apart(["memory://b/images2", "/b/images"], ["memory://b/images"])
