"""The Celery app: ``celery -A workers.app …`` works on it."""

from typing import Any

import celery
import kombu

from .settings import Settings, settings

CPU = "cpu"
GPU = "gpu"
QUEUES = (CPU, GPU)


def configuration(chosen: Settings) -> dict[str, Any]:
    """Return Celery's settings for capq.

    Delivery is at least once: a unit is acknowledged when it has been recorded, so a lost
    worker, machine or connection costs one more run of it, never the unit.
    """
    return {
        "broker_url": chosen.broker_url,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "visibility_timeout": chosen.visibility_timeout,
            # The sweep's default (every 10 s, every 10th time) would add 100 s to the timeout.
            "unacked_restore_interval": max(1, min(10, chosen.visibility_timeout // 4)),
            "unacked_restore_throttle": 1,
            "global_keyprefix": f"{chosen.key_prefix}:",
            # Publishers wait for ever on a dead connection otherwise.
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": not chosen.embedded,
        },
        "result_backend": None,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "event_serializer": "json",
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_track_started": False,
        "task_queues": [kombu.Queue(name, routing_key=name) for name in QUEUES],
        "task_default_queue": CPU,
        "task_create_missing_queues": False,
        "task_publish_retry_policy": {"max_retries": 5, "interval_start": 0.1, "interval_step": 0.5},
        "worker_prefetch_multiplier": 1,
        # Reserve no more than is being worked on, so that queue lengths are honest.
        "worker_disable_prefetch": True,
        # A spawned child imports torch before it can answer.
        "worker_proc_alive_timeout": 120,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "imports": ["workers.units.tasks"],
    }


app = celery.Celery("capq")
app.conf.update(configuration(settings()))
