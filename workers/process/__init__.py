"""What a worker process is around its units: its start, its end, its metrics, its loaded networks."""
