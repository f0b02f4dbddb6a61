"""An object store of the tests' own (moto's S3), which can refuse every request for a while."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

BUCKET = "capq"


class ObjectStore:
    """An S3 server on a loopback port.

    Attributes
    ----------
    status
        HTTP status with which every request is refused; 0 while the store works.
    refused
        How many requests were.
    requests
        How many requests there were.
    """

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        self.status = 0
        self.refused = 0
        self.requests = 0
        self._store = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which a process finds the store, and may use it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.port}",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    @contextlib.contextmanager
    def refusing(self, status: int) -> Iterator[None]:
        """Refuse every request with that status within the block."""
        self.status = status
        try:
            yield
        finally:
            self.status = 0

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.requests += 1
        if not self.status:
            return self._store(environ, start_response)  # type: ignore[no-any-return]
        self.refused += 1
        code = "SlowDown" if self.status == 503 else "InternalError"
        body = f"<Error><Code>{code}</Code><Message>for a test</Message></Error>".encode()
        # Read first: a request whose body nobody takes would be a lost connection, not a refusal.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
        start_response(f"{self.status} Refused", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def needs_store() -> None:
    """Skip the test where the packages of an object store are not installed."""
    pytest.importorskip("moto", reason="moto is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed: the extra `s3`")
