"""For a program whose wall clock is wrong: put this folder on PYTHONPATH and say by how many seconds, or name a file
that says so and may change.

Python imports it before anything else. Monotonic clocks run on as they do when a clock is set (libfaketime bends
them, and with them the timeouts of threads).
"""

import os
import time

_file = os.environ.get("WRONG_CLOCK_FILE", "")
_fixed_s = float(os.environ.get("WRONG_CLOCK_S", "0"))
_true_time, _true_time_ns = time.time, time.time_ns


def _offset_s():
    if not _file:
        return _fixed_s
    with open(_file) as file:
        return float(file.read() or 0)


def _wrong_time():
    return _true_time() + _offset_s()


def _wrong_time_ns():
    return _true_time_ns() + int(_offset_s() * 1e9)


time.time, time.time_ns = _wrong_time, _wrong_time_ns
