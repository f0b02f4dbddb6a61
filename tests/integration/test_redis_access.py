"""Redis with a user, a password and TLS with client certificates; and where the password is not."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests import tls
from tests.conftest import Capq, start_worker
from tests.tls import PASSWORD, Certificates

RULES = "~test-* &* +@all -@dangerous -@admin +info +keys"
"""What capq needs: its keys by their prefix, channels, and no command that is the server's own business."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return tls.make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module", params=["native", "terminated"])
def port(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("tls")
    users = folder / "users.acl"
    users.write_text(
        f"user default off\nuser capq on >{PASSWORD} {RULES}\nuser nobody on >{PASSWORD} -@all\n"
    )
    server = tls.native_server if request.param == "native" else tls.terminated_server
    with server(folder, certificates, users) as number:
        yield number


@pytest.fixture
def url(port: int, certificates: Certificates, capq: Capq) -> str:
    files = f"ssl_ca_certs={certificates.ca_crt}&ssl_certfile={certificates.client_crt}"
    return f"rediss://capq:{PASSWORD}@localhost:{port}/0?{files}&ssl_keyfile={certificates.client_key}"


def _refusal(capq: Capq, url: str) -> str:
    capq.env["CAPQ_REDIS_URL"] = url
    result = capq("jobs", code=2)
    assert PASSWORD not in result.stderr + result.stdout
    (line,) = result.stderr.splitlines()
    return line


def test_a_job_runs_with_a_user_a_password_and_certificates(capq: Capq, url: str) -> None:
    capq.env["CAPQ_REDIS_URL"] = url
    start_worker(capq, processes=1)
    job = capq.json("generate", "--shards", 2, "--per-shard", 2, "--out", capq.folder / "data")
    assert job["state"] == "done"
    assert capq.json("status", job["id"])["counts"]["images"] == 4


def test_celerys_own_commands_reach_the_workers(capq: Capq, url: str) -> None:
    capq.env["CAPQ_REDIS_URL"] = url
    worker = start_worker(capq, processes=1)["worker"]
    command = [sys.executable, "-m", "celery", "-A", "workers.app", "inspect", "ping", "-d", worker]
    command += ["--timeout", "30"]  # it waits no longer than for the answer of the one it names
    answer = subprocess.run(command, env=capq.env, capture_output=True, text=True, check=False, timeout=60)
    assert "1 node online" in answer.stdout, answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("{ca}", "{otherca}"), "cannot reach Redis"),  # somebody else between the two
        (("{client}", "{stranger}"), "cannot reach Redis"),
        (("ssl_certfile={client}.crt&ssl_keyfile={client}.key", ""), "cannot reach Redis"),
        (("rediss://", "redis://"), "stand options of rediss:// alone"),
        ((PASSWORD, "guess"), "wants another password"),
        (("capq:", "other:"), "wants another password"),
        (("capq:", "nobody:"), "has no permissions"),
        (("{ca}.crt", "/nowhere.crt"), "ssl_ca_certs names no file"),
    ],
)
def test_who_is_not_let_in_is_told_in_one_line(
    capq: Capq, url: str, certificates: Certificates, change: tuple[str, str], words: str
) -> None:
    names = {name: str(certificates.folder / name) for name in ("ca", "otherca", "client", "stranger")}
    old, new = (text.format(**names) for text in change)
    assert old in url
    assert words in _refusal(capq, url.replace(old, new))


def test_a_certificate_is_asked_for_though_the_address_names_none(capq: Capq, port: int) -> None:
    assert "certificate verify failed" in _refusal(capq, f"rediss://capq:{PASSWORD}@localhost:{port}/0")


def test_the_queues_check_the_certificate_as_the_ledger_does(capq: Capq, port: int) -> None:
    capq.env["CAPQ_REDIS_URL"] = f"rediss://capq:{PASSWORD}@localhost:{port}/0"
    script = "from workers.app import app; app.connection_for_write().ensure_connection(max_retries=1)"
    answer = subprocess.run(
        [sys.executable, "-c", script], env=capq.env, capture_output=True, text=True, check=False, timeout=120
    )
    assert answer.returncode
    assert "CERTIFICATE_VERIFY_FAILED" in answer.stderr


@pytest.mark.slow
def test_the_password_stands_in_the_environment_alone(capq: Capq, url: str, tmp_path: Path) -> None:
    capq.env["CAPQ_REDIS_URL"] = url
    worker = start_worker(capq, processes=1)
    out = capq.folder / "data"
    said = [capq("generate", "--shards", 2, "--per-shard", 2, "--out", out)]
    said += [capq("jobs", "--json"), capq("workers"), capq("generate", "--shards", 1, "--out", out, code=2)]
    shown = "".join(result.stdout + result.stderr for result in said)
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    metrics = _get(f"http://127.0.0.1:{worker['metrics_port']}/metrics")
    with redis.Redis.from_url(url) as client:
        ledger = b"".join(_value(client, key) for key in client.keys("*"))
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"generate" in ledger
    for place, content in {
        "a command": shown.encode(),
        "ps": processes.encode(),
        "metrics": metrics,
        "the ledger": ledger,
        "a file or log": files,
    }.items():
        assert PASSWORD.encode() not in content, place


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())


def _value(client: object, key: bytes) -> bytes:
    reads = {b"string": "get", b"hash": "hgetall", b"list": "lrange", b"set": "smembers", b"zset": "zrange"}
    kind = client.type(key)  # type: ignore[attr-defined]
    arguments = (key, 0, -1) if kind in (b"list", b"zset") else (key,)
    return key + repr(getattr(client, reads[kind])(*arguments)).encode() if kind in reads else key
