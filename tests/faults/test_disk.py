"""Faults of the disk that the outputs lie on."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import wait_until
from workers.ledger.job import State

from . import disk
from .case import FaultCase, for_kinds
from .disk import Disk

_PAGE = 4096


@pytest.fixture
def small_disk(case: FaultCase) -> Iterator[Disk]:
    """A disk that the case's folder lies on."""
    reason = disk.unavailable(case.folder)
    if reason:
        pytest.skip(reason)
    with disk.disk(case.folder, megabytes=64) as mounted:
        yield mounted


@for_kinds("generate", "solve", "train", quick=("generate",))
def test_full_then_retried(case: FaultCase, small_disk: Disk) -> None:
    """The disk full in a shard, rows or a state until the job has failed; space, and `capq retry`"""
    case.start_worker()
    case.begin()
    _fill_until_failed(case, small_disk)
    case.capq("retry", case.job_id, "--detach")
    case.ends_whole()


@for_kinds("generate", "solve", "train")
def test_full_then_again(case: FaultCase, small_disk: Disk) -> None:
    """The disk full until the job has failed; space, and the same command again"""
    case.start_worker()
    case.begin()
    _fill_until_failed(case, small_disk)
    case.start(again=True)
    case.ends_whole(metrics=False)


@for_kinds("generate", "solve", "train")
def test_full_for_a_moment(case: FaultCase, small_disk: Disk) -> None:
    """The disk full for a moment, within a unit's attempts"""
    worker = case.start_worker()
    case.begin()
    wait_until(lambda: small_disk.fill() or worker.said("No space left on device"), "a write that fails")
    small_disk.make_space()
    case.ends_whole()


@for_kinds("solve")
def test_full_at_the_table(case: FaultCase, small_disk: Disk) -> None:
    """The disk full when the table is put together; space, and `capq retry`"""
    case.start()
    case.start_worker()
    wait_until(lambda: case.record.done, "a batch's rows")
    rows = max(path.stat().st_size for path in case.folder.rglob("*.rows.json"))
    pages = (case.record.total - case.record.done) * -(-rows // _PAGE)
    small_disk.fill(leaving=(pages + 1) * _PAGE)
    record = case.wait_for_end()
    assert (record.state, record.done, record.dead) == (State.FAILED, record.total, 0)
    assert "results.csv: No space left on device" in record.error
    small_disk.make_space()
    case.capq("retry", case.job_id, "--detach")
    case.ends_whole()


@for_kinds("generate", "solve", "train")
def test_read_only(case: FaultCase, small_disk: Disk) -> None:
    """The disk read-only until the job has failed; then writable, and `capq retry`"""
    case.start_worker()
    case.begin()
    wait_until(small_disk.make_read_only, "a moment without an open file")
    assert case.wait_for_end().state is State.FAILED
    errors = case.ledger.errors(case.job_id).values()
    assert errors
    assert all(re.match("cannot write .*: Read-only file system", error) for error in errors), errors
    small_disk.make_writable()
    case.capq("retry", case.job_id, "--detach")
    case.ends_whole()


@for_kinds("generate", "solve", "train")
def test_removed(case: FaultCase) -> None:
    """The output removed in mid-job, and the same command again"""
    case.start_worker()
    case.begin()
    wait_until(lambda: _remove_all(case.folder), "the end of all files")
    assert case.wait_for_end().state is State.FAILED
    assert list(case.folder.iterdir()) == []
    case.start()
    case.ends_whole(metrics=False)


def _fill_until_failed(case: FaultCase, small_disk: Disk) -> None:
    """Leave no space until the job has failed for want of it, then make some."""
    wait_until(lambda: small_disk.fill() or case.record.state.closed, "the end of the job")
    assert case.record.state is State.FAILED
    errors = case.ledger.errors(case.job_id).values()
    assert errors
    assert all("No space left on device" in error for error in errors)
    small_disk.make_space()


def _remove_all(folder: Path) -> bool:
    """Remove what a folder holds; False while somebody writes into it."""
    for path in folder.iterdir():
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    return not any(folder.iterdir())
