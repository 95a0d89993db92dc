"""The worker process: claims requests, fetches their inputs, renders, stores and reports the results."""
