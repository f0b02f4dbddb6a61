"""The address of Redis in ``CAPQ_REDIS_URL``: checked as a whole, and shown without what is secret."""

from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from .errors import SettingError

TLS = "rediss"
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_CHOICES = {"ssl_cert_reqs": ("required", "none"), "ssl_check_hostname": ("true", "false")}
_EXAMPLE = "redis://user:password@host:6379/0"


def check(url: str) -> None:
    """Check an address, which the ledger and the queues read by different libraries.

    Raises
    ------
    SettingError
        When it cannot be used. The message has no part of it but the names of its options and
        files: a password may stand anywhere in an address that is misspelt.
    """
    _check_options(_split(url))


def shown(url: str) -> str:
    """Return an address without user, password and options."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.partition('?')[0].rpartition('@')[2]}"


def with_password(url: str, file: Path) -> str:
    """Return an address that was checked, with the password that a file holds.

    Raises
    ------
    SettingError
        When there is no address, it has a password already, or the file holds none.
    """
    if not url:
        raise SettingError("CAPQ_REDIS_PASSWORD_FILE: CAPQ_REDIS_URL names no Redis that it could be of")
    if urlsplit(url).password is not None:
        raise SettingError("CAPQ_REDIS_PASSWORD_FILE: the address in CAPQ_REDIS_URL has a password already")
    scheme, separator, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    user, _, host = place.rpartition("@")
    return f"{scheme}{separator}{user}:{quote(_password(file), safe='')}@{host}{slash}{path}"


def _password(file: Path) -> str:
    try:
        password = file.read_text().rstrip("\r\n")
    except OSError as error:
        raise SettingError(f"CAPQ_REDIS_PASSWORD_FILE: {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingError(f"CAPQ_REDIS_PASSWORD_FILE: {file} holds no text") from None
    if not password:
        raise SettingError(f"CAPQ_REDIS_PASSWORD_FILE: {file} is empty")
    return password


def _split(url: str) -> SplitResult:
    if not url.startswith(("redis://", f"{TLS}://")):
        raise SettingError("CAPQ_REDIS_URL: use redis://host:6379/0, or rediss:// with TLS")
    try:
        address = urlsplit(url)
        whole = address.port != 0 and not address.fragment and ";" not in url
    except ValueError:  # its message shows a part of the address
        whole = False
    database = address.path.removeprefix("/") if whole else ""
    if not whole or not (database == "" or database.isdecimal()):
        raise SettingError(
            f"CAPQ_REDIS_URL: is no address such as {_EXAMPLE} (Redis numbers its databases; in a user or "
            "password, write %23 for #, %2F for /, %3A for :, %3B for ;, %3F for ? and %40 for @)"
        )
    return address


def _check_options(address: SplitResult) -> None:
    for name, value in parse_qsl(address.query, keep_blank_values=True):
        if name not in (*_FILES, *_CHOICES) or address.scheme != TLS:
            allowed = ", ".join((*_FILES, *_CHOICES))
            raise SettingError(f"CAPQ_REDIS_URL: behind the ? stand options of rediss:// alone: {allowed}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise SettingError(f"CAPQ_REDIS_URL: {name} is {' or '.join(_CHOICES[name])}")
        if name in _FILES and not Path(value).is_file():
            raise SettingError(f"CAPQ_REDIS_URL: {name} names no file: {value}")
