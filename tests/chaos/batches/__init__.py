"""Batches in chaos: what is asked for, those who follow them, and what must come of them."""
