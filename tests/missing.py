"""Tools that a machine may lack."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test and say why; on CI, where all must be there, fail it."""
    pytest.fail(what) if os.environ.get("CI") == "true" else pytest.skip(what)
