"""A command's hold on Redis: the named one, or the embedded runtime brought up for it."""

import contextlib
from collections.abc import Iterator

import redis

from workers import embedded
from workers.errors import BrokerError
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
        When Redis cannot be reached, or goes away and stays away.
    """
    chosen = settings()
    with contextlib.ExitStack() as stack:
        if chosen.embedded:
            up = embedded.status(chosen).pid is not None
            with contextlib.nullcontext() if up else busy("starting the embedded runtime …"):
                stack.enter_context(embedded.attached(chosen))
        else:
            connection.check(chosen)
        try:
            yield process_ledger()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise BrokerError(
                f"lost Redis at {connection.shown(chosen)} ({error}); jobs go on when it is back: `capq jobs`"
            ) from None
