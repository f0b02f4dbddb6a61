"""The live workers: each says every few seconds that it lives, and where it can be asked."""

import json
from dataclasses import dataclass
from typing import Any, cast

import redis

from .leases import load_script


@dataclass(frozen=True)
class LiveWorker:
    """A worker that has said lately that it lives.

    Attributes
    ----------
    node
        What Celery calls it.
    queue, number
        Its queue, and the lowest number that was free among that queue's live workers, from 1.
    host
        The machine's name.
    processes
        Of its pool.
    address, port
        Where it serves metrics; the port is 0 where it serves none.
    """

    node: str
    queue: str
    number: int
    host: str
    processes: int
    address: str
    port: int

    @property
    def name(self) -> str:
        """A name without process number and random parts: a worker that comes takes over that of one gone."""
        return f"{self.queue}-{self.number}"


class WorkerRegistry:
    """Who lives: a sorted set by the time until which a worker counts as live, and what each tells."""

    def __init__(self, client: redis.Redis, prefix: str, seconds: float) -> None:
        self._redis = client
        self._seconds = seconds
        self.keys = (f"{prefix}:workers", f"{prefix}:worker_info")
        self._announce = load_script(client, "announce")

    def announce(self, node: str, queue: str, details: dict[str, Any]) -> str:
        """Note that a worker lives for another while, and return its name.

        Parameters
        ----------
        node
            What Celery calls it.
        details
            The other attributes of `LiveWorker`, but for its number.
        """
        number = self._announce(keys=self.keys, args=[node, self._seconds, queue, json.dumps(details)])
        return f"{queue}-{int(cast(int, number))}"

    def leave(self, node: str) -> None:
        """Note that a worker ends."""
        with self._redis.pipeline() as pipe:
            pipe.zrem(self.keys[0], node)
            pipe.hdel(self.keys[1], node)
            pipe.execute()

    def ask(self, pipe: "redis.client.Pipeline") -> None:
        """Ask for what `live` understands, within a pipeline."""
        pipe.zrange(self.keys[0], 0, -1, withscores=True)
        pipe.hgetall(self.keys[1])


def live(expiries: list[tuple[str, float]], details: dict[str, str], now: float) -> list[LiveWorker]:
    """Return the workers that live at a time, by queue and number."""
    nodes = [node for node, expiry in expiries if expiry > now and node in details]
    workers = [LiveWorker(node=node, **json.loads(details[node])) for node in nodes]
    return sorted(workers, key=lambda worker: (worker.queue, worker.number))
