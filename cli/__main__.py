"""`python -m cli`, for processes started by `superimpose up`."""

from cli.main import main

main()
