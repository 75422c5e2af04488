"""What holds for every test: searches take the same way each time, and are not timed; whoever is ended cleans up."""

import os
import signal
from pathlib import Path

from hypothesis import settings

# a busy machine is no reason to fail, and what a change broke fails at that change; `--hypothesis-profile search`
# looks elsewhere each time
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.register_profile(
    "quick", settings.get_profile("steady"), max_examples=20
)  # `make check`, at each change
settings.load_profile("steady")


def pytest_configure(config):
    """SIGTERM ends a run as Ctrl-C does: fixtures take down their boards. Who only hands tests out waits for those
    who run them, who would be killed at it else."""
    hands_out = bool(config.getoption("numprocesses", None)) and not is_worker(config)
    signal.signal(signal.SIGTERM, end_workers if hands_out else end)
    if hands_out or is_worker(config):
        signal.signal(signal.SIGINT, end_workers if hands_out else end)


def pytest_unconfigure(config):
    if is_worker(config) and signal.getsignal(signal.SIGTERM) == signal.SIG_IGN:
        os._exit(0)  # a worker that was told to end would wait for more work


def is_worker(config):
    return hasattr(config, "workerinput")


def end(number, frame):
    for other in (signal.SIGTERM, signal.SIGINT):
        signal.signal(other, signal.SIG_IGN)  # once is enough: fixtures are at work
    raise KeyboardInterrupt(
        signal.Signals(number).name
    )  # what no `except Exception` around an import swallows


def end_workers(number, frame):
    workers = [int(pid) for pid in Path("/proc/thread-self/children").read_text().split()]
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    for pid in workers:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    end(number, frame)
