"""The queue of accepted requests: turns of keys, claims of workers, and a copy for RQ's dashboards."""
