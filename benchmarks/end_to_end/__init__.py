"""The parts of the scenario end-to-end: contestants, what is asked of them, and its page."""
