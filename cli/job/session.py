"""A command's connection to Redis: the named one, or that of the embedded runtime, started if need be."""

import contextlib
from collections.abc import Iterator

import click
import kombu.exceptions
import redis

from workers import embedded
from workers.errors import BrokerLostError, BrokerRefusalError
from workers.ledger import connection
from workers.ledger.ledger import Ledger, process_ledger
from workers.process import tracing
from workers.settings import settings

from ..terminal import busy

_TRACED = ("generate", "train", "solve-dir", "evaluate", "retry")
"""The commands that put units on a queue."""


@contextlib.contextmanager
def session() -> Iterator[Ledger]:
    """Yield the ledger of a Redis that answers.

    Raises
    ------
    BrokerError
        When Redis cannot be reached.
    BrokerLostError
        When it goes away and stays away.
    BrokerRefusalError
        When it answers, and refuses what it is asked for; where it is out of memory or read-only, it
        has been asked for a while.
    """
    configured = settings()
    with contextlib.ExitStack() as stack:
        if configured.embedded:
            running = embedded.status(configured).pid is not None
            with contextlib.nullcontext() if running else busy("starting the embedded runtime …"):
                stack.enter_context(embedded.attached(configured))
        else:
            connection.check(configured)
        address = connection.without_password(configured)
        stack.enter_context(_trace())
        try:
            yield process_ledger()
        except redis.RedisError as error:
            if isinstance(error, redis.ConnectionError | redis.TimeoutError):
                raise BrokerLostError(f"lost Redis at {address} ({error})") from None
            raise BrokerRefusalError(f"Redis at {address} refuses: {_reason(error)}") from None
        except kombu.exceptions.OperationalError as error:
            raise BrokerRefusalError(f"Redis at {address} refuses: {_reason(error)}") from None


def _trace() -> contextlib.AbstractContextManager[object]:
    """Begin the trace of a command that starts work, where traces are sent."""
    context = click.get_current_context(silent=True)
    if context is None or context.info_name not in _TRACED:
        return contextlib.nullcontext()
    tracing.start()
    return tracing.span(f"capq {context.info_name}")


def _reason(error: Exception) -> str:
    """Return what Redis said, without the request before it, and the script after it."""
    text = connection.reason(error).rpartition("caused error: ")[2].strip() or type(error).__name__
    return text.splitlines()[0].partition(" script: on ")[0].rstrip(".")
