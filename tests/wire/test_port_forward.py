"""Port-forward over its three carriers, with a pod that answers in capitals."""

import struct
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from wire_clients import WebSocketClient, spdy_upgrade
from wsproto.events import BytesMessage, CloseConnection, TextMessage

from pikube.api.errors import BadRequest
from pikube.wire.channels import V4, V4_BASE64
from pikube.wire.pipe import pipe
from pikube.wire.port_forward import (
    MAX_PORTS,
    PAIR_S,
    SPDY_PROTOCOL,
    TUNNEL_PROTOCOL,
    accept_port_forward,
    ports_of,
)
from pikube.wire.spdy_session import open_spdy
from pikube.wire.websocket import WebSocket, WebSocketStream


async def pod(forwarded):
    """Port 80 answers in capitals, any other refuses."""
    if forwarded.port != 80:
        await forwarded.fail(f"connection refused: {forwarded.port}")
        return
    while data := await forwarded.stream.receive_some():
        await forwarded.stream.send_all(data.upper())


@pytest.fixture
async def make_stream(connect):
    def make(forward=pod):
        async def handler(request):
            return accept_port_forward(request, forward)

        return connect(handler).stream

    return make


@asynccontextmanager
async def over_spdy(make_stream, forward=pod):
    stream = make_stream(forward)
    status, headers, rest = await spdy_upgrade(stream, "/portForward/ns/pod", SPDY_PROTOCOL)
    assert (status, headers["x-stream-protocol-version"]) == (101, SPDY_PROTOCOL)
    async with open_spdy(stream, rest, is_server=False) as connection:
        yield connection
        await stream.aclose()


@asynccontextmanager
async def over_tunnel(make_stream, forward=pod):
    client = WebSocketClient(make_stream(forward))
    assert await client.connect("/portForward/ns/pod", TUNNEL_PROTOCOL) == TUNNEL_PROTOCOL
    tunnel = WebSocketStream(WebSocket(client.stream, is_server=False))
    async with open_spdy(tunnel, is_server=False) as connection:
        yield connection
        await tunnel.aclose()


async def open_pair(connection, port, request_id):
    headers = {"port": str(port), "requestID": request_id} if request_id else {"port": str(port)}
    error = await connection.open_stream(headers | {"streamType": "error"})
    await error.send_eof()
    return error, await connection.open_stream(headers | {"streamType": "data"})


async def read_all(stream):
    data = b""
    while part := await stream.receive_some():
        data += part
    return data


@pytest.mark.parametrize("carrier", [over_spdy, over_tunnel])
async def test_connections_are_forwarded_side_by_side(make_stream, carrier):
    async with carrier(make_stream) as connection:
        pairs = [await open_pair(connection, 80, str(number)) for number in range(5)]
        for number, (_, data) in enumerate(pairs):
            await data.send_all(b"question %d" % number)
        for number, (error, data) in enumerate(pairs):
            await data.send_eof()
            assert await read_all(data) == b"QUESTION %d" % number
            assert await read_all(error) == b""


@pytest.mark.parametrize("carrier", [over_spdy, over_tunnel])
async def test_a_megabyte_passes(make_stream, carrier):
    async with carrier(make_stream) as connection, trio.open_nursery() as nursery:
        _, data = await open_pair(connection, 80, "0")

        async def send():
            await data.send_all(b"x" * 1_000_000)
            await data.send_eof()

        nursery.start_soon(send)
        assert await read_all(data) == b"X" * 1_000_000


async def test_a_port_that_refuses_says_so_and_others_go_on(make_stream):
    async with over_spdy(make_stream) as connection:
        error, data = await open_pair(connection, 81, "0")
        assert await read_all(error) == b"connection refused: 81"
        assert await read_all(data) == b""
        _, data = await open_pair(connection, 80, "1")
        await data.send_all(b"a")
        assert await data.receive_some() == b"A"


async def test_clients_without_request_ids_are_understood(make_stream):
    async with over_spdy(make_stream) as connection:
        for _ in range(2):
            _, data = await open_pair(connection, 80, "")
            await data.send_all(b"a")
            assert await data.receive_some() == b"A"


@pytest.mark.parametrize(
    "headers",
    [
        {"streamType": "data", "requestID": "1"},
        {"streamType": "data", "requestID": "1", "port": "0"},
        {"streamType": "data", "requestID": "1", "port": "65536"},
        {"streamType": "stdin", "requestID": "1", "port": "80"},
    ],
)
async def test_streams_that_make_no_sense_are_reset(make_stream, headers):
    async with over_spdy(make_stream) as connection:
        stream = await connection.open_stream(headers)
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()


async def test_a_second_stream_of_the_same_type_is_reset(make_stream):
    async with over_spdy(make_stream) as connection:
        headers = {"streamType": "error", "requestID": "1", "port": "80"}
        first, second = await connection.open_stream(headers), await connection.open_stream(headers)
        with pytest.raises(trio.BrokenResourceError):
            await second.receive_some()
        data = await connection.open_stream(headers | {"streamType": "data"})
        await data.send_eof()
        assert await read_all(first) == b""


async def test_half_a_pair_is_given_up(make_stream, autojump_clock):
    async with over_spdy(make_stream) as connection:
        start = trio.current_time()
        lonely = await connection.open_stream({"streamType": "data", "requestID": "1", "port": "80"})
        with pytest.raises(trio.BrokenResourceError):
            await lonely.receive_some()
        assert trio.current_time() - start == pytest.approx(PAIR_S)


@pytest.mark.parametrize("carrier", [over_spdy, over_tunnel])
async def test_forwards_are_cancelled_when_the_client_leaves(make_stream, carrier):
    was_cancelled = trio.Event()

    async def stuck(forwarded):
        try:
            await trio.sleep_forever()
        finally:
            was_cancelled.set()

    async with carrier(make_stream, stuck) as connection:
        await open_pair(connection, 80, "0")
        await trio.testing.wait_all_tasks_blocked()
    await was_cancelled.wait()


async def test_the_pods_end_reaches_the_client_and_the_clients_end_the_pod(make_stream):
    near, far = trio.testing.memory_stream_pair()

    async def forward(forwarded):
        await pipe(forwarded.stream, far)

    async with over_spdy(make_stream, forward) as connection:
        _, data = await open_pair(connection, 80, "0")
        await near.send_all(b"hello")
        await near.send_eof()
        assert await read_all(data) == b"hello"
        await data.send_all(b"late")
        await data.send_eof()
        assert await near.receive_some() == b"late"
        assert await near.receive_some() == b""


async def test_the_older_framing_carries_each_port_on_two_channels(make_stream):
    client = WebSocketClient(make_stream())
    assert await client.connect("/portForward/ns/pod?port=80,81", V4) == V4
    greetings = {await client.message() for _ in range(4)}
    expected = {
        bytes([channel]) + struct.pack("<H", port) for channel, port in ((0, 80), (1, 80), (2, 81), (3, 81))
    }
    assert greetings | {b"\x03connection refused: 81"} >= expected
    if expected != greetings:
        assert await client.message() in expected
    else:
        assert await client.message() == b"\x03connection refused: 81"
    await client.send(BytesMessage(data=b"\x00shout"))
    assert await client.message() == b"\x00SHOUT"
    await client.send(BytesMessage(data=b"\x63nobody listens here"))
    await client.send(CloseConnection(code=1000))


async def test_the_older_framing_in_base64(make_stream):
    client = WebSocketClient(make_stream())
    await client.connect("/portForward/ns/pod?ports=80", V4_BASE64)
    assert {await client.message(), await client.message()} == {"0UAA=", "1UAA="}
    await client.send(TextMessage(data="0aGk="))
    assert await client.message() == "0SEk="


async def test_the_older_framing_ends_when_every_port_has_ended(make_stream):
    client = WebSocketClient(make_stream())
    await client.connect("/portForward/ns/pod?ports=81", V4)
    while await client.message() is not None:
        pass
    assert client.close_code == 1000


async def test_other_protocols_are_refused(make_stream):
    assert await WebSocketClient(make_stream()).connect("/portForward/ns/pod?port=80", "v9") == 400
    assert (await spdy_upgrade(make_stream(), "/portForward/ns/pod", "v9"))[0] == 403
    assert await WebSocketClient(make_stream()).connect("/portForward/ns/pod", V4) == 400


@pytest.mark.parametrize("query, ports", [("ports=80&ports=81", [80, 81]), ("port=80,81", [80, 81])])
def test_ports_are_read_from_the_query(query, ports):
    assert ports_of(query) == ports


@pytest.mark.parametrize(
    "query", ["", "port=", "port=0", "port=70000", "port=http", "port=1," * MAX_PORTS + "1"]
)
def test_ports_that_are_none_are_a_bad_request(query):
    with pytest.raises(BadRequest):
        ports_of(query)
