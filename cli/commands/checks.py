"""`capq checks`."""

from dataclasses import asdict

import click

from ..checks import Check, Section, sections
from ..terminal import json_option, print_json, say

_MARKS = {"ok": " ", "absent": "-", "fault": "!"}


@click.command()
@json_option
def checks(as_json: bool) -> None:
    """Show what this machine has for capq, and what it lacks: for bug reports, and after an install.

    Versions, the server, engines and devices, folders. A line with - names something optional that
    is missing, one with ! what keeps commands from working; after the arrow is what brings it.
    Starts nothing and changes nothing. Exits with 1 when there is a line with !.

    \b
    capq checks
    capq checks --json > checks.json
    """
    listed = sections()
    if as_json:
        print_json({section.name: [asdict(check) for check in section.checks] for section in listed})
    else:
        for section in listed:
            _show(section)
    raise SystemExit(int(any(check.state == "fault" for section in listed for check in section.checks)))


def _show(section: Section) -> None:
    say(f"{section.name}:")
    width = max(len(check.name) for check in section.checks)
    for check in section.checks:
        say(_line(check, width))


def _line(check: Check, width: int) -> str:
    remedy = f"  → {check.remedy}" if check.remedy else ""
    return f"{_MARKS[check.state]} {check.name:<{width}}  {check.value}{remedy}"
