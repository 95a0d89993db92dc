"""`superimpose --version`."""


def print_version() -> None:
    from importlib.metadata import version

    print(f"superimpose {version('superimpose')}")
