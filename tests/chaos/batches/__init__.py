"""Batches in chaos: their bodies, their clients, and their invariants."""
