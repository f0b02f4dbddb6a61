"""Units: put on the queues, run and recorded."""
