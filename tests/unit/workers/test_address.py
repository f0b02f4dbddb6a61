from pathlib import Path

import pytest

from workers import address
from workers.errors import SettingError


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost:6379/0",
        "redis://:p%40ss%2F@10.0.0.1:6379/15",
        "rediss://user:pass@[::1]:6380/0?ssl_cert_reqs=required&ssl_check_hostname=false",
    ],
)
def test_addresses_that_both_libraries_understand_pass(url: str) -> None:
    address.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:sentinel/x@host",
        "redis://:sentinel#x@host:1",
        "redis://:x#sentinel@host:1",
        "redis://:x;sentinel@host:1/0",
        "redis://:x?sentinel@host:1/0",
        "redis://host:sentinel/0",
        "redis://host:1/sentinel",
        "redis://host?password=sentinel",
        "rediss://host?ssl_password=sentinel",
        "rediss://host?ssl_cert_reqs=sentinel",
        "redis://host?ssl_ca_certs=sentinel",
        "redis://[sentinel",
        "redis://host:99999/sentinel",
        "sentinel",
        "unix:///sentinel",
        "redis+socket:///sentinel",
    ],
)
def test_the_refusal_of_an_address_shows_nothing_that_may_be_a_password(url: str) -> None:
    with pytest.raises(SettingError, match="CAPQ_REDIS_URL") as refused:
        address.check(url)
    assert "sentinel" not in str(refused.value)


def test_an_address_is_shown_without_what_is_secret() -> None:
    shown = address.shown("rediss://me:sentinel@host:1/0?ssl_keyfile=sentinel")
    assert shown == "rediss://host:1/0"


@pytest.mark.parametrize(
    ("url", "complete"),
    [
        ("redis://redis:6379/0", "redis://:p%40s%2Fs%20%25@redis:6379/0"),
        ("redis://redis", "redis://:p%40s%2Fs%20%25@redis"),
        (
            "rediss://me@[::1]:1/2?ssl_cert_reqs=none",
            "rediss://me:p%40s%2Fs%20%25@[::1]:1/2?ssl_cert_reqs=none",
        ),
        ("rediss://redis?ssl_cert_reqs=none", "rediss://:p%40s%2Fs%20%25@redis?ssl_cert_reqs=none"),
    ],
)
def test_a_password_from_a_file_is_put_into_the_address(url: str, complete: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("p@s/s %\n")
    address.check(url)
    assert address.with_password(url, file) == complete
    address.check(complete)


@pytest.mark.parametrize(
    ("url", "content", "reason"),
    [
        ("", b"sentinel", "names no Redis"),
        ("redis://:sentinel@host", b"sentinel", "a password already"),
        ("redis://host", b"\n", "is empty"),
        ("redis://host", b"\xff", "no text"),
        ("redis://host", None, "No such file"),
    ],
)
def test_a_password_file_that_cannot_be_used_is_refused(
    url: str, content: bytes | None, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError, match=reason) as refused:
        address.with_password(url, file)
    assert "CAPQ_REDIS_PASSWORD_FILE" in str(refused.value)
    assert "sentinel" not in str(refused.value)
