"""Shell: port-forward: many connections to ports of a pod, over one upgraded connection.

Enter: an upgrade request and what to do with each forwarded connection. Leaves: an UpgradeResponse. Three ways
carry the same: SPDY (kubectl before 1.31), SPDY inside a WebSocket (kubectl since), and the older WebSocket channels
with a fixed pair for each port. Called by the kubelet API. Sources: kubelet `pkg/cri/streaming/portforward`,
KEP-4006.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qs

import trio

from pikube.api.errors import BadRequest
from pikube.wire.channels import V4, V4_BASE64, decode, encode, is_text
from pikube.wire.messages import Request, UpgradeResponse
from pikube.wire.spdy_session import SpdyConnection, SpdyStream, open_spdy
from pikube.wire.upgrade import agree
from pikube.wire.websocket import WebSocket, WebSocketStream

log = logging.getLogger("pikube.wire")

SPDY_PROTOCOL = "portforward.k8s.io"
TUNNEL_PROTOCOL = "SPDY/3.1+portforward.k8s.io"
PAIR_S = 30.0  # for the second stream of a pair (kubelet: DefaultStreamCreationTimeout)
MAX_PORTS = 64  # of the older WebSocket framing, whose channel is one byte for two a port
CHANNEL_MESSAGES = 8  # read ahead of one forwarded port

CLOSED = (trio.BrokenResourceError, trio.ClosedResourceError)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """One forwarded connection. `stream` is closed when the callback returns.

    What `fail` says, kubectl prints; it then gives up the whole port-forward: do not call it for a connection that
    the pod merely reset.
    """

    port: int
    stream: trio.abc.Stream
    fail: Callable[[str], Awaitable[None]]


Forward: TypeAlias = Callable[[Forwarded], Awaitable[None]]


def accept_port_forward(request: Request, forward: Forward) -> UpgradeResponse:
    """Agree on a protocol; `forward` runs in a task for each connection. Raises BadRequest, Forbidden."""
    agreed = agree(request.headers, (TUNNEL_PROTOCOL, V4, V4_BASE64), (SPDY_PROTOCOL,))
    if not agreed.is_websocket:

        async def take_over(stream: trio.abc.Stream, leftover: bytes) -> None:
            await _serve_spdy(stream, leftover, forward)

    elif agreed.protocol == TUNNEL_PROTOCOL:

        async def take_over(stream: trio.abc.Stream, leftover: bytes) -> None:
            tunnel = WebSocketStream(WebSocket(stream, leftover))
            await _serve_spdy(tunnel, b"", forward)
            await tunnel.aclose()

    else:
        ports = ports_of(request.query)

        async def take_over(stream: trio.abc.Stream, leftover: bytes) -> None:
            await _serve_channels(WebSocket(stream, leftover), ports, is_text(agreed.protocol), forward)

    return UpgradeResponse(agreed.headers, take_over)


def ports_of(query: str) -> Sequence[int]:
    """`ports=80&ports=81` (the API) or `port=80,81` (kubelet). BadRequest when there is none or one is wrong."""
    values = parse_qs(query, keep_blank_values=True)
    words = [
        word for name in ("ports", "port") for value in values.get(name, ()) for word in value.split(",")
    ]
    if not words:
        raise BadRequest('query parameter "port" is required')
    if len(words) > MAX_PORTS:
        raise BadRequest(f"at most {MAX_PORTS} ports can be forwarded over one WebSocket")
    return [_port(word) for word in words]


def _port(word: str) -> int:
    if not (word.isascii() and word.isdigit() and 0 < int(word) <= 0xFFFF):
        raise BadRequest(f'unable to parse "{word}" as a port')
    return int(word)


@dataclass(slots=True)
class _Pair:
    """The error and the data stream of one connection; either may come first."""

    error: SpdyStream | None = None
    data: SpdyStream | None = None
    complete: trio.Event = field(default_factory=trio.Event)


async def _serve_spdy(stream: trio.abc.Stream, leftover: bytes, forward: Forward) -> None:
    async with open_spdy(stream, leftover) as connection, trio.open_nursery() as nursery:
        nursery.start_soon(_pair_streams, connection, forward, nursery)
        await connection.closed.wait()
        nursery.cancel_scope.cancel()


async def _pair_streams(connection: SpdyConnection, forward: Forward, nursery: trio.Nursery) -> None:
    """Join streams by their request id, and start a task for each pair."""
    pairs: dict[str, _Pair] = {}
    async for stream in connection.opened:
        kind = stream.headers.get("streamtype", "")
        try:
            port = _port(stream.headers.get("port", ""))
        except BadRequest:
            port = 0
        key = _request_id(stream, kind)
        pair = pairs.get(key) or _Pair()
        if not port or kind not in ("error", "data") or getattr(pair, kind) is not None:
            await stream.reset()
            continue
        setattr(pair, kind, stream)
        if pair.error is not None and pair.data is not None:
            pair.complete.set()
            nursery.start_soon(_forward_pair, port, pair.error, pair.data, forward)
        else:
            pairs[key] = pair
            nursery.start_soon(_keep_until_complete, pairs, key, stream)


def _request_id(stream: SpdyStream, kind: str) -> str:
    """Clients without request ids open error and data one after the other (kubelet guesses the same way)."""
    fallback = stream.stream_id if kind == "error" else stream.stream_id - 2
    return stream.headers.get("requestid") or f"stream {fallback}"


async def _keep_until_complete(pairs: dict[str, _Pair], key: str, stream: SpdyStream) -> None:
    with trio.move_on_after(PAIR_S):
        await pairs[key].complete.wait()
    if not pairs.pop(key).complete.is_set():
        log.info("event=forward_streams_missing request=%r", key)
        await stream.reset()


async def _forward_pair(port: int, error: SpdyStream, data: SpdyStream, forward: Forward) -> None:
    async def fail(message: str) -> None:
        with suppress(*CLOSED):
            await error.send_all(message.encode())

    try:
        await forward(Forwarded(port, data, fail))
    except* CLOSED:
        pass
    finally:
        await data.aclose()
        await error.aclose()


class _ChannelStream(trio.abc.Stream):
    """One port of the older framing. It has no end of its own: only the WebSocket ends."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self.received_in, self._received = trio.open_memory_channel[bytes](CHANNEL_MESSAGES)
        self._send = send
        self._unread = b""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if not self._unread:
            try:
                self._unread = await self._received.receive()
            except trio.EndOfChannel:
                return b""
        size = len(self._unread) if max_bytes is None else max_bytes
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._send(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        self._received.close()
        await trio.lowlevel.checkpoint()


async def _serve_channels(socket: WebSocket, ports: Sequence[int], as_text: bool, forward: Forward) -> None:
    """Channel 2n carries the data of port n, channel 2n+1 its errors; each begins with the port number."""

    def sender(channel: int) -> Callable[[bytes], Awaitable[None]]:
        async def send(data: bytes) -> None:
            await socket.send(encode(channel, data, as_text=as_text))

        return send

    streams = [_ChannelStream(sender(2 * number)) for number in range(len(ports))]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_read_channels, socket, streams, as_text, nursery.cancel_scope)
        async with trio.open_nursery() as forwards:
            for number, (port, stream) in enumerate(zip(ports, streams, strict=True)):
                forwards.start_soon(_forward_channel, port, stream, sender(2 * number + 1), forward)
        await socket.close()
        nursery.cancel_scope.cancel()


async def _forward_channel(
    port: int, stream: _ChannelStream, send_error: Callable[[bytes], Awaitable[None]], forward: Forward
) -> None:
    async def fail(message: str) -> None:
        with suppress(*CLOSED):
            await send_error(message.encode())

    try:
        await stream.send_all(struct.pack("<H", port))
        await send_error(struct.pack("<H", port))
        await forward(Forwarded(port, stream, fail))
    except* CLOSED:
        pass
    finally:
        stream.received_in.close()
        await stream.aclose()


async def _read_channels(
    socket: WebSocket, streams: Sequence[_ChannelStream], as_text: bool, both: trio.CancelScope
) -> None:
    while (message := await socket.receive()) is not None:
        try:
            channel, data = decode(message, as_text=as_text)
        except ValueError as error:
            log.info("event=bad_channel_message why=%r", str(error))
            break
        if channel % 2 == 0 and channel // 2 < len(streams) and data:
            with suppress(*CLOSED):
                await streams[channel // 2].received_in.send(data)
    both.cancel()
