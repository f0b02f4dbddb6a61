"""What holds for every kind of job."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from cli.commands import COMMANDS
from cli.main import main
from workers.app import QUEUES
from workers.kinds import KINDS

ROOT = Path(__file__).parents[3]


def test_the_names_on_the_wire_stay() -> None:
    assert KINDS.tasks == [
        "capq.generate.shard",
        "capq.train.slice",
        "capq.solve.batch",
        "capq.evaluate.batch",
    ]
    assert [kind.task for kind in KINDS.values()] == KINDS.tasks


def test_registering_the_tasks_loads_no_kind() -> None:
    script = (
        "import sys, workers.units.tasks, workers.app\n"
        "from workers.kinds import KINDS\n"
        "assert set(KINDS.tasks) < set(workers.app.app.tasks)\n"
        "assert 'solve' in KINDS\n"
        "print(*(name for name in sys.modules if name.startswith('workers.kinds.')))"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["workers.kinds.base"]


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_names_a_queue_and_a_command_that_shows_results(name: str) -> None:
    kind = KINDS[name]
    assert kind.name == name
    assert kind.queue in QUEUES
    command = main.get_command(click.Context(main), kind.command)
    module, _, _ = COMMANDS[kind.command].partition(":")
    assert command is not None
    assert callable(sys.modules[module].show)
