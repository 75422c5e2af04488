"""Answers over a WebSocket: bytes, as logs are asked for by the first clients, and the events of a watch."""

import base64

import pytest
import trio
from wire_clients import WebSocketClient

from pikube.wire.answer_socket import BASE64, BINARY, events_over_socket, over_socket
from pikube.wire.channels import V5
from pikube.wire.messages import Response, StreamResponse
from pikube.wire.upgrade import wants_socket, without_upgrade


@pytest.fixture
async def websocket(connect):
    """websocket(answer) -> a WebSocketClient that is to connect."""

    def make(answer, is_text=True):
        async def handler(request):
            assert wants_socket(request.headers)
            assert not wants_socket(without_upgrade(request.headers))
            if isinstance(answer, list):
                return events_over_socket(request.headers, sender(answer), as_text=is_text)
            return over_socket(request, answer)

        return WebSocketClient(connect(handler).stream)

    return make


def sender(events):
    async def run(send):
        for event in events:
            await send(event)

    return run


async def messages(client):
    out = []
    while (message := await client.message()) is not None:
        out.append(message)
    return out


@pytest.mark.parametrize("protocol", [BINARY, None])
async def test_a_log_comes_as_messages_of_bytes(websocket, protocol):
    client = websocket(Response(200, (), (b"one\n", b"two\n")))
    assert await client.connect("/log", *filter(None, [protocol])) == protocol
    assert await messages(client) == [b"", b"one\n", b"two\n"]
    assert client.close_code == 1000


async def test_base64_is_text(websocket):
    client = websocket(Response(200, (), (b"one\n",)))
    assert await client.connect("/log", BASE64) == BASE64
    assert await messages(client) == ["", base64.b64encode(b"one\n").decode()]


async def test_a_log_that_is_followed_ends_when_its_reader_goes(websocket):
    is_over = trio.Event()

    async def follow(send):
        try:
            await send(b"one\n")
            await trio.sleep_forever()
        finally:
            is_over.set()

    client = websocket(StreamResponse(200, (), follow))
    await client.connect("/log", BINARY)
    assert [await client.message() for _ in range(2)] == [b"", b"one\n"]
    await client.stream.aclose()
    with trio.fail_after(5):
        await is_over.wait()


async def test_a_refusal_is_answered_as_it_is_and_so_is_an_unknown_protocol(websocket):
    assert await websocket(Response(404)).connect("/log", BINARY) == 404
    assert await websocket(Response(200)).connect("/log", V5) == 400


@pytest.mark.parametrize("protocol", [None, "whatever"])
async def test_each_event_of_a_watch_is_a_message(websocket, protocol):
    client = websocket([b'{"a":1}\n', b'{"b":"\xc3\xa4"}\n'])
    assert await client.connect("/watch", *filter(None, [protocol])) == protocol
    assert await messages(client) == ['{"a":1}\n', '{"b":"ä"}\n']
    assert client.close_code == 1000
    client = websocket([b"\x00\xff"], is_text=False)
    await client.connect("/watch")
    assert await messages(client) == [b"\x00\xff"]
    assert await websocket([]).connect("/watch", "one", "two") == 400
