"""Shell: one direction of a connection: bytes from a socket to another, as far as they go now.

Small exchanges go through one buffer that all connections share; a direction that proves to be bulk is moved by
splice(2) through a pipe of a pool and never touches our memory (measured 9.2 Gbit/s against 4.7: DESIGN decision
8). A flow holds bytes only while its target does not take them: at most one buffer, or one pipe. Used by tcp.py.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket

BUFFER_BYTES = 16 * 1024  # also what a peer that does not read makes us hold
BULK_BYTES = 128 * 1024  # after this much in one direction, splice pays for its pipe
PIPE_BYTES = 1024 * 1024
SPARE_PIPES = 16
TURN = 16  # buffers or pipes moved before others get a turn

_SPLICE = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK


class Pipes:
    """Pipes that are empty, kept for the next bulk transfer."""

    def __init__(self) -> None:
        self._spare: list[tuple[int, int]] = []

    def take(self) -> tuple[int, int]:
        """(read end, write end). Raises OSError when descriptors have run out."""
        if self._spare:
            return self._spare.pop()
        pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError as error:  # over the user's limit: the usual size does too
            if error.errno not in (errno.EPERM, errno.EBUSY):
                raise
        return pipe

    def give(self, pipe: tuple[int, int], *, is_empty: bool) -> None:
        """Back; one with bytes in it is closed."""
        if is_empty and len(self._spare) < SPARE_PIPES:
            self._spare.append(pipe)
        else:
            os.close(pipe[0])
            os.close(pipe[1])


class Flow:
    """One direction."""

    __slots__ = ("held", "in_pipe", "is_ending", "is_over", "is_queued", "moved", "pipe", "source", "target")

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.held = b""  # read, not yet taken by the target
        self.pipe: tuple[int, int] | None = None
        self.in_pipe = 0
        self.moved = 0
        self.is_ending = False  # the source has said that it ends: read to the last byte
        self.is_over = False
        self.is_queued = False  # its next turn is arranged

    @property
    def is_blocked(self) -> bool:
        """Waiting for the target."""
        return bool(self.held or self.in_pipe)

    def move(self, view: memoryview, pipes: Pipes) -> bool:
        """As far as it goes; True: there is more, but it is others' turn. Raises OSError when a side is gone."""
        if self.is_over:
            return False
        for _ in range(TURN):
            if self.pipe is not None or self.moved >= BULK_BYTES:
                if self.held and not self._send_held():
                    return False
                if not self._splice(pipes):
                    return False
            elif not self._copy(view):
                return False
        return True

    def _copy(self, view: memoryview) -> bool:
        """One buffer; whether to go on."""
        if self.held and not self._send_held():
            return False
        try:
            count = self.source.recv_into(view)
        except BlockingIOError:
            return False
        if not count:
            self._end()
            return False
        self.moved += count
        try:
            sent = self.target.send(view[:count])
        except BlockingIOError:
            sent = 0
        if sent < count:
            self.held = bytes(view[sent:count])
            return False
        return count == BUFFER_BYTES or self.is_ending

    def _send_held(self) -> bool:
        """Whether all of it went."""
        try:
            sent = self.target.send(self.held)
        except BlockingIOError:
            return False
        self.held = self.held[sent:]
        return not self.held

    def _splice(self, pipes: Pipes) -> bool:
        """One pipe full; whether to go on."""
        if self.pipe is None:
            try:
                self.pipe = pipes.take()
            except OSError:  # out of descriptors: copy on
                self.moved = 0
                return True
        if not self.in_pipe:
            try:
                self.in_pipe = os.splice(self.source.fileno(), self.pipe[1], PIPE_BYTES, flags=_SPLICE)
            except BlockingIOError:
                self.release(pipes)
                return False
            if not self.in_pipe:
                self.release(pipes)
                self._end()
                return False
        try:
            while self.in_pipe:
                self.in_pipe -= os.splice(self.pipe[0], self.target.fileno(), self.in_pipe, flags=_SPLICE)
        except BlockingIOError:
            return False
        return True

    def _end(self) -> None:
        """The source has ended: a half-close for the target."""
        self.is_over = True
        with contextlib.suppress(OSError):  # it is gone already
            self.target.shutdown(socket.SHUT_WR)

    def release(self, pipes: Pipes) -> None:
        """Give the pipe back."""
        if self.pipe is not None:
            pipes.give(self.pipe, is_empty=not self.in_pipe)
            self.pipe, self.in_pipe = None, 0
