"""Where accepted requests wait: keys take turns, workers claim, RQ and its dashboards look on."""
