"""The stages of an attempt, in their order, as metrics, traces, `queue` and `run` name and show them."""

STAGES = ("fetch", "decode", "inspect", "compose", "encode", "store")
COMPUTE = ("decode", "compose", "encode")
"""The stages that `inference_time` counts."""
