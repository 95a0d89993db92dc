"""Files made to crash, fill, stall or fool a decoder, by the hundred, each with what has to come of it."""
