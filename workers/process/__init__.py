"""A worker process: its start, its end, its metrics, its loaded networks."""
