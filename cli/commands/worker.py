"""`capq worker` and `capq workers`: running a worker, and listing those that run."""

from typing import Any

import click

from workers.app import QUEUES, app
from workers.settings import settings

from ..job.session import session
from ..options.finite import FiniteRange
from ..terminal import json_option, print_json, print_table, say


@click.command()
@click.argument("queue", type=click.Choice(QUEUES))
@click.option(
    "--processes",
    type=click.IntRange(1),
    help="Pool processes.  [default: one a core; of gpu, one a device where there is one]",
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def worker(queue: str, processes: int | None, log_level: str) -> None:
    """Work on a queue: `cpu` renders shards, `gpu` trains and reads images.

    Needs a Redis that other machines reach, in CAPQ_REDIS_URL. Serves Prometheus metrics on
    CAPQ_METRICS_PORT. TERM lets the running units end, then exits; TERM again ends it at once,
    and its units run again elsewhere.
    """
    if settings().embedded:
        raise click.UsageError(
            "a worker needs CAPQ_REDIS_URL, such as redis://127.0.0.1:6379/0; "
            "without it capq starts its own workers when there is work (`capq local status`)"
        )
    from workers.ledger import connection
    from workers.process import launch

    connection.check(settings())
    launch.run(queue, processes=processes or 0, log_level=log_level.upper())


@click.command()
@click.option(
    "--timeout",
    type=FiniteRange(0.1, 60),
    default=1.0,
    show_default=True,
    help="Seconds to wait for answers.",
)
@json_option
def workers(timeout: float, as_json: bool) -> None:
    """List the workers that answer: their queue, what they run, which network they hold."""
    with session() as ledger:
        replies: list[dict[str, Any]] = app.control.broadcast("capq", reply=True, timeout=timeout) or []
        answers = {name: answer for reply in replies for name, answer in reply.items()}
        active = app.control.inspect(timeout=timeout).active() or {}
        models = ledger.held_models(list(answers)) if answers else {}
    listed = [
        _described(name, answer, active.get(name, []), models.get(name, ""))
        for name, answer in sorted(answers.items())
    ]
    if as_json:
        print_json(listed)
    elif not listed:
        say(f"no workers answer{_hint()}")
    else:
        columns = ("worker", "queues", "processes", "active", "model", "metrics_port")
        rows = [[_plain(column, line[column]) for column in columns] for line in listed]
        print_table([column.replace("_", " ") for column in columns], rows)


def _described(name: str, answer: dict[str, Any], tasks: list[dict[str, Any]], model: str) -> dict[str, Any]:
    units = [f"{job} unit {unit}" for job, unit in (task["args"] for task in tasks if len(task["args"]) > 1)]
    return {
        "worker": name,
        "queues": answer["queues"],
        "processes": answer["processes"],
        "active": units,
        "model": model,
        "metrics_port": answer["metrics_port"],
        "pid": answer["pid"],
    }


def _plain(column: str, value: Any) -> Any:
    """Return a port as text: it is a name, and no number to be grouped by thousands."""
    return str(value) if column == "metrics_port" and value is not None else value


def _hint() -> str:
    if settings().embedded:
        return "; they start when there is work"
    return ": start one with `capq worker cpu`"
