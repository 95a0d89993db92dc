"""Batches: many requests submitted in one call, accepted together or not at all.

The requests of a batch are stored a few at a time, without a status, so no read finds them. One short step
accepts all of them, then they enter the queue a few at a time. No call blocks Redis for long, and any process
can finish a batch that has partly entered the queue, or drop one that was never accepted.
"""
