"""Shell: WebSocket messages over a raw stream, after the HTTP upgrade.

Enter: a stream and the bytes already read from it. Leave: whole messages; or, for the SPDY tunnel of port-forward,
a Trio stream whose bytes travel in binary messages. wsproto does the framing. Called by remote_command and
port_forward; tests use the client role.
"""

from __future__ import annotations

from contextlib import suppress

import trio
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

READ_BYTES = 64 * 1024
MESSAGE_BYTES = 1024 * 1024  # client-go sends at most 32 KiB; a browser's paste may be larger
WRITE_BYTES = 32 * 1024  # what client-go sends itself
GOODBYE_S = 5.0  # for the other side's half of the closing handshake

CLOSED = (trio.BrokenResourceError, trio.ClosedResourceError)


class WebSocket:
    """One connection. One task receives; any task sends."""

    def __init__(self, stream: trio.abc.Stream, leftover: bytes = b"", *, is_server: bool = True) -> None:
        role = ConnectionType.SERVER if is_server else ConnectionType.CLIENT
        self._stream = stream
        self._frames = Connection(role, trailing_data=leftover)
        self._sending = trio.Lock()
        self._ended = trio.Event()

    async def receive(self) -> bytes | str | None:
        """The next whole message; None when the other side has closed or gone. Answers pings."""
        parts: list[bytes | str] = []
        size = 0
        while True:
            event = await self._next_event()
            if event is None:
                self._ended.set()
                return None
            if not isinstance(event, BytesMessage | TextMessage):
                continue
            parts.append(event.data if isinstance(event, TextMessage) else bytes(event.data))
            size += len(event.data)
            if size > MESSAGE_BYTES:
                await self._send_close(CloseReason.MESSAGE_TOO_BIG)
                self._ended.set()
                return None
            if event.message_finished:
                if isinstance(event, TextMessage):
                    return "".join(part for part in parts if isinstance(part, str))
                return b"".join(part for part in parts if isinstance(part, bytes))

    async def send(self, message: bytes | str) -> None:
        """One message. BrokenResourceError when the other side has closed."""
        event = TextMessage(data=message) if isinstance(message, str) else BytesMessage(data=message)
        await self._send(event)

    async def close(self) -> None:
        """The closing handshake: a normal close, and a bounded wait until `receive` in another task saw theirs."""
        await self._send_close(CloseReason.NORMAL_CLOSURE)
        with trio.move_on_after(GOODBYE_S):
            await self._ended.wait()

    async def aclose(self) -> None:
        """A normal close without waiting, and the end of the stream."""
        await self._send_close(CloseReason.NORMAL_CLOSURE)
        await self._stream.aclose()

    async def _next_event(self) -> Event | None:
        while True:
            for event in self._frames.events():
                if isinstance(event, Ping):
                    with suppress(*CLOSED):
                        await self._send(event.response())
                elif isinstance(event, CloseConnection):
                    await self._send_close(event.code)
                    return None
                else:
                    return event
            try:
                data = await self._stream.receive_some(READ_BYTES)
                self._frames.receive_data(bytes(data) or None)
            except (*CLOSED, RemoteProtocolError, LocalProtocolError):
                return None

    async def _send(self, event: Event) -> None:
        async with self._sending:
            try:
                data = self._frames.send(event)
            except LocalProtocolError:
                raise trio.BrokenResourceError("the WebSocket is closed") from None
            await self._stream.send_all(data)

    async def _send_close(self, code: int) -> None:
        if self._frames.state not in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            return
        if code in (CloseReason.NO_STATUS_RCVD, CloseReason.ABNORMAL_CLOSURE):
            code = (
                CloseReason.NORMAL_CLOSURE
            )  # these two exist only on paper, never on the wire (RFC 6455 §7.4.1)
        with suppress(*CLOSED), trio.move_on_after(GOODBYE_S):
            await self._send(CloseConnection(code=code))


class WebSocketStream(trio.abc.Stream):
    """A byte stream in binary messages (KEP-4006: `SPDY/3.1+portforward.k8s.io`)."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._unread = b""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What the next message carries, or what is left of the last one."""
        while not self._unread:
            message = await self._socket.receive()
            if message is None:
                return b""
            self._unread = message.encode() if isinstance(message, str) else message
        size = len(self._unread) if max_bytes is None else max_bytes
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As messages of at most WRITE_BYTES."""
        with memoryview(data) as view:
            for start in range(0, len(view), WRITE_BYTES):
                await self._socket.send(bytes(view[start : start + WRITE_BYTES]))

    async def wait_send_all_might_not_block(self) -> None:
        """Nothing but TCP knows."""
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close the WebSocket and its stream."""
        await self._socket.aclose()
