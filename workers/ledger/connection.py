"""The connection to Redis that the ledger and the figures use."""

from typing import Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from .. import address
from ..errors import BrokerError, BrokerPasswordError, SettingError
from ..settings import Settings


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


def without_password(settings: Settings) -> str:
    """Return the address as it can be shown."""
    return address.shown(settings.ledger_url)
