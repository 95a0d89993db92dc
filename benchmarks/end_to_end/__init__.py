"""The scenario end-to-end: contestants, measurements, and its part of docs/PERFORMANCE.md."""
