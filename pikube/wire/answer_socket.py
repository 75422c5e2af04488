"""Shell: answers over a WebSocket for who asks for one: each chunk of a log is a message, each event of a watch.

Enter: the upgrade request, the answer that it would get without. Leaves: the answer that it gets. Called by the
leader. Source: kubernetes apimachinery `util/httpstream/wsstream/stream.go` (Reader), apiserver
`endpoints/handlers/watch.go` (HandleWS).
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping

import trio

from pikube.wire.messages import Answer, Headers, Request, Send, StreamResponse, UpgradeResponse
from pikube.wire.upgrade import agree, offered_protocols
from pikube.wire.websocket import CLOSED, WebSocket

BINARY, BASE64 = "binary.k8s.io", "base64.binary.k8s.io"
OK = 200


def over_socket(request: Request, answer: Answer) -> Answer:
    """A refusal is answered as it is. BadRequest when there is no protocol that both speak."""
    if isinstance(answer, UpgradeResponse) or answer.status != OK:
        return answer
    agreed = agree(request.headers, (BINARY, BASE64), ())
    as_text = agreed.protocol == BASE64

    async def produce(socket: WebSocket) -> None:
        async def send(data: bytes) -> None:
            await socket.send(base64.b64encode(data).decode("ascii") if as_text else data)

        await send(b"")  # the sign that the connection stands
        if isinstance(answer, StreamResponse):
            await answer.run(send)
            return
        for chunk in answer.chunks:
            await send(chunk)

    return _upgrade(agreed.headers, produce)


def events_over_socket(
    headers: Mapping[str, str], run: Callable[[Send], Awaitable[None]], *, as_text: bool
) -> UpgradeResponse:
    """`run` sends one event at a time. A protocol that the client names is spoken, whatever it is: upstream looks at
    none of them. BadRequest when it names several."""

    async def produce(socket: WebSocket) -> None:
        async def send(event: bytes) -> None:
            await socket.send(event.decode() if as_text else event)

        await run(send)

    offered = offered_protocols(headers)
    return _upgrade(agree(headers, offered if len(offered) == 1 else (), ()).headers, produce)


def _upgrade(headers: Headers, produce: Callable[[WebSocket], Awaitable[None]]) -> UpgradeResponse:
    async def take_over(stream: trio.abc.Stream, leftover: bytes) -> None:
        socket = WebSocket(stream, leftover)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_until_gone, socket, nursery.cancel_scope)
            try:
                await produce(socket)
            except CLOSED:
                return
            await socket.close()
            nursery.cancel_scope.cancel()

    return UpgradeResponse(headers, take_over)


async def _until_gone(socket: WebSocket, scope: trio.CancelScope) -> None:
    """What the client says means nothing; that it goes ends what it was following."""
    while await socket.receive() is not None:
        continue
    scope.cancel()
