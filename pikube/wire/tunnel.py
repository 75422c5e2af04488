"""Shell: relays a request to another server and its answer back: the leader's way to a kubelet, a pod or a Service.

Enter: an address, a TLS context, the request. Leave: Answers for our own server: whole, streamed, or an upgraded
connection whose bytes pass both ways unread. Called by the leader for logs, exec, attach, port-forward and proxy.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping

import trio

from pikube.api.errors import ServerTimeout, ServiceUnavailable
from pikube.wire.answers import BODILESS
from pikube.wire.exchange import Exchange, PeerLost, PeerSilent, Upload
from pikube.wire.messages import Answer, Headers, Request, Response, Send, StreamResponse, UpgradeResponse
from pikube.wire.pipe import pipe
from pikube.wire.sockets import Address

ANSWER_S = 30.0  # for a kubelet to find the container and begin to answer
REFUSAL_BYTES = 256 * 1024  # of a refused upgrade's body: a Status

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
    others: Headers = (),
) -> Answer:
    """Ask for the same upgrade; the answer is the 101 and the joined streams, or the refusal as it was sent.

    `others` are sent besides the headers that make an upgrade. ServiceUnavailable, ServerTimeout when there is
    no answer.
    """
    passed = [(name, headers[name]) for name in UPGRADE_HEADERS if name in headers]
    passed += [row for row in others if row[0] not in UPGRADE_HEADERS]
    upstream = await open_answer(address, ssl_context, method, target, passed, b"")
    if upstream.status != 101:
        return Response(upstream.status, end_to_end(upstream), (await _refusal(upstream),))

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
    body: bytes | Upload = b"",
    *,
    answer_s: float = ANSWER_S,
) -> Answer:
    """Send a request and stream its answer, whatever its status.

    ServiceUnavailable, ServerTimeout when there is no answer. `headers` are sent as they are.
    """
    upstream = await open_answer(
        address, ssl_context, method, target, [*headers, ("Connection", "close")], body, answer_s=answer_s
    )
    if method == "HEAD" or upstream.status in BODILESS:
        await upstream.close()
        return Response(upstream.status, end_to_end(upstream))

    async def run(send: Send) -> None:
        try:
            await send(b"")
            while chunk := await upstream.chunk():
                await send(chunk)
        except PeerLost as error:
            raise ServiceUnavailable(str(error)) from error
        finally:
            await upstream.close()

    return StreamResponse(upstream.status, end_to_end(upstream), run)


async def open_answer(
    address: Address,
    ssl_context: ssl.SSLContext | None,
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]],
    body: bytes | Upload,
    *,
    answer_s: float = ANSWER_S,
) -> Exchange:
    """An Exchange whose answer has begun; it is the caller's to close. ServiceUnavailable, ServerTimeout."""
    has_answered = False
    upstream: Exchange | None = None
    try:
        upstream = await Exchange.open(address, ssl_context)
        await upstream.ask(method, target, headers, body, answer_s=answer_s)
        has_answered = True
        return upstream
    except PeerSilent as error:
        raise ServerTimeout(str(error)) from error
    except PeerLost as error:
        raise ServiceUnavailable(str(error)) from error
    finally:
        if upstream is not None and not has_answered:
            await upstream.close()


async def _refusal(upstream: Exchange) -> bytes:
    """The body of a refused upgrade, as much of it as a Status can be."""
    body = b""
    try:
        while len(body) < REFUSAL_BYTES and (chunk := await upstream.chunk()):
            body += chunk
    except PeerLost as error:
        raise ServiceUnavailable(str(error)) from error
    finally:
        await upstream.close()
    return body


def end_to_end(upstream: Exchange) -> Headers:
    """The headers of an answer that concern more than this one connection."""
    return [row for row in upstream.headers if row[0] not in (*HOP_BY_HOP, *OURS)]


def upload_of(request: Request) -> bytes | Upload:
    """The body of a request to hand on, unread; b'' when there is none."""
    length = request.headers.get("content-length", "")
    if length.isdigit():
        return Upload(request.read_chunk, int(length)) if int(length) else b""
    return Upload(request.read_chunk, None) if "transfer-encoding" in request.headers else b""
