"""What a request is and how it travels: settings, the record, the queue, the store.

The only package that knows Redis's and RQ's key names.
"""
