"""Simulates autoscaling: a day's load, the autoscaler of the manifests, and a queue."""
