"""Shell: relays a request to another server and its answer back: the leader's way to a kubelet, a pod or a Service.

Enter: an address, a TLS context, the request. Leave: Answers for our own server: whole, streamed, or an upgraded
connection whose bytes pass both ways unread. Called by the leader for logs, exec, attach, port-forward and proxy.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Mapping

import h11
import trio

from pikube.api.errors import ServerTimeout, ServiceUnavailable
from pikube.wire.messages import Answer, Headers, Response, Send, StreamResponse, UpgradeResponse
from pikube.wire.pipe import pipe
from pikube.wire.sockets import CLOSED, Address, dial

READ_BYTES = 64 * 1024
HEAD_S = 30.0  # for a kubelet to find the container and begin to answer
REFUSAL_BYTES = 256 * 1024  # of a refused upgrade's body: a Status
GOODBYE_S = 1.0

UPGRADE_HEADERS = (
    "upgrade",
    "connection",
    "sec-websocket-version",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-accept",
    "x-stream-protocol-version",
    "x-accepted-stream-protocol-versions",
)
"""What passes of an upgrade, both ways. Credentials never do: we speak in our own name."""

HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection")
OURS = ("date", "content-length")  # our server writes them itself


async def relay_upgrade(
    address: Address,
    ssl_context: ssl.SSLContext | None,
    method: str,
    target: str,
    headers: Mapping[str, str],
) -> Answer:
    """Ask for the same upgrade; the answer is the 101 and the joined streams, or the refusal as it was sent.

    ServiceUnavailable, ServerTimeout when there is no answer.
    """
    passed = [(name, headers[name]) for name in UPGRADE_HEADERS if name in headers]
    upstream = await _Upstream.ask(address, ssl_context, method, target, passed, b"")
    if upstream.status != 101:
        return await upstream.whole(REFUSAL_BYTES)

    async def run(stream: trio.abc.Stream, leftover: bytes) -> None:
        early = upstream.leftover()
        try:
            if early:
                await stream.send_all(early)
            if leftover:
                await upstream.stream.send_all(leftover)
            await pipe(stream, upstream.stream)
        finally:
            await upstream.close()

    return UpgradeResponse([row for row in upstream.headers if row[0] in UPGRADE_HEADERS], run)


async def relay(
    address: Address,
    ssl_context: ssl.SSLContext | None,
    method: str,
    target: str,
    headers: Headers = (),
    body: bytes = b"",
) -> Answer:
    """Send a request and stream its answer, whatever its status.

    ServiceUnavailable, ServerTimeout when there is no answer. `headers` are sent as they are.
    """
    sent = [*headers, ("Connection", "close")]
    upstream = await _Upstream.ask(address, ssl_context, method, target, sent, body)
    passed = [row for row in upstream.headers if row[0] not in (*HOP_BY_HOP, *OURS)]

    async def run(send: Send) -> None:
        try:
            await send(b"")
            while chunk := await upstream.chunk():
                await send(chunk)
        finally:
            await upstream.close()

    if method == "HEAD" or upstream.status in (204, 304):
        await upstream.close()
        return Response(upstream.status, passed)
    return StreamResponse(upstream.status, passed, run)


class _Upstream:
    """One request on a connection of its own."""

    def __init__(self, address: Address, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self._address = address
        self._h11 = h11.Connection(h11.CLIENT)

    @classmethod
    async def ask(
        cls,
        address: Address,
        ssl_context: ssl.SSLContext | None,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> _Upstream:
        """Dial, send, and read the head of the answer."""
        try:
            upstream = cls(address, await dial(address, ssl_context))
        except OSError as error:
            raise ServiceUnavailable(f"{_name(address)} cannot be reached: {_reason(error)}") from error
        has_answered = False
        try:
            with trio.move_on_after(HEAD_S):
                await upstream._send(method, target, headers, body)
                await upstream._read_head()
                has_answered = True
                return upstream
        finally:
            if not has_answered:
                await upstream.close()
        raise ServerTimeout(f"{_name(address)} did not answer within {HEAD_S:g} s")

    async def whole(self, limit_bytes: int) -> Response:
        """The answer with its body, which is cut at the limit."""
        chunks: list[bytes] = []
        try:
            while sum(map(len, chunks)) < limit_bytes and (chunk := await self.chunk()):
                chunks.append(chunk)
        finally:
            await self.close()
        passed = [row for row in self.headers if row[0] not in (*HOP_BY_HOP, *OURS)]
        return Response(self.status, passed, chunks)

    async def chunk(self) -> bytes:
        """The next part of the body; b'' at its end. ServiceUnavailable when it is cut off."""
        while True:
            event = await self._event()
            if isinstance(event, h11.Data):
                if event.data:
                    return bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return b""
            else:
                raise self._hung_up()

    def leftover(self) -> bytes:
        """What was read past the head of a 101."""
        return bytes(self._h11.trailing_data[0])

    async def close(self) -> None:
        """Bounded, also when we are being cancelled."""
        with trio.move_on_after(GOODBYE_S, shield=True):
            await self.stream.aclose()

    async def _send(self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        host, port = self._address
        rows = [("Host", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"), *headers]
        if body or method in ("POST", "PUT", "PATCH"):
            rows.append(("Content-Length", str(len(body))))
        data = self._h11.send(h11.Request(method=method, target=target, headers=rows)) or b""
        if body:
            data += self._h11.send(h11.Data(data=body)) or b""
        data += self._h11.send(h11.EndOfMessage()) or b""
        try:
            await self.stream.send_all(data)
        except CLOSED:
            raise self._hung_up() from None

    async def _read_head(self) -> None:
        while True:
            event = await self._event()
            if isinstance(event, h11.Response) or (
                isinstance(event, h11.InformationalResponse) and event.status_code == 101
            ):
                self.status = event.status_code
                self.headers = [
                    (name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers
                ]
                return
            if not isinstance(event, h11.InformationalResponse):
                raise self._hung_up()

    async def _event(self) -> object:
        data: bytes | bytearray | None = None
        try:
            event: object = self._h11.next_event()
            while event is h11.NEED_DATA:
                data = await self.stream.receive_some(READ_BYTES)
                self._h11.receive_data(bytes(data))
                event = self._h11.next_event()
        except CLOSED:
            raise self._hung_up() from None
        except h11.RemoteProtocolError as error:
            if data == b"":
                raise self._hung_up() from None
            raise ServiceUnavailable(f"{_name(self._address)} does not answer in HTTP: {error}") from None
        return event

    def _hung_up(self) -> ServiceUnavailable:
        return ServiceUnavailable(f"{_name(self._address)} hung up")


def _name(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reason(error: OSError) -> str:
    cause = error.__cause__
    if isinstance(cause, BaseExceptionGroup) and cause.exceptions:
        cause = cause.exceptions[0]
    found = cause if isinstance(cause, OSError) else error
    return os.strerror(found.errno) if found.errno else str(found)
