"""The service against what one would build instead, same work, same inputs: `make bench-e2e`."""
