"""The command line: `superimpose`, and `python -m cli` for processes started by `superimpose up`."""

import sys

from worker.privileges import hide


def main() -> None:
    """Run the command line. The environment's secrets are hidden first, as the imports below take a while."""
    hide()
    if sys.argv[1:] == ["--version"]:  # skips the imports of the commands: 0.3 s
        from cli import print_version

        print_version()
    else:
        from cli.main import main

        main()


if __name__ == "__main__":
    main()
