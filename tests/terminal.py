"""A command in a terminal of a given size, as a user sees it."""

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from typing import Self

import pytest

from tests.conftest import DEADLINE, Capq

CTRL_C = b"\x03"
ALTERNATE_SCREEN, NORMAL_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")


class Terminal:
    """A pseudo-terminal in which a command of capq runs.

    Attributes
    ----------
    output
        Everything that the command has written so far, with its control sequences.
    """

    def __init__(self, capq: Capq, *arguments: object, columns: int = 100, lines: int = 30) -> None:
        self.output = ""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {name: value for name, value in capq.env.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli", *map(str, arguments)],
            env={"TERM": "xterm-256color"} | environment, cwd=capq.folder,
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 (one system call)
        )  # fmt: skip
        os.close(slave)

    @property
    def text(self) -> str:
        """The output without its control sequences."""
        return _CONTROLS.sub("", self.output)

    def wait_for(self, text: str) -> str:
        """Read until a text has been shown, and return all that was."""
        end = time.monotonic() + DEADLINE
        while text not in self.text:
            if time.monotonic() > end or not self.read(end - time.monotonic()):
                pytest.fail(f"{text!r} was not shown:\n{self.text}")
        return self.text

    def send(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def interrupt(self) -> int:
        """Press Ctrl-C, again after a second of silence, and return the exit code.

        CPython's `input` misses an interrupt that comes in the moment before it waits for a key.
        """
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            self.send(CTRL_C)
            while self.read(1.0):
                pass
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(1.0)
        pytest.fail(f"it does not end:\n{self.text}")

    def end(self) -> int:
        """Read until the command has ended, and return its exit code."""
        end = time.monotonic() + DEADLINE
        while self.read(end - time.monotonic()):
            if time.monotonic() > end:
                pytest.fail(f"it does not end:\n{self.text}")
        return self.process.wait(DEADLINE)

    def read(self, seconds: float) -> bool:
        """Read what comes next; False at the end, or when nothing comes in time."""
        readable, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        try:
            data = os.read(self._master, 65536) if readable else b""
        except OSError:  # the command's end was the last to have the terminal open
            return False
        self.output += data.decode(errors="replace")
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
