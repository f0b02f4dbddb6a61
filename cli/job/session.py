"""A command's connection to Redis: the named one, or that of the embedded runtime, started if need be."""

import contextlib
from collections.abc import Iterator

import redis

from workers import embedded
from workers.errors import BrokerLostError
from workers.ledger import connection
from workers.ledger.ledger import Ledger, process_ledger
from workers.settings import settings

from ..terminal import busy


@contextlib.contextmanager
def session() -> Iterator[Ledger]:
    """Yield the ledger of a Redis that answers.

    Raises
    ------
    BrokerError
        When Redis cannot be reached.
    BrokerLostError
        When it goes away and stays away, or does not do what is asked of it: out of memory, read-only.
    """
    configured = settings()
    with contextlib.ExitStack() as stack:
        if configured.embedded:
            running = embedded.status(configured).pid is not None
            with contextlib.nullcontext() if running else busy("starting the embedded runtime …"):
                stack.enter_context(embedded.attached(configured))
        else:
            connection.check(configured)
        try:
            yield process_ledger()
        except redis.RedisError as error:
            if not connection.passes(error):
                raise
            address = connection.without_password(configured)
            verb = "lost" if isinstance(error, redis.ConnectionError | redis.TimeoutError) else "cannot use"
            raise BrokerLostError(f"{verb} Redis at {address} ({connection.reason(error)})") from None
