"""A table of faults, kinds and outcomes, filled by pytest as it goes."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from .jobs import JOBS

WHOLE = "whole"


class Outcomes:
    """A pytest plugin that notes what became of each fault.

    Attributes
    ----------
    cells
        The outcome of each kind, by fault, in the order in which the faults ran.
    """

    def __init__(self) -> None:
        self.cells: dict[str, dict[str, str]] = {}

    def merge(self, path: Path) -> None:
        """Put the outcomes of earlier runs, kept in a file, before those of this one, and keep all there."""
        earlier = json.loads(path.read_text()) if path.exists() else {}
        for fault, kinds in self.cells.items():
            earlier.setdefault(fault, {}).update(kinds)
        self.cells = earlier
        path.write_text(json.dumps(self.cells, indent=1))

    def markdown(self) -> str:
        """Return the table."""
        heading = f"| fault | {' | '.join(JOBS)} |\n| --- |{' --- |' * len(JOBS)}"
        rows = (
            f"| {fault} | {' | '.join(kinds.get(kind, '') for kind in JOBS)} |"
            for fault, kinds in self.cells.items()
        )
        return "\n".join((heading, *rows))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if "kind" in parameters and item.function.__doc__:
            fault = item.function.__doc__.strip().splitlines()[0].format(**parameters)
            self._note(fault, parameters["kind"], report)
        return report

    def _note(self, fault: str, kind: str, report: pytest.TestReport) -> None:
        kinds = self.cells.setdefault(fault, {})
        if report.failed:
            kinds[kind] = "**not whole**"
        elif report.skipped:
            kinds[kind] = "not run"
        elif report.when == "teardown" and kind not in kinds:
            kinds[kind] = _in_words(dict(report.user_properties))


def _in_words(properties: dict[str, Any]) -> str:
    """Return the outcome of a test that passed, with the seconds until the units ran again, or to the end."""
    if "noticed" in properties:
        return f"{WHOLE}, noticed after {properties['noticed']:.1f} s"
    return f"{WHOLE}, {properties['seconds']:.0f} s" if properties.get("seconds") else WHOLE
