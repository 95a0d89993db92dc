"""The service against what one would build instead, with the same work and the same inputs: `make bench-e2e`."""
