import io
import select
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_core.images.files import MAX_BYTES
from captcha_core.solving.ahead import (
    GROUP_BYTES,
    WINDOW,
    decode_ahead,
    decode_in_turn,
    held_bytes,
    in_groups,
)
from captcha_core.solving.solver import Solver

MIB = 1 << 20
NETWORK = "lepture-160x60"


class Counted:
    """Yields one item again and again, and counts how many were taken."""

    def __init__(self, item: bytes, count: int) -> None:
        self.item = item
        self.count = count
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        while self.taken < self.count:
            self.taken += 1
            yield self.item


def test_groups_of_small_images_have_the_size_asked_for() -> None:
    items = [bytes(60_000)] * 2500
    groups = list(in_groups(items, 1024, decoded_bytes=60_000))
    assert [len(group) for group in groups] == [1024, 1024, 452]


def test_groups_take_no_item_more_than_they_hold() -> None:
    items = Counted(b"", 100)
    groups = in_groups(items, 10)
    next(groups)
    assert items.taken == 10
    assert sum(map(len, groups)) == 90


def test_a_group_ends_with_the_item_that_fills_it() -> None:
    items = [bytes(MAX_BYTES)] * 5 + [b""] * 20
    assert [len(group) for group in in_groups(items, 16)] == [2, 2, 16, 5]


def test_what_a_path_takes_is_known_by_what_it_becomes() -> None:
    groups = list(in_groups(["a.png"] * 100, 64, decoded_bytes=2 * MIB))
    assert [len(group) for group in groups] == [32, 32, 32, 4]


@pytest.mark.parametrize(
    ("item", "held"),
    [
        (b"1234", 4),
        (np.zeros((3, 5, 3), np.uint8), 45),
        (Image.new("RGB", (3, 5)), 60),
        ("image.png", 0),
        (Path("image.png"), 0),
    ],
)
def test_what_an_item_takes_until_it_is_decoded(item: object, held: int) -> None:
    assert held_bytes(item) == held


@pytest.mark.parametrize("slow", [False, True])
def test_on_one_core_decoding_takes_turns_until_files_are_waited_for(slow: bool) -> None:
    threads = []

    def decode(group: Sequence[int]) -> list[int]:
        threads.append(threading.current_thread())
        for _ in group:
            if slow:
                select.select([], [], [], 0.001)  # the thread stops, as for a file on a slow disk
        return list(group)

    groups = [[number] * 16 for number in range(6)]  # one wait for something else decides nothing
    assert list(decode_in_turn(decode, iter(groups))) == groups
    assert len(threads) == 6
    elsewhere = [thread is not threading.current_thread() for thread in threads]
    assert elsewhere == [False, *[slow] * 5]


def test_a_group_of_a_few_large_images_keeps_all_threads_busy() -> None:
    all_there = threading.Barrier(4, timeout=60)

    def decode(chunk: Sequence[int]) -> list[int]:
        all_there.wait()  # breaks unless four chunks are decoded at the same time
        return list(chunk)

    assert list(decode_ahead(decode, iter([[0, 1, 2, 3, 4, 5, 6, 7]]), 4)) == [[0, 1, 2, 3, 4, 5, 6, 7]]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stream_of_large_items_takes_few_bytes_ahead(threads: int) -> None:
    items = Counted(bytes(8 * MIB), 100)  # no images: their answers come at once, and are errors
    solver = Solver.load(NETWORK, "cpu")
    most = 0
    for answered, _ in enumerate(solver.stream(items, threads=threads)):
        most = max(most, (items.taken - answered) * len(items.item))
    assert most <= WINDOW * (GROUP_BYTES + len(items.item))


_READ = """
import sys
from pathlib import Path

from captcha_core.inputs import find_source
from captcha_core.solving.solver import Solver

def peak():
    # ru_maxrss begins with what the parent process took.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024

solver = Solver.load(sys.argv[2], "cpu")
inputs = find_source(sys.argv[1]).open()
entries = list(inputs.entries())
solver.solve(inputs.items(entries[:1]))
before = peak()
answers = list(solver.stream(inputs.items(entries), threads=int(sys.argv[3])))
assert len(answers) == 80 and not any(answer.error for answer in answers), answers
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
@pytest.mark.parametrize("threads", [1, 2])
def test_an_archive_of_large_images_takes_bounded_memory(tmp_path: Path, threads: int) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (1670, 1670)).save(picture, "PNG", compress_level=0)
    assert len(picture.getvalue()) > 7 * MIB
    with zipfile.ZipFile(tmp_path / "large.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(80):
            archive.writestr(f"{number}.png", picture.getvalue())
    command = [sys.executable, "-c", _READ, str(tmp_path / "large.zip"), NETWORK, str(threads)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 400 * MIB  # of 640 MiB in the archive; three groups are 216 MiB
