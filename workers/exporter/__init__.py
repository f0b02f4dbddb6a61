"""`capq exporter`: what the ledger and the queues tell, for Prometheus."""
