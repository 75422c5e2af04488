"""Shell: an answer of bytes (a log) for clients that ask for it over a WebSocket: each chunk a message.

Enter: the upgrade request, the answer that it would get without. Leaves: the answer that it gets. Called by the
leader for logs. Source: kubernetes apimachinery `util/httpstream/wsstream/stream.go` (Reader).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import trio

from pikube.wire.messages import Answer, Headers, Request, StreamResponse, UpgradeResponse
from pikube.wire.upgrade import agree
from pikube.wire.websocket import CLOSED, WebSocket

BINARY, BASE64 = "binary.k8s.io", "base64.binary.k8s.io"
OK = 200


def wants_socket(headers: Mapping[str, str]) -> bool:
    """Whether the client asks for a WebSocket."""
    return (
        "websocket" in headers.get("upgrade", "").lower()
        and "upgrade" in headers.get("connection", "").lower()
    )


def without_upgrade(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The same request for whoever gives the bytes."""
    return {
        name: value
        for name, value in headers.items()
        if name not in ("upgrade", "connection") and not name.startswith("sec-websocket-")
    }


def over_socket(request: Request, answer: Answer) -> Answer:
    """A refusal is answered as it is. BadRequest when there is no protocol that both speak."""
    if isinstance(answer, UpgradeResponse) or answer.status != OK:
        return answer
    agreed = agree(request.headers, (BINARY, BASE64), ())
    headers: Headers = agreed.headers

    async def take_over(stream: trio.abc.Stream, leftover: bytes) -> None:
        socket = WebSocket(stream, leftover)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_until_gone, socket, nursery.cancel_scope)
            try:
                await _send_all(socket, answer, as_text=agreed.protocol == BASE64)
            except CLOSED:
                return
            await socket.close()
            nursery.cancel_scope.cancel()

    return UpgradeResponse(headers, take_over)


async def _send_all(socket: WebSocket, answer: Answer, *, as_text: bool) -> None:
    async def send(data: bytes) -> None:
        await socket.send(base64.b64encode(data).decode("ascii") if as_text else data)

    await send(b"")  # the sign that the connection stands
    if isinstance(answer, StreamResponse):
        await answer.run(send)
        return
    assert not isinstance(answer, UpgradeResponse)
    for chunk in answer.chunks:
        await send(chunk)


async def _until_gone(socket: WebSocket, scope: trio.CancelScope) -> None:
    """What the client says means nothing; that it goes ends a log that is followed."""
    while await socket.receive() is not None:
        continue
    scope.cancel()
