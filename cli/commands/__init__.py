"""The commands: each parses its options, calls the library or the workers, and prints the result.

A command that starts jobs has in its module a function `show`, which prints a job's results.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..job.submission import Show

COMMANDS = {
    "generate": "cli.commands.generate:generate",
    "preview": "cli.commands.preview:preview",
    "verify": "cli.commands.verify:verify",
    "inspect": "cli.commands.inspect:inspect",
    "train": "cli.commands.train:train",
    "solve": "cli.commands.solve:solve",
    "solve-dir": "cli.commands.solve_dir:solve_dir",
    "evaluate": "cli.commands.evaluate:evaluate",
    "export": "cli.commands.export:export",
    "models": "cli.commands.models:models",
    "plot": "cli.commands.plot:plot",
    "top": "cli.commands.top:top",
    "jobs": "cli.commands.jobs:jobs",
    "status": "cli.commands.jobs:status",
    "wait": "cli.commands.jobs:wait",
    "logs": "cli.commands.logs:logs",
    "cancel": "cli.commands.steering:cancel",
    "retry": "cli.commands.steering:retry",
    "result": "cli.commands.jobs:result",
    "worker": "cli.commands.worker:worker",
    "workers": "cli.commands.worker:workers",
    "exporter": "cli.commands.exporter:exporter",
    "local": "cli.commands.local:local",
    "checks": "cli.commands.checks:checks",
}
"""Each command's module and function there, by its name, in the order in which they are listed."""


def results_printer(kind: str) -> "Show":
    """Return `show` of the command that starts jobs of a kind."""
    from workers.kinds import KINDS

    module, _, _ = COMMANDS[KINDS[kind].command].partition(":")
    show: Show = importlib.import_module(module).show
    return show
