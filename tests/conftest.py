"""What holds for every test: searches take the same way each time, and are not timed; whoever is ended cleans up."""

import signal

import pytest
from hypothesis import settings

# a busy machine is no reason to fail, and what a change broke fails at that change; `--hypothesis-profile search`
# looks elsewhere each time
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile("steady")


def pytest_configure(config):
    """SIGTERM ends a run as Ctrl-C does: fixtures take down their boards."""
    signal.signal(signal.SIGTERM, lambda number, frame: pytest.exit("terminated", returncode=128 + number))
