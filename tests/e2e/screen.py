"""A program that asks, as a person sits in front of it: read what it shows, type."""

import os
import pty
import re
import select
import signal
import subprocess
import time

from board import ROOT


class Screen:
    """A running command; `text` is everything it has shown so far."""

    def __init__(self, command, env=None) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=env, start_new_session=True
        )
        os.close(theirs)
        self.text = ""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        os.close(self._ours)

    def expect(self, pattern, timeout_s=20):
        """Read on until the pattern was shown; its match."""
        ends_at = time.monotonic() + timeout_s
        while (found := re.search(pattern, self.text)) is None:
            assert self._read(max(0.0, ends_at - time.monotonic())), f"no {pattern!r} in:\n{self.text}"
        return found

    def type(self, line):
        os.write(self._ours, f"{line}\n".encode())

    def wait(self, timeout_s=20):
        """The exit code, once the program has ended; what it showed last is read."""
        while self._read(timeout_s):
            continue
        return self.process.wait(timeout=timeout_s)

    def _read(self, timeout_s):
        """Whether something more was shown."""
        ready, _, _ = select.select([self._ours], [], [], timeout_s)
        if not ready:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # EIO: nobody holds the other end any more
            return False
        self.text += data.decode("utf-8", "replace").replace("\r", "")
        return bool(data)
