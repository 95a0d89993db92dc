"""Batches: many requests of one call, accepted together or not at all.

A batch's requests are kept a few at a time, without a status, so that nobody sees them. One short step
accepts all of them, and then they enter the queue a few at a time. No call holds Redis up for long, and
any process can finish a batch that has half entered, or drop one that was never accepted.
"""
