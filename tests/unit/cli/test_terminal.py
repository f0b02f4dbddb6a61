"""What the command line prints, in a pipe as here."""

import pytest

from cli.terminal import print_table


def test_a_table_in_a_pipe_has_a_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [f"{number}/{'folder/' * 40}image.png" for number in range(3)]
    print_table(("path", "text"), [(path, "AB12") for path in paths])
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["path", "text"]
    assert [line.split() for line in lines] == [[path, "AB12"] for path in paths]
