"""Shared by all benchmarks: processes and services to start, clients, rounds, figures and tables."""
