"""Measurements of bulkops on this machine. They assert nothing: `python -m benchmarks` prints tables."""
