"""What the command line prints, in a pipe as here."""

import pytest

from cli.terminal import print_table, say_faults


def test_a_table_in_a_pipe_has_a_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [f"{number}/{'folder/' * 40}image.png" for number in range(3)]
    print_table(("path", "text"), [(path, "AB12") for path in paths])
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["path", "text"]
    assert [line.split() for line in lines] == [[path, "AB12"] for path in paths]


@pytest.mark.parametrize(
    ("pairs", "hinted"), [([("p", "P", 9), ("0", "O", 3)], True), ([("0", "O", 3)], False)]
)
def test_faults_of_case_alone_are_told_with_the_option_for_them(
    capsys: pytest.CaptureFixture[str], pairs: list[tuple[str, str, int]], hinted: bool
) -> None:
    say_faults([{"true": true, "read": read, "count": count} for true, read, count in pairs])
    assert ("--ignore-case" in capsys.readouterr().out) == hinted
