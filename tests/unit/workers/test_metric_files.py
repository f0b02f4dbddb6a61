"""Counters of processes that come and go."""

import os
import subprocess
import sys
from pathlib import Path

from workers.process import metric_files, metrics, metrics_server

COUNT = """
import os, signal, sys
from workers.process import metrics
metrics.unit_ended("generate", "done", 0.2)
metrics.count_images("generate", "rendered", {"images": 10})
metrics.training_at(0.5, 0.1, 100.0)
metrics.model_used("0123456789abcdef", "ctc", "torch", "cpu")
print("counted", flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""

SHOW_FOLDER = """
import sys
from workers.process import metric_files
print(metric_files.FOLDER, flush=True)
sys.stdin.readline()
"""


def _child() -> subprocess.Popen[str]:
    """Start a process that counts into this one's folder, and is killed when it is told so."""
    child = subprocess.Popen(
        [sys.executable, "-c", COUNT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    assert child.stdout.readline() == "counted\n"
    return child


def _end(child: subprocess.Popen[str]) -> None:
    child.communicate("\n")


def _samples() -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in metrics_server.WorkerCollector().collect()
        for sample in family.samples
    }


def _value(name: str) -> float:
    return sum(value for key, value in _samples().items() if key.startswith(f"{name}["))


def _files(child: subprocess.Popen[str]) -> list[Path]:
    return list(metric_files.FOLDER.glob(f"*_{child.pid}.db"))


def test_no_counter_goes_backwards_and_no_file_stays() -> None:
    before = _value("capq_images_rendered_total")
    for number in range(1, 4):
        child = _child()
        assert _value("capq_images_rendered_total") == before + 10 * number
        assert _files(child)
        _end(child)
        assert _value("capq_images_rendered_total") == before + 10 * number
        assert not _files(child)
    buckets = [key for key in _samples() if key.startswith("capq_unit_duration_seconds_count")]
    assert len(buckets) == 1


def test_gauges_end_with_their_process() -> None:
    child = _child()
    assert _value("capq_training_loss") == 0.5
    assert _value("capq_model_info") == 1
    _end(child)
    assert _value("capq_training_loss") == 0
    assert _value("capq_model_info") == 0


def test_a_network_that_is_used_no_longer_is_not_shown() -> None:
    for digest in ("a" * 64, "b" * 64, "a" * 64):
        metrics.model_used(digest, "ctc", "torch", "cpu")
        shown = [key for key in _samples() if key.startswith("capq_model_info")]
        assert len(shown) == 1
        assert digest[:12] in shown[0]


def test_folders_of_killed_workers_are_removed_and_those_of_live_ones_kept(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CAPQ_METRICS_OWNER"}
    environment["TMPDIR"] = str(tmp_path)
    (tmp_path / "capq-metrics-of-somebody").mkdir()

    def start() -> tuple[subprocess.Popen[str], Path]:
        command = [sys.executable, "-c", SHOW_FOLDER]
        worker = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert worker.stdout
        return worker, Path(worker.stdout.readline().strip())

    killed, left = start()
    killed.kill()
    killed.wait()
    assert left.is_dir()
    live, kept = start()
    assert not left.exists()
    last, _ = start()
    assert kept.is_dir()
    for worker in (live, last):
        worker.communicate("\n")
    assert [path.name for path in tmp_path.iterdir()] == ["capq-metrics-of-somebody"]


FULL_DISK = """
import os, resource
from workers.process import metrics
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 12, resource.RLIM_INFINITY))
if os.fork() == 0:  # a pool process, whose files do not exist yet
    metrics.unit_ended("generate", "done", 0.2)
    metrics.count_images("generate", "rendered", {"images": 10})
    print("went on", flush=True)
    os._exit(0)
os.wait()
"""


def test_where_there_is_no_room_the_work_goes_on() -> None:
    script = f"import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n{FULL_DISK}"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "went on\n"
    assert "File too large" in result.stderr
