"""Hundreds of files made to crash, fill, stall or deceive a decoder, each with its expected result."""
