"""The command line: `superimpose`, and `python -m cli` for processes started by `superimpose up`."""

import sys

from worker.privileges import hide


def main() -> None:
    """Run it, with the secrets of its environment hidden before anything is loaded, which takes a while."""
    hide()
    if sys.argv[1:] == ["--version"]:  # without all that the commands need: 0.3 s
        from cli.version import print_version

        print_version()
    else:
        from cli.main import main

        main()


if __name__ == "__main__":
    main()
