"""A network namespace of its own for a worker, and the link to it, which can be cut, slow and lossy.

The link is made of two TUN devices, between which this process carries the packets: whatever the
kernel lacks (netem is often missing), TCP sees a link that delays and loses what goes over it.
Every packet is a real one of the kernel's, so retransmissions and timeouts are real as well.
"""

import collections
import contextlib
import fcntl
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

_TUN = "/dev/net/tun"
_SET_INTERFACE = 0x400454CA  # TUNSETIFF
_PLAIN_TUN = 0x0001 | 0x1000  # IFF_TUN | IFF_NO_PI
_LARGEST_PACKET = 65_535


def unavailable() -> str:
    """Return why no namespace with a link can be made here; '' when one can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("ip"):
        return "there is no `ip` (the package iproute2)"
    if not os.access(_TUN, os.R_OK | os.W_OK):
        return f"there is no {_TUN}"
    name = f"capq-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"network namespaces cannot be made ({made.stderr.strip()})"
    _ip("netns", "delete", name)
    return ""


class _Packet(NamedTuple):
    due: float
    data: bytes


class Link:
    """A point-to-point link between this machine and a namespace.

    Attributes
    ----------
    namespace
        Its name, for ``ip netns exec``.
    here, there
        Addresses of the two ends.
    delay
        Seconds that each packet is under way.
    loss
        Share of the packets that get lost; 1 while the link is cut.
    lost
        How many were.
    """

    def __init__(self, number: int, seed: int = 0) -> None:
        self.namespace = f"capq-{os.getpid()}-{number}"
        self.here, self.there = f"10.213.{number}.1", f"10.213.{number}.2"
        self.delay = 0.0
        self.loss = 0.0
        self.lost = 0
        self._random = random.Random(seed)
        self._ended = threading.Event()
        names = [f"capq{os.getpid() % 100_000}h{number}", f"capq{os.getpid() % 100_000}n{number}"]
        self._ends = [_tun(name) for name in names]
        self._address(*names)
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Lose every packet from now on, as when a cable is pulled."""
        self.loss = 1.0

    def restore(self) -> None:
        """Be a good link again."""
        self.delay = self.loss = 0.0

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        for end in self._ends:
            os.close(end)
        _ip("netns", "delete", self.namespace)

    def _address(self, here: str, there: str) -> None:
        _ip("netns", "add", self.namespace)
        _ip("link", "set", there, "netns", self.namespace)
        _ip("address", "add", f"{self.here}/30", "dev", here)
        _ip("link", "set", here, "up")
        for arguments in (
            ("address", "add", f"{self.there}/30", "dev", there),
            ("link", "set", there, "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", self.namespace, *arguments)

    def _carry(self) -> None:
        """Carry packets both ways, in order, each when its time has come."""
        under_way: dict[int, collections.deque[_Packet]] = {end: collections.deque() for end in self._ends}
        opposite = dict(zip(self._ends, reversed(self._ends), strict=True))
        while not self._ended.is_set():
            ready, _, _ = select.select(self._ends, [], [], self._wait(under_way))
            for end in ready:
                packet = os.read(end, _LARGEST_PACKET)
                if self._random.random() < self.loss:
                    self.lost += 1
                else:
                    under_way[opposite[end]].append(_Packet(time.monotonic() + self.delay, packet))
            for end, packets in under_way.items():
                while packets and packets[0].due <= time.monotonic():
                    os.write(end, packets.popleft().data)

    def _wait(self, under_way: dict[int, collections.deque[_Packet]]) -> float:
        due = [packets[0].due for packets in under_way.values() if packets]
        return max(0.0, min([0.2, *(moment - time.monotonic() for moment in due)]))


@contextlib.contextmanager
def link(number: int = 1) -> Iterator[Link]:
    """Yield a link to a new namespace; both go at the end."""
    made = Link(number)
    try:
        yield made
    finally:
        made.close()


def _tun(name: str) -> int:
    descriptor = os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(descriptor, _SET_INTERFACE, struct.pack("16sH22x", name.encode(), _PLAIN_TUN))
    return descriptor


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
