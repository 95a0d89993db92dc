"""The parts of the scenario scaling: a day's load, the manifests' autoscaler, and a simulated queue."""
