import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.conftest import wait_until

PASS_A_POINT = "from workers.process.fault_points import stand_still_at; stand_still_at('after-write')"


def _start(point: str) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"CAPQ_FAULT_POINT": point}
    return subprocess.Popen([sys.executable, "-c", PASS_A_POINT], env=environment, stderr=subprocess.DEVNULL)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_process_stands_still_at_the_point_and_goes_on() -> None:
    process = _start("after-write")
    wait_until(lambda: _state(process.pid) == "T", "the fault point")
    process.send_signal(signal.SIGCONT)
    assert process.wait(30) == 0


def test_it_passes_other_points() -> None:
    for point in ("", "after-record"):
        assert _start(point).wait(60) == 0
