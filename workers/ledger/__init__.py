"""The job ledger in Redis: one small record a job, changed by atomic scripts only."""
