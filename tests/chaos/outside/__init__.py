"""The outside of the service, Redis and proxies, all of which can fail."""
