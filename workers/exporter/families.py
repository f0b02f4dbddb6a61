"""From a snapshot of the ledger to Prometheus' metrics; docs/monitoring.md says what each means."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ..ledger.snapshot import KindFigures, Snapshot

_Sample = tuple[tuple[str, ...], float]
_JOB_STATES = ("queued", "running", "finishing")
_LAST_STATES = ("done", "failed", "cancelled")
_UNIT_STATES = {"waiting": "waiting", "running": "at_work", "done": "done", "dead": "dead"}
_OUTCOMES = ("done", "dead", "retried")


class Names(NamedTuple):
    """What there are series for, from the first scrape on.

    Attributes
    ----------
    kinds, queues
        The kinds of jobs, and the queues.
    """

    kinds: tuple[str, ...]
    queues: tuple[str, ...]


def redis_up(up: bool) -> Metric:
    """Return the metric that tells whether Redis answered."""
    return GaugeMetricFamily("capq_redis_up", "Whether Redis answered this scrape", int(up))


def families(snapshot: Snapshot, names: Names) -> Iterator[Metric]:
    """Yield the metrics of a snapshot."""
    yield from _redis(snapshot)
    yield from _queues(snapshot, names.queues)
    yield from _jobs(snapshot, names.kinds)
    yield from _units(snapshot, names.kinds)


def _redis(snapshot: Snapshot) -> Iterator[Metric]:
    yield _plain("capq_redis_round_trip_seconds", "How long a PING took", snapshot.round_trip_seconds)
    yield _plain("capq_redis_memory_used_bytes", "Memory of Redis", snapshot.memory_used)
    yield _plain("capq_redis_memory_max_bytes", "Limit of Redis' memory, 0 for none", snapshot.memory_max)
    text = "Messages that workers have taken and not finished"
    yield _plain("capq_messages_unacknowledged", text, snapshot.unacknowledged)


def _queues(snapshot: Snapshot, queues: Sequence[str]) -> Iterator[Metric]:
    workers = Counter(worker.queue for worker in snapshot.workers)
    processes: Counter[str] = Counter()
    for worker in snapshot.workers:
        processes[worker.queue] += worker.processes
    figures: list[tuple[str, str, Mapping[str, float]]] = [
        (
            "capq_queue_length",
            "Messages that wait for a worker",
            {queue: snapshot.queues[queue].length for queue in queues},
        ),
        (
            "capq_queue_oldest_age_seconds",
            "Since when the oldest message waits",
            {queue: snapshot.queues[queue].oldest_seconds for queue in queues},
        ),
        ("capq_workers", "Live workers", workers),
        ("capq_workers_processes", "Pool processes of live workers", processes),
    ]
    for name, text, values in figures:
        yield _gauge(name, text, ("queue_name",), (((queue,), values[queue]) for queue in queues))
    labels = ("worker", "queue_name", "host")
    labelled = (((worker.name, worker.queue, worker.host), 1.0) for worker in snapshot.workers)
    yield _gauge("capq_worker_info", "Live workers by name", labels, labelled)


def _jobs(snapshot: Snapshot, kinds: Sequence[str]) -> Iterator[Metric]:
    labels = ("kind", "state")
    by_state = {kind: vars(snapshot.kinds.get(kind, KindFigures())) for kind in kinds}
    yield _gauge(
        "capq_jobs",
        "Open jobs",
        labels,
        (((kind, state), by_state[kind][state]) for kind in kinds for state in _JOB_STATES),
    )
    yield _counter("capq_jobs_created", "Jobs created", ("kind",), _totals(snapshot, "created", kinds))
    yield _counter(
        "capq_jobs_ended", "Jobs that ended", labels, _totals(snapshot, "ended", kinds, _LAST_STATES)
    )
    yield _gauge(
        "capq_units",
        "Units of open jobs",
        labels,
        (((kind, state), by_state[kind][field]) for kind in kinds for state, field in _UNIT_STATES.items()),
    )


def _units(snapshot: Snapshot, kinds: Sequence[str]) -> Iterator[Metric]:
    kind_label = ("kind",)
    yield _counter(
        "capq_ledger_units",
        "Units recorded, and failed attempts that another one follows",
        ("kind", "outcome"),
        _totals(snapshot, "units", kinds, _OUTCOMES),
    )
    yield _counter(
        "capq_ledger_images",
        "Images rendered, trained on, read and evaluated",
        kind_label,
        (
            ((kind,), snapshot.total("count", kind, "images") - snapshot.total("count", kind, "kept"))
            for kind in kinds
        ),
    )
    yield _counter(
        "capq_ledger_images_unreadable",
        "Images that could not be read or decoded",
        kind_label,
        (((kind,), snapshot.total("count", kind, "unreadable")) for kind in kinds),
    )
    yield _counter(
        "capq_leases_expired",
        "Units, and finishes of jobs, whose worker vanished",
        kind_label,
        _totals(snapshot, "expired", kinds),
    )


def _totals(
    snapshot: Snapshot, figure: str, kinds: Sequence[str], details: Sequence[str] = ()
) -> Iterator[_Sample]:
    """Yield the sums of a figure by kind, and by detail where it has some."""
    names = (
        [(kind, detail) for kind in kinds for detail in details] if details else [(kind,) for kind in kinds]
    )
    for name in names:
        yield name, snapshot.total(figure, *name)


def _plain(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value)


def _gauge(name: str, text: str, labels: Sequence[str], samples: Iterable[_Sample]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _counter(name: str, text: str, labels: Sequence[str], samples: Iterable[_Sample]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family
