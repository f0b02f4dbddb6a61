"""What a worker's connection to the queues does when Redis dies under it."""

import contextlib
from collections.abc import Iterator

import kombu
import pytest

from tests.conftest import RedisServer, wait_until
from workers.app import app
from workers.process.transport import Channel


@pytest.fixture
def connection(server: RedisServer) -> Iterator[kombu.Connection]:
    with app.connection(server.url) as made:
        yield made


def _consume(channel: Channel, queue: kombu.Queue, received: list[object]) -> None:
    kombu.Consumer(channel, [queue], callbacks=[lambda *message: received.append(message)]).consume()


def test_a_connection_that_is_lost_with_a_message_at_work_is_closed(
    connection: kombu.Connection, server: RedisServer
) -> None:
    """The worker ended with an `Unrecoverable error` where it was waiting for the next message, too."""
    received: list[object] = []
    queue, requests = kombu.Queue("loss"), kombu.Exchange("loss.requests", type="fanout")
    of_units, of_requests = connection.default_channel, connection.channel()
    connection.Producer().publish({"unit": 0}, routing_key="loss", declare=[queue])
    _consume(of_units, queue, received)
    _consume(of_requests, kombu.Queue("loss.requests", requests, auto_delete=True), [])
    assert of_requests.client.ping()  # as a worker has answered requests on it

    def waits_for_the_next() -> bool:
        with contextlib.suppress(TimeoutError):
            connection.drain_events(timeout=0.2)
        return bool(received and of_units._in_poll)

    wait_until(waits_for_the_next, "the message, and the wait for the next one")
    server.kill()
    connection.collect()
    connection.close()
