"""The stages of an attempt in order, as shown in metrics, traces, and the commands `queue` and `run`."""

STAGES = ("fetch", "decode", "inspect", "compose", "encode", "store")
COMPUTE = ("decode", "compose", "encode")
"""The stages included in `inference_time`."""
