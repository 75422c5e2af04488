"""Shell: one TCP connection from a client to a backend: connect, carry both directions, end.

Small exchanges go through one buffer that all connections share; a direction that proves to be bulk is moved by
splice(2) through a pipe of a pool and never touches our memory (measured 9.2 Gbit/s against 4.7: DESIGN decision
8). A connection holds bytes only while its peer does not take them: at most one buffer, or one pipe. Half-closed
connections stay half open; a reset of one side resets the other.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Callable

from pikube.netproxy.balancer import Balancer
from pikube.netproxy.engine import BROKEN, ENDED, READABLE, WRITABLE, Engine
from pikube.netproxy.targets import Backend, Backends

BUFFER_BYTES = 16 * 1024  # also what a peer that does not read makes us hold
BULK_BYTES = 128 * 1024  # after this much in one direction, splice pays for its pipe
PIPE_BYTES = 1024 * 1024
SPARE_PIPES = 16
TURN = 16  # buffers or pipes moved before others get a turn
CONNECT_S = 1.0  # in a LAN an answer takes a millisecond; after this the next backend is tried
LAST_CONNECT_S = 10.0  # nobody else is left: a busy backend may need a retransmitted SYN or two
LOOK_S = 0.25  # how exact the two are
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST
KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),  # a peer that lost power is forgotten after two minutes
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)

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


class Shared:
    """What all connections of a relay share."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.view = memoryview(bytearray(BUFFER_BYTES))
        self.pipes = Pipes()
        self._expected: dict[Connection, float] = {}
        self._is_looking = False

    def expect(self, connection: Connection, seconds: float) -> None:
        """Have it give up when its backend has not answered in time."""
        self._expected[connection] = self.engine.now + seconds
        if not self._is_looking:
            self._is_looking = True
            self.engine.after(LOOK_S, self._look)

    def answered(self, connection: Connection) -> None:
        """It need not."""
        self._expected.pop(connection, None)

    def _look(self) -> None:
        now = self.engine.now
        for connection in [c for c, deadline in self._expected.items() if deadline <= now]:
            connection.give_up()
        self._is_looking = bool(self._expected)
        if self._is_looking:
            self.engine.after(LOOK_S, self._look)


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

    def move(self, shared: Shared) -> bool:
        """As far as it goes; True: there is more, but it is others' turn. Raises OSError when a side is gone."""
        if self.is_over:
            return False
        for _ in range(TURN):
            if self.pipe is not None or self.moved >= BULK_BYTES:
                if self.held and not self._send_held():
                    return False
                if not self._splice(shared):
                    return False
            elif not self._copy(shared.view):
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

    def _splice(self, shared: Shared) -> bool:
        """One pipe full; whether to go on."""
        if self.pipe is None:
            try:
                self.pipe = shared.pipes.take()
            except OSError:  # out of descriptors: copy on
                self.moved = 0
                return True
        if not self.in_pipe:
            try:
                self.in_pipe = os.splice(self.source.fileno(), self.pipe[1], PIPE_BYTES, flags=_SPLICE)
            except BlockingIOError:
                self.release(shared.pipes)
                return False
            if not self.in_pipe:
                self.release(shared.pipes)
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


class Connection:
    """From accept to close. `closed` is called once, at the end, whatever happened."""

    __slots__ = (
        "_backend", "_balancer", "_client", "_closed", "_down", "_heard", "_is_closed", "_order", "_shared", "_up",
        "_upstream", "address", "backends",
    )  # fmt: skip

    def __init__(
        self,
        shared: Shared,
        client: socket.socket,
        address: str,
        backends: Backends,
        balancer: Balancer,
        closed: Callable[[Connection], None],
    ) -> None:
        self.address = address
        self.backends = backends
        self._shared = shared
        self._client = client
        self._balancer = balancer
        self._closed = closed
        self._order = balancer.order(backends, address, shared.engine.now)
        self._order.reverse()
        self._is_closed = False
        self._heard = 0  # of the client, while there was no backend
        self._backend: Backend | None = None
        self._upstream: socket.socket | None = None
        self._up: Flow | None = None
        self._down: Flow | None = None

    # -- finding a backend that answers ---------------------------------------------------------

    def begin(self) -> None:
        """Look for a backend; a client that goes meanwhile takes up no place."""
        self._shared.engine.watch(self._client.fileno(), self._waiting)
        self.connect()

    def _waiting(self, events: int) -> None:
        self._heard |= events
        if events & BROKEN:
            self.abort()

    def connect(self) -> None:
        """Try the next backend; with none left the client is reset, as kube-proxy rejects."""
        engine = self._shared.engine
        while self._order:
            backend = self._order.pop()
            family = socket.AF_INET6 if ":" in backend.address else socket.AF_INET
            try:
                upstream = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            except OSError:  # out of descriptors
                break
            problem = upstream.connect_ex(backend)
            if problem not in (0, errno.EINPROGRESS):
                upstream.close()
                self._balancer.refused(backend, engine.now)
                continue
            self._backend, self._upstream = backend, upstream
            engine.watch(upstream.fileno(), self._connecting)
            self._shared.expect(self, CONNECT_S if self._order else LAST_CONNECT_S)
            return
        self.abort()

    def _connecting(self, events: int) -> None:
        assert self._upstream is not None
        if events & BROKEN:
            self.give_up()
        elif events & WRITABLE:
            self._connected(self._upstream, events)

    def give_up(self) -> None:
        """The attempt failed, or took too long: the next backend's turn."""
        assert self._backend is not None
        self._shared.answered(self)
        self._balancer.refused(self._backend, self._shared.engine.now)
        self._drop_upstream()
        self.connect()

    def _drop_upstream(self) -> None:
        if self._upstream is not None:
            self._shared.engine.bury(self._upstream)
            self._upstream = None

    # -- carrying ------------------------------------------------------------------------------

    def _connected(self, upstream: socket.socket, events: int) -> None:
        shared, client = self._shared, self._client
        assert self._backend is not None
        shared.answered(self)
        self._balancer.opened(self.backends, self._backend, self.address, shared.engine.now)
        self._order.clear()
        self._up, self._down = Flow(client, upstream), Flow(upstream, client)
        self._up.is_ending, self._down.is_ending = bool(self._heard & ENDED), bool(events & ENDED)
        try:
            for option in KEEPALIVE:
                upstream.setsockopt(*option)
            shared.engine.rewatch(upstream.fileno(), self._from_backend)
            shared.engine.rewatch(client.fileno(), self._from_client)
            if self._heard & READABLE:
                self._move(self._up)
            if events & READABLE and self._down is not None:
                self._move(self._down)
        except OSError:
            self.abort()

    def _from_client(self, events: int) -> None:
        assert self._up is not None and self._down is not None
        self._went_on(events, self._up, self._down)

    def _from_backend(self, events: int) -> None:
        assert self._up is not None and self._down is not None
        self._went_on(events, self._down, self._up)

    def _went_on(self, events: int, coming: Flow, going: Flow) -> None:
        """Something became possible on the socket that is the source of `coming` and the target of `going`."""
        try:
            if events & BROKEN:
                self.abort()
                return
            if events & ENDED:
                coming.is_ending = True
            if events & WRITABLE and going.is_blocked:
                self._move(going)
            if events & READABLE and not coming.is_blocked:
                self._move(coming)
        except OSError:
            self.abort()

    def _move(self, flow: Flow) -> None:
        if flow.is_queued:
            return
        if flow.move(self._shared):
            flow.is_queued = True
            self._shared.engine.again(lambda: self._resume(flow))
        elif flow.is_over and self._up and self._up.is_over and self._down and self._down.is_over:
            self._close()

    def _resume(self, flow: Flow) -> None:
        flow.is_queued = False
        if self._up is not None:
            try:
                self._move(flow)
            except OSError:
                self.abort()

    # -- the end -------------------------------------------------------------------------------

    def abort(self) -> None:
        """End both sides with a reset: neither may take what it got for the whole."""
        for side in (self._client, self._upstream):
            if side is not None:
                with contextlib.suppress(OSError):
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._close()

    def _close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._shared.answered(self)
        self._shared.engine.bury(self._client)
        self._drop_upstream()
        if self._up is not None and self._down is not None:
            assert self._backend is not None
            self._up.release(self._shared.pipes)
            self._down.release(self._shared.pipes)
            self._up = self._down = None
            self._balancer.closed(self._backend)
        self._closed(self)
