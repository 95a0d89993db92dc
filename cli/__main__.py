"""The command line: `superimpose`, and `python -m cli` for processes started by `superimpose up`."""

from worker.privileges import hide


def main() -> None:
    """Run it, with the secrets of its environment hidden before anything is loaded, which takes a while."""
    hide()
    from cli.main import main

    main()


if __name__ == "__main__":
    main()
