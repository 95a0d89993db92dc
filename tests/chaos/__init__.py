"""Runs the whole service under random faults and steady load, then checks invariants."""
