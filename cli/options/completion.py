"""What the Tab key completes, besides the commands, options and choices that click knows by itself.

A key press starts no server, waits for none, and never fails.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from captcha_core.errors import CapqError

if TYPE_CHECKING:
    from workers.ledger.job import Job
    from workers.settings import Settings

_MOST_JOBS = 50
_PATIENCE_SECONDS = 1.0

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def job_ids(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the ids of the newest jobs, with their states."""
    import redis

    try:
        jobs = _newest_jobs()
    except (CapqError, OSError, redis.RedisError):
        return []
    return [CompletionItem(job.id, help=job.state.value) for job in jobs if job.id.startswith(incomplete)]


def _newest_jobs() -> "list[Job]":
    from workers import embedded
    from workers.settings import settings

    configured = settings()
    if configured.embedded and embedded.status(configured).pid is None:
        return []
    return list(_jobs(configured))


def _jobs(configured: "Settings") -> "Iterator[Job]":
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    from workers.ledger.connection import connect
    from workers.ledger.ledger import Ledger

    client = connect(
        configured,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=_PATIENCE_SECONDS,
        socket_timeout=_PATIENCE_SECONDS,
    )
    with client:
        ledger = Ledger(
            client,
            configured.key_prefix,
            keep_seconds=configured.job_days * 86_400,
            lease_seconds=configured.lease_seconds,
        )
        yield from ledger.jobs(_MOST_JOBS)


def checkpoints(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return shipped names and the folders of checkpoints; where none matches, the shell shows folders."""
    return _checkpoints(incomplete)


def checkpoints_or(word: str) -> Completer:
    """Return a completer of checkpoints and of one word besides."""
    return lambda _context, _parameter, incomplete: _checkpoints(incomplete, word)


def _checkpoints(incomplete: str, *words: str) -> list[CompletionItem]:
    from captcha_core.networks import checkpoint  # not by commands that complete nothing

    names = [name for name in (*words, *checkpoint.shipped()) if name.startswith(incomplete)]
    names += [
        path for path in _folders(incomplete) if (Path(path).expanduser() / checkpoint.MODEL_FILE).is_file()
    ]
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="dir")]


def _folders(incomplete: str) -> Iterator[str]:
    """Yield the paths that a path begun may become, spelled as it was begun."""
    parent, separator, name = incomplete.rpartition("/")
    try:
        children = sorted(Path(f"{parent}{separator}" or ".").expanduser().iterdir())
    except OSError:
        return
    yield from (f"{parent}{separator}{child.name}" for child in children if child.name.startswith(name))


def specs(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of presets; where none matches, the shell shows files."""
    from captcha_core.spec import presets

    names = [name for name in presets() if name.startswith(incomplete)]
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]
