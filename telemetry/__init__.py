"""What the service counts of itself, and how that is read."""
