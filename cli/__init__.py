"""The command line; the only package that imports every role."""


def print_version() -> None:
    from importlib.metadata import version

    print(f"superimpose {version('superimpose')}")
