"""Shell: HTTP/1.1 over a unix socket: Podman's answers, short ones and endless ones, and hijacked streams.

Enter: a socket path and a request. Leaves: status and an async iterator of chunks, or the raw stream
after an upgrade. No thread waits for any of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import h11
import trio

READ_BYTES = 64 * 1024


class UnixHttpError(Exception):
    """The other side does not speak HTTP, or hung up."""


@dataclass(slots=True)
class UnixResponse:
    """One answer; read `chunks` once, or take `raw` after a 101 or a hijacking 200."""

    status: int
    _connection: h11.Connection
    _stream: trio.SocketStream

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises UnixHttpError when the other side hangs up before its end."""
        while True:
            try:
                event = self._connection.next_event()
                if event is h11.NEED_DATA:
                    self._connection.receive_data(bytes(await self._stream.receive_some(READ_BYTES)))
                    continue
            except (trio.BrokenResourceError, h11.RemoteProtocolError) as error:
                raise UnixHttpError(f"the answer was cut off: {error}") from error
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                return

    async def read(self, limit_bytes: int = 16 * 1024 * 1024) -> bytes:
        """The whole body."""
        body = b""
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit_bytes:
                raise UnixHttpError(f"an answer is larger than {limit_bytes} bytes")
        return body

    def raw(self) -> tuple[trio.SocketStream, bytes]:
        """The stream itself and what of it was read already."""
        leftover, _ = self._connection.trailing_data
        return self._stream, bytes(leftover)


@asynccontextmanager
async def open_request(
    socket_path: str,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    upgrade: bool = False,
    extra: Sequence[tuple[str, str]] = (),
) -> AsyncIterator[UnixResponse]:
    """Send one request and yield its answer; the socket is closed at the end. Raises UnixHttpError, OSError."""
    stream = await trio.open_unix_socket(socket_path)
    async with stream:
        connection = h11.Connection(h11.CLIENT)
        headers = [("Host", "podman"), ("Content-Length", str(len(body))), *extra]
        if body:
            headers.append(("Content-Type", "application/json"))
        if upgrade:
            headers += [("Connection", "Upgrade"), ("Upgrade", "tcp")]
        data = connection.send(h11.Request(method=method, target=target, headers=headers)) or b""
        if body:
            data += connection.send(h11.Data(data=body)) or b""
        data += connection.send(h11.EndOfMessage()) or b""
        try:
            await stream.send_all(data)
            status = await _read_head(connection, stream)
        except (trio.BrokenResourceError, h11.RemoteProtocolError) as error:
            raise UnixHttpError(f"no answer from {socket_path}: {error}") from error
        yield UnixResponse(status, connection, stream)


async def _read_head(connection: h11.Connection, stream: trio.SocketStream) -> int:
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(READ_BYTES)))
        elif isinstance(event, h11.InformationalResponse | h11.Response):
            if isinstance(event, h11.Response) or event.status_code == 101:
                return event.status_code
        else:
            raise UnixHttpError("the connection ended before an answer")
