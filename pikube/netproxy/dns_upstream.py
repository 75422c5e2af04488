"""Shell: one question to one of the host's resolvers: by datagram, and by stream what does not fit one.

Enter: a server and a query. Leaves: its answer, or None after UPSTREAM_S. Called by dns_forward.py.
"""

from __future__ import annotations

import errno
import random
import socket
import struct
from collections.abc import Callable

import dns.exception
import dns.flags
import dns.message

from pikube.netproxy.dns_answers import Message
from pikube.netproxy.engine import BROKEN, INCOMING, READABLE, WRITABLE, Engine

UPSTREAM_S = 2.0  # then the next resolver; resolv.conf's own default is 5
ANSWER_BYTES = 65537

Heard = Callable[[Message | None], None]


class Attempt:
    """Calls `heard` once, later."""

    def __init__(self, engine: Engine, server: tuple[str, int], query: Message, heard: Heard) -> None:
        self._engine = engine
        self._server = server
        self._query = query
        self._heard = heard
        self._family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._unsent = b""
        self._is_over = False
        query.id = random.randrange(1 << 16)
        engine.after(UPSTREAM_S, lambda: self._finish(None))
        try:
            self._socket = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._socket.connect(server)  # a port of chance: with the id, what a forger must guess
            self._socket.send(query.to_wire())
            engine.watch(self._socket.fileno(), self._datagram, INCOMING)
        except OSError:
            engine.again(lambda: self._finish(None))

    def _datagram(self, events: int) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(ANSWER_BYTES)
        except BlockingIOError:
            return
        except OSError:  # nobody listens there
            self._finish(None)
            return
        answer = self._read(data)
        if answer is None:
            return
        if answer.flags & dns.flags.TC:
            self._ask_by_stream()
        else:
            self._finish(answer)

    def _read(self, data: bytes) -> Message | None:
        """None for what is no answer to this question: it may be forged, and the true one on its way."""
        try:
            answer = dns.message.from_wire(data, ignore_trailing=True, raise_on_truncation=False)
        except (dns.exception.DNSException, ValueError):
            return None
        return answer if self._query.is_response(answer) else None

    def _ask_by_stream(self) -> None:
        self._drop()
        wire = self._query.to_wire()
        self._unsent = struct.pack("!H", len(wire)) + wire
        try:
            self._socket = socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            problem = self._socket.connect_ex(self._server)
            if problem not in (0, errno.EINPROGRESS):
                raise OSError(problem, "connect")
            self._engine.watch(self._socket.fileno(), self._stream)
        except OSError:
            self._finish(None)

    def _stream(self, events: int) -> None:
        assert self._socket is not None
        try:
            if events & BROKEN:
                raise OSError("broken")
            if events & WRITABLE and self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            if events & READABLE:
                self._receive(self._socket)
        except BlockingIOError:
            return
        except OSError:
            self._finish(None)

    def _receive(self, sock: socket.socket) -> None:
        while True:
            data = sock.recv(ANSWER_BYTES)
            if not data:
                raise OSError("the server hung up")
            self._buffer += data
            if len(self._buffer) >= 2 and len(self._buffer) >= 2 + struct.unpack("!H", self._buffer[:2])[0]:
                self._finish(self._read(self._buffer[2:]))
                return

    def _finish(self, answer: Message | None) -> None:
        if not self._is_over:
            self._is_over = True
            self._drop()
            self._heard(answer)

    def _drop(self) -> None:
        if self._socket is not None:
            self._engine.forget(self._socket.fileno())
            self._engine.bury(self._socket)
            self._socket = None
