"""Shell: one TCP connection from a client to a backend: connect, carry both directions, end.

Half-closed connections stay half open; a reset of one side resets the other. A side that went without a word, with
its board, is noticed: within a minute on a silent connection, within forty seconds where an answer is owed.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections.abc import Callable
from functools import partial

from pikube.netproxy.balancer import Balancer
from pikube.netproxy.engine import BROKEN, ENDED, READABLE, WRITABLE, Engine
from pikube.netproxy.flow import BUFFER_BYTES, Flow, Pipes
from pikube.netproxy.lost_peers import INFO_BYTES, is_gone
from pikube.netproxy.targets import Backend, Backends

NEXT_S = 0.25  # RFC 8305 §5; in a LAN an answer takes a millisecond: who is slower gets company
LAST_CONNECT_S = 10.0  # nobody else is left: a busy backend may need a retransmitted SYN or two
LOOK_S = 0.05  # how exact the two are
SILENT_S = (
    30.0  # who owes an answer for so long is gone: longer than Wi-Fi roams, or a board's network restarts
)
SWEEP_S = 10.0  # how exact that is
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST
KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (
        socket.IPPROTO_TCP,
        socket.TCP_KEEPIDLE,
        30,
    ),  # a silent connection to a board that lost power ends within a minute
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)


class Shared:
    """What all connections of a relay share."""

    def __init__(self, engine: Engine, silent_s: float = SILENT_S, sweep_s: float = SWEEP_S) -> None:
        self.engine = engine
        self._silent_s, self._sweep_s = silent_s, sweep_s
        self._carried: set[Connection] = set()
        self._is_sweeping = False
        self.view = memoryview(bytearray(BUFFER_BYTES))
        self.pipes = Pipes()
        self._expected: dict[Connection, float] = {}
        self._is_looking = False

    def expect(self, connection: Connection, seconds: float) -> None:
        """Have it go on when its backend has not answered in time."""
        self._expected[connection] = self.engine.now + seconds
        if not self._is_looking:
            self._is_looking = True
            self.engine.after(LOOK_S, self._look)

    def answered(self, connection: Connection) -> None:
        """It need not."""
        self._expected.pop(connection, None)

    def carry(self, connection: Connection) -> None:
        """End it when a side of it is gone."""
        self._carried.add(connection)
        if not self._is_sweeping:
            self._is_sweeping = True
            self.engine.after(self._sweep_s, self._sweep)

    def leave(self, connection: Connection) -> None:
        """It has ended."""
        self._carried.discard(connection)

    def _sweep(self) -> None:
        for connection in list(self._carried):
            self.engine.call(partial(connection.end_if_gone, self._silent_s))
        self._is_sweeping = bool(self._carried)
        if self._is_sweeping:
            self.engine.after(self._sweep_s, self._sweep)

    def _look(self) -> None:
        now = self.engine.now
        for connection in [c for c, deadline in self._expected.items() if deadline <= now]:
            self.engine.call(connection.go_on)
        self._is_looking = bool(self._expected)
        if self._is_looking:
            self.engine.after(LOOK_S, self._look)


Attempt = tuple[Backend, socket.socket]


class Connection:
    """From accept to close. `closed` is called once, at the end, whatever happened."""

    __slots__ = (
        "_backend", "_balancer", "_began", "_client", "_closed", "_down", "_heard", "_is_closed", "_order", "_shared",
        "_slow", "_up", "_upstream", "address", "backends",
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
        self._began = shared.engine.now
        self._backend: Backend | None = None
        self._upstream: socket.socket | None = None
        self._slow: tuple[Attempt, ...] = ()  # earlier attempts that may still succeed
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
        """Try the next backend; with none left, and none to wait for, the client is reset, as kube-proxy rejects."""
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
                self._balancer.refused(backend, self._began, engine.now)
                continue
            self._backend, self._upstream = backend, upstream
            engine.watch(upstream.fileno(), self._connecting)
            self._shared.expect(self, NEXT_S if self._order else LAST_CONNECT_S)
            return
        if self._slow:
            self._shared.expect(self, LAST_CONNECT_S)
        else:
            self.abort()

    def _connecting(self, events: int) -> None:
        assert self._upstream is not None and self._backend is not None
        if events & BROKEN:
            self._balancer.refused(self._backend, self._began, self._shared.engine.now)
            self._drop_upstream()
            self.connect()
        elif events & WRITABLE:
            self._connected(self._upstream, events)

    def go_on(self) -> None:
        """No answer in time. The next one gets its chance beside it: the first to answer carries the connection, so
        that a slow backend is no lost one. With none left this is the end."""
        engine = self._shared.engine
        if self._upstream is not None and self._backend is not None:
            self._balancer.refused(self._backend, self._began, engine.now)
        if not self._order:
            self.abort()
            return
        if self._upstream is not None and self._backend is not None:
            attempt = (self._backend, self._upstream)
            self._slow = (*self._slow, attempt)
            engine.rewatch(self._upstream.fileno(), lambda events: self._late(attempt, events))
            self._upstream = None
        self.connect()

    def _late(self, attempt: Attempt, events: int) -> None:
        """An earlier attempt is answered after all."""
        self._slow = tuple(other for other in self._slow if other is not attempt)
        if events & BROKEN:
            self._shared.engine.bury(attempt[1])
            if self._upstream is None and not self._slow:
                self.abort()
            return
        self._drop_upstream()
        self._backend, self._upstream = attempt
        self._connected(attempt[1], events)

    def _drop_upstream(self) -> None:
        if self._upstream is not None:
            self._shared.engine.bury(self._upstream)
            self._upstream = None

    def _drop_slow(self) -> None:
        for _, upstream in self._slow:
            self._shared.engine.bury(upstream)
        self._slow = ()

    # -- carrying ------------------------------------------------------------------------------

    def _connected(self, upstream: socket.socket, events: int) -> None:
        shared, client = self._shared, self._client
        assert self._backend is not None
        shared.answered(self)
        self._balancer.opened(self.backends, self._backend, self.address, shared.engine.now)
        self._order.clear()
        if self._slow:
            self._drop_slow()
        shared.carry(self)
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
        if flow.move(self._shared.view, self._shared.pipes):
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

    def end_if_gone(self, silent_s: float) -> None:
        """A board was lost, and its end of the connection with it."""
        for side in (self._client, self._upstream):
            if side is not None:
                info = side.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES)
                if is_gone(info, silent_s):
                    self.abort()
                    return

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
        self._shared.leave(self)
        self._shared.engine.bury(self._client)
        self._drop_upstream()
        self._drop_slow()
        if self._up is not None and self._down is not None:
            assert self._backend is not None
            self._up.release(self._shared.pipes)
            self._down.release(self._shared.pipes)
            self._up = self._down = None
            self._balancer.closed(self._backend)
        self._closed(self)
