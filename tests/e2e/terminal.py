"""A person at a terminal: a program on a pseudo terminal of its own, what it prints, and what is typed."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time


class Terminal:
    """Runs a program until `close`; the terminal has 101 columns and 33 lines at first."""

    def __init__(self, argv, environment):
        self.seen = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            signal.signal(
                signal.SIGINT, signal.SIG_DFL
            )  # ignored by what a shell without jobs runs in the background
            os.execvpe(argv[0], argv, {**environment, "PYTHONFAULTHANDLER": "1"})
        self.resize(101, 33)

    def resize(self, columns, lines):
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def type(self, text):
        os.write(self._fd, text.encode())

    def expect(self, text, timeout_s=20.0):
        """Read until the text has been printed since the last `expect`."""
        until = time.monotonic() + timeout_s
        while text.encode() not in self.seen:
            left = until - time.monotonic()
            assert left > 0, f"{text!r} was not printed, but {self.seen!r}"
            self._read(left)
        self.seen = self.seen.split(text.encode(), 1)[1]

    def end(self, timeout_s=20.0):
        """The exit code, when the program ends by itself."""
        until = time.monotonic() + timeout_s
        while self._read(max(0.0, until - time.monotonic())):
            if time.monotonic() > until:
                os.kill(self.pid, signal.SIGABRT)  # a Python program says where it stands
                while self._read(1.0) and time.monotonic() < until + 5:
                    continue
                raise AssertionError(f"it did not end, but printed {self.seen.decode('utf-8', 'replace')}")
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self):
        os.close(self._fd)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def _read(self, timeout_s):
        ready, _, _ = select.select([self._fd], [], [], timeout_s)
        try:
            data = os.read(self._fd, 65536) if ready else b"-"
        except OSError:  # EIO: the other side has closed
            return False
        self.seen += data if ready else b""
        return bool(data)


class Screen(Terminal):
    """A program that asks a person: lines are typed, patterns are looked for in everything shown so far (`text`). A
    context that ends the program by SIGTERM; what the program has started may hold the terminal for longer."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.pid:
            has_ended = os.pidfd_open(self.pid)
            os.kill(self.pid, signal.SIGTERM)
            select.select([has_ended], [], [], 30)
            os.close(has_ended)
        self.close()

    @property
    def text(self):
        return self.seen.decode("utf-8", "replace").replace("\r", "")

    def type(self, text):
        super().type(f"{text}\n")

    def interrupt(self):
        """Ctrl-C."""
        os.write(self._fd, b"\x03")

    def expect(self, pattern, timeout_s=20.0):
        """Read on until the pattern was shown; its match."""
        until = time.monotonic() + timeout_s
        while (found := re.search(pattern, self.text)) is None:
            left = until - time.monotonic()
            assert left > 0 and self._read(left), f"{pattern!r} was not shown, but {self.text}"
        return found
