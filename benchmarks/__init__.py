"""Benchmarks of the service, its parts and its peers: `python -m benchmarks --help`."""
