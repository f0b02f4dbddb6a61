"""The command line as benchmarks run it: real processes, on an embedded runtime of their own."""

import os
import subprocess
import sys
from pathlib import Path


class CommandFailed(SystemExit):
    """A command ended with an error."""


class Capq:
    """`capq` with a runtime of its own.

    Attributes
    ----------
    home
        Folder of that runtime's data.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.home = str(folder / "home")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CAPQ_")}
        self._env = kept | {"CAPQ_HOME": self.home} | settings

    def __call__(self, *arguments: str) -> str:
        """Run a command to its end, and return what it printed."""
        printed, notes = (command := self.start(*arguments)).communicate()
        if command.returncode:
            raise CommandFailed(f"capq {' '.join(arguments)} failed: {notes}")
        return printed

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
