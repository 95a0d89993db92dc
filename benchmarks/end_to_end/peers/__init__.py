"""What one would build instead: each the least that does the same, tuned as its documentation says.

An API (FastAPI on uvicorn) that enqueues, tells the state of a job and serves its picture; worker
processes that fetch the inputs, make the picture and store it. Runs in an environment of its own.
"""
