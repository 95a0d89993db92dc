"""Minimal services on other job queues, tuned as their documentation advises.

Each has an API (FastAPI on uvicorn) that enqueues jobs and serves states and pictures, and worker processes
that fetch the inputs, render and store the picture. Each runs in its own environment.
"""
