"""The command line with a shorter deadline for batches: `python -m tests.api.batches.impatient`."""

from jobs.batches import progress

if __name__ == "__main__":
    progress.OPEN_FOR_S = 1
    from cli.main import main

    main()
