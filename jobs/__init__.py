"""The life of a request: settings, its record, the queue, the picture store.

The only package that knows the key names of Redis and RQ.
"""
