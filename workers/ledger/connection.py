"""The connection to Redis that the ledger and the figures use."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from .. import address
from ..errors import BrokerError, BrokerPasswordError, SettingError
from ..settings import Settings

T = TypeVar("T")

PATIENCE_SECONDS = 300.0
"""How long a worker waits for a Redis that is away."""
COMMAND_PATIENCE = 30.0
"""How long a command does."""
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 3.0
_PASSING = (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError)


def passes(error: Exception) -> bool:
    """Tell whether an error of Redis is a state that ends: gone, starting, or out of memory."""
    return isinstance(error, _PASSING) or _out_of_memory(error)


def reason(error: Exception) -> str:
    """Return an error of Redis in words for a user."""
    if isinstance(error, redis.ReadOnlyError):
        return "it is a replica, which cannot be written to"
    return "it is out of memory" if _out_of_memory(error) else str(error)


def patiently(call: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Return what a call returns, and repeat it for some minutes while Redis cannot do it.

    Raises
    ------
    redis.RedisError
        When Redis still cannot do it after so many seconds, or never will.
    """
    end, wait = time.monotonic() + seconds, _FIRST_WAIT
    while True:
        try:
            return call()
        except redis.RedisError as error:
            if not passes(error) or time.monotonic() + wait > end:
                raise
        time.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT)


def connect(settings: Settings, **options: Any) -> redis.Redis:
    """Return a client that waits at most half a minute for an answer.

    A lost connection is tried again for some seconds, so that a Redis that restarts
    costs a delay and not an error.

    Raises
    ------
    SettingError
        When the address cannot be understood.
    """
    defaults: dict[str, Any] = {
        "decode_responses": True,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "health_check_interval": 30,
        "retry": Retry(ExponentialBackoff(cap=2, base=0.1), 8),
    }
    if not settings.embedded:
        defaults["socket_keepalive"] = True
    try:
        return redis.Redis.from_url(settings.ledger_url, **(defaults | options))
    except ValueError:  # its message may show the password
        raise SettingError("CAPQ_REDIS_URL: cannot be understood") from None


def check(settings: Settings) -> None:
    """Make sure that Redis answers, without a second try.

    Raises
    ------
    BrokerError
        When it does not.
    BrokerPasswordError
        When it asks for a password that the address lacks.
    """
    client = connect(settings, retry=Retry(ExponentialBackoff(), 0), socket_timeout=5)
    try:
        client.ping()
    except redis.AuthenticationError:
        raise BrokerPasswordError(f"Redis at {without_password(settings)} wants another password") from None
    except redis.RedisError as error:
        raise BrokerError(f"cannot reach Redis at {without_password(settings)} ({error})") from None
    finally:
        client.close()


def _out_of_memory(error: Exception) -> bool:
    # What a script meets is an error of its own, with Redis's words in it.
    return isinstance(error, redis.ResponseError) and ("OOM" in str(error) or "maxmemory" in str(error))


def without_password(settings: Settings) -> str:
    """Return the address as it can be shown."""
    return address.shown(settings.ledger_url)
