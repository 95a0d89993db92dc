"""Sends events of ended requests where their clients said, without letting them into our network."""
