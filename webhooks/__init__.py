"""Sends events of ended requests to the URLs of clients, without giving access to our network."""
