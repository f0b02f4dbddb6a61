"""The distributed side of capq: Celery tasks, the job ledger, metrics, the embedded runtime."""
