"""The parts of `capq train`: its request, its outputs, what it prints."""
