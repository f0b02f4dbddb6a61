"""The connection to Redis that the ledger and the figures use."""

from typing import Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from ..errors import BrokerError
from ..settings import Settings


def connect(settings: Settings, **options: Any) -> redis.Redis:
    """Return a client that waits for no answer longer than half a minute.

    A lost connection is tried again for some seconds, so that a Redis that restarts
    costs a delay and not an error.
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
    except ValueError as error:
        raise BrokerError(f"CAPQ_REDIS_URL: {error}") from None


def check(settings: Settings) -> None:
    """Ask Redis for a sign of life, without a second try.

    Raises
    ------
    BrokerError
        When it does not answer, with what to do.
    """
    client = connect(settings, retry=Retry(ExponentialBackoff(), 0), socket_timeout=5)
    try:
        client.ping()
    except redis.AuthenticationError:
        raise BrokerError(
            f"Redis at {shown(settings)} wants another password: put it in CAPQ_REDIS_URL"
        ) from None
    except redis.RedisError as error:
        raise BrokerError(
            f"cannot reach Redis at {shown(settings)} ({error}): start it, correct CAPQ_REDIS_URL, "
            "or unset CAPQ_REDIS_URL to use the embedded one"
        ) from None
    finally:
        client.close()


def shown(settings: Settings) -> str:
    """Return the address without its password."""
    address = settings.ledger_url
    scheme, found, rest = address.partition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2]}"
