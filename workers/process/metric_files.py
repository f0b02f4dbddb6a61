"""The files through which a worker's pool processes count, and their sums.

prometheus-client gives each process files of its own, in a folder of the worker. Those of a process
that has ended are added to the worker's own and removed, so that no counter goes backwards and no
file stays, however often processes come and go. This module is imported before prometheus-client.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus-client looks for the folder."""
_OWNER = "CAPQ_METRICS_OWNER"  # the process number of the parent whose children inherit the folder
_PREFIX = "capq-metrics-"
_LOCK = "lock"  # held by the worker for as long as it lives
_TYPES = ("counter", "histogram", "gauge_livemostrecent")  # of metrics, in the names of files
_FILE_BYTES = 128 << 10  # several times what all series of a process take
_ENDED = "ended"  # stands for a process number in the names of the files of those that ended


def _inherited() -> bool:
    return VARIABLE in os.environ and os.environ.get(_OWNER) == str(os.getppid())


def _make() -> Path:
    """Make the folder of this process, and remove those that killed workers have left."""
    _remove_left()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    if fcntl is not None:
        aside = folder / f"{_LOCK}.new"  # so that a lock file is always held while its owner lives
        descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        aside.rename(folder / _LOCK)
    os.environ[VARIABLE], os.environ[_OWNER] = str(folder), str(os.getpid())
    atexit.register(_remove_own, folder, os.getpid())
    return folder


def _remove_left() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if fcntl is not None and folder.lstat().st_uid == os.getuid() and _is_left(folder, fcntl):
                shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path, locks: ModuleType) -> bool:
    """Tell whether the worker of a folder has died: the kernel has freed its lock."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        locks.flock(descriptor, locks.LOCK_EX | locks.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _remove_own(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a forked child
        shutil.rmtree(folder, ignore_errors=True)


FOLDER = Path(os.environ[VARIABLE]) if _inherited() else _make()

from prometheus_client import values  # noqa: E402 (it reads the variable when it is imported)
from prometheus_client.metrics_core import Metric  # noqa: E402
from prometheus_client.mmap_dict import MmapedDict  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402


def _prepared_process(folder: Path = FOLDER) -> int:
    """Return this process's number, with room on the disk for its files.

    They are mapped into memory: where the disk is full, a write to one without room would end the
    process.

    Raises
    ------
    OSError
        When there is no room.
    """
    process = os.getpid()
    if process not in _prepared:
        for type_name in _TYPES:
            with (
                contextlib.suppress(FileExistsError),
                (folder / f"{type_name}_{process}.db").open("xb") as file,
            ):
                file.write(bytes(_FILE_BYTES))
        _prepared.add(process)
    return process


_prepared: set[int] = set()

# A Celery plug-in such as Flower may have imported it before the variable was set, so the choice that
# depends on it is made again here.
values.ValueClass = values.MultiProcessValue(_prepared_process)  # type: ignore[no-untyped-call]


class FilesCollector:
    """The sums over a worker's processes, those that have ended too."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            for path in list(self._files()):
                process = path.stem.rpartition("_")[2]
                if process.isdecimal() and not _lives(int(process)):
                    self._add_to_ended(path)
            # One that a process has just made is empty for a moment.
            files = [str(path) for path in self._files() if path.stat().st_size]
            metrics: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return metrics

    def _files(self) -> Iterator[Path]:
        return self._folder.glob("*.db")

    def _add_to_ended(self, path: Path) -> None:
        """Add a dead process's counters to those of the others that ended; its gauges end with it."""
        type_name = path.name.partition("_")[0]
        if type_name != "gauge" and path.stat().st_size:
            ended = MmapedDict(str(self._folder / f"{type_name}_{_ENDED}.db"))  # type: ignore[no-untyped-call]
            for key, value, _, _ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
                ended.write_value(key, ended.read_value(key)[0] + value, 0.0)  # type: ignore[no-untyped-call]
            ended.close()  # type: ignore[no-untyped-call]
        path.unlink()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
