"""Shell: the two doors of the cluster's DNS in the relay process: datagrams and streams on one address.

Enter: packets. Leave: the resolver's answers. Streams are bounded in number and time. Made by relay_process.py, late:
without a cluster DNS nothing of it is imported.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any

from pikube.netproxy.dns import Resolver
from pikube.netproxy.doors import PAUSE_S, Counts, Door, Failed
from pikube.netproxy.engine import INCOMING, Engine
from pikube.netproxy.listening import BACKLOG, bind
from pikube.netproxy.targets import DNS_STREAM, DNS_UDP, Backends, Listener
from pikube.netproxy.tcp import Shared

DATAGRAM_BYTES = 4096
TURN = 16  # queries before connections get a turn: each takes a tenth of a millisecond
MAX_STREAMS = 64
IDLE_S = 10.0
STREAM_BYTES = 65537


class DnsDoor(Door):
    """Open always. `resolver` is shared by both."""

    def __init__(
        self,
        resolver: Resolver,
        shared: Shared,
        counts: Counts,
        listener: Listener,
        backends: Backends,
        failed: Failed,
        inherited: socket.socket | None = None,
    ) -> None:
        self._resolver = resolver
        self._is_watched = False
        super().__init__(shared, counts, listener, backends, failed, inherited)

    def _ensure(self) -> None:
        if self._is_watched:
            return
        if self.socket is None:
            self.socket = bind(self.listener)
        self._listen(self.socket)
        self._engine.watch(self.socket.fileno(), self._incoming, INCOMING)
        self._is_watched = True

    def _listen(self, sock: socket.socket) -> None:
        """What a bound socket of its kind needs. Raises OSError."""

    def _incoming(self, events: int) -> None:
        raise NotImplementedError

    def _shut(self) -> None:
        if self.socket is not None:
            self._engine.forget(self.socket.fileno())  # a successor may have it too: closing is not enough
            self.socket.close()
            self.socket, self._is_watched = None, False


class DnsDatagramDoor(DnsDoor):
    def _incoming(self, events: int) -> None:
        assert self.socket is not None
        sock = self.socket
        for _ in range(TURN):
            try:
                data, client = sock.recvfrom(DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier answer
                continue
            ready = self._resolver.ready(data)
            if ready is not None:
                _send(sock, ready, client)
            else:
                self._resolver.answer(data, lambda answer, client=client: _send(sock, answer, client))  # type: ignore[misc]


class DnsStreamDoor(DnsDoor):
    _streams: set[DnsStream] | None = None

    def _listen(self, sock: socket.socket) -> None:
        sock.listen(BACKLOG)

    def _incoming(self, events: int) -> None:
        assert self.socket is not None
        streams = self._streams = self._streams or set()
        for _ in range(TURN):
            try:
                client, _ = self.socket.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError:  # out of descriptors: asked at once it would say so for ever
                self._pause()
                return
            if len(streams) >= MAX_STREAMS:
                client.close()
                continue
            client.setblocking(False)
            streams.add(DnsStream(self._engine, self._resolver, client, streams.discard))

    def _pause(self) -> None:
        assert self.socket is not None
        self._engine.forget(self.socket.fileno())
        self._engine.after(PAUSE_S, self._resume)

    def _resume(self) -> None:
        if self.socket is not None:
            self._engine.forget(self.socket.fileno())
            self._engine.watch(self.socket.fileno(), self._incoming, INCOMING)

    def _shut(self) -> None:
        super()._shut()
        for stream in list(self._streams or ()):
            stream.close()


class DnsStream:
    """One client's connection: each query has two bytes of length before it (RFC 1035 §4.2.2)."""

    def __init__(
        self, engine: Engine, resolver: Resolver, client: socket.socket, closed: Callable[[DnsStream], None]
    ) -> None:
        self._engine = engine
        self._resolver = resolver
        self._client = client
        self._closed = closed
        self._buffer = b""
        self._is_closed = False
        self._heard_at = engine.now
        engine.watch(client.fileno(), self._readable, INCOMING)
        engine.after(IDLE_S, self._look)

    def _readable(self, events: int) -> None:
        try:
            data = self._client.recv(STREAM_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._heard_at = self._engine.now
        self._buffer += data
        while len(self._buffer) >= 2 and len(self._buffer) >= 2 + struct.unpack("!H", self._buffer[:2])[0]:
            size = struct.unpack("!H", self._buffer[:2])[0]
            query, self._buffer = self._buffer[2 : 2 + size], self._buffer[2 + size :]
            self._resolver.answer(query, self._reply, is_stream=True)

    def _reply(self, answer: bytes) -> None:
        """A client that does not take its answer is let go."""
        if self._is_closed:
            return
        data = struct.pack("!H", len(answer)) + answer
        try:
            is_sent = self._client.send(data) == len(data)
        except OSError:
            is_sent = False
        if not is_sent:
            self.close()

    def _look(self) -> None:
        if self._is_closed:
            return
        if self._engine.now - self._heard_at >= IDLE_S:
            self.close()
        else:
            self._engine.after(IDLE_S, self._look)

    def close(self) -> None:
        """Whatever is on its way is lost."""
        if not self._is_closed:
            self._is_closed = True
            self._engine.forget(self._client.fileno())
            self._engine.bury(self._client)
            self._closed(self)


DNS_DOORS: dict[str, type[DnsDoor]] = {DNS_UDP: DnsDatagramDoor, DNS_STREAM: DnsStreamDoor}


def _send(sock: socket.socket, data: bytes, client: Any) -> None:
    with contextlib.suppress(OSError):  # the client asks again
        sock.sendto(data, client)
