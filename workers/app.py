"""The Celery app, for ``celery -A workers.app …`` too."""

from typing import Any

import celery
import kombu
import kombu.transport

from .settings import Settings
from .settings import settings as process_settings

CPU = "cpu"
GPU = "gpu"
QUEUES = (CPU, GPU)


def configuration(settings: Settings) -> dict[str, Any]:
    """Return Celery's settings for capq.

    Delivery is at least once. Whether a unit's worker lives is told by its lease in the ledger, not by
    the age of its message, so a message may stay unacknowledged for hours.
    """
    return {
        "broker_url": settings.broker_url,
        "broker_connection_retry_on_startup": True,
        # A Redis that is out of memory answers with errors: the worker goes on when it no longer does.
        "broker_channel_error_retry": True,
        "broker_transport_options": {
            "visibility_timeout": settings.visibility_timeout,
            "unacked_restore_interval": max(1, min(10, settings.visibility_timeout // 4)),
            "unacked_restore_throttle": 1,
            "global_keyprefix": f"{settings.key_prefix}:",
            # Without it, publishers wait for ever on a dead connection.
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": not settings.embedded,
        },
        # Without it, Celery would take any certificate; the address may say more (ssl_ca_certs …).
        "broker_use_ssl": {"ssl_cert_reqs": "required"} if settings.tls else None,
        "result_backend": None,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "event_serializer": "json",
        "task_acks_late": True,
        # Not put back on the queue by Celery, without a limit, but by the sweep of leases.
        "task_reject_on_worker_lost": False,
        "task_track_started": False,
        "task_queues": [kombu.Queue(name, routing_key=name) for name in QUEUES],
        "task_default_queue": CPU,
        "task_create_missing_queues": False,
        "task_publish_retry_policy": {"max_retries": 5, "interval_start": 0.1, "interval_step": 0.5},
        "worker_prefetch_multiplier": 1,
        # A worker takes no more than it is working on, so that the length of a queue is what waits.
        "worker_disable_prefetch": True,
        # A spawned child imports torch before it can answer.
        "worker_proc_alive_timeout": 120,
        "worker_send_task_events": settings.task_events,
        "task_send_sent_event": settings.task_events,
        "worker_hijack_root_logger": False,
        "imports": ["workers.units.tasks"],
    }


for _scheme in ("redis", "rediss"):
    kombu.transport.TRANSPORT_ALIASES[_scheme] = "workers.process.transport:Transport"
app = celery.Celery("capq")
app.conf.update(configuration(process_settings()))
