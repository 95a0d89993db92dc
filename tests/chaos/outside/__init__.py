"""What the service talks to, and the ways there, so that they can fail."""
