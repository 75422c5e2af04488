"""A leader that relays to a kubelet over mTLS, both on loopback."""

import gzip
import json
import ssl
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing
from wire_clients import WebSocketClient, spdy_upgrade
from wsproto.events import BytesMessage

from pikube.api.errors import ApiError, NotFound, Resource, ServerTimeout, ServiceUnavailable
from pikube.wire import tunnel
from pikube.wire.channels import V4, V5
from pikube.wire.messages import Response, StreamResponse
from pikube.wire.remote_command import accept_remote_command
from pikube.wire.server import listen
from pikube.wire.sockets import dial
from pikube.wire.spdy_session import open_spdy
from pikube.wire.tunnel import relay, relay_upgrade, upload_of

EXEC = "/exec/ns/pod/c?command=cat&stdin=true&stdout=true"


async def kubelet(request):
    assert "authorization" not in request.headers
    if request.path.startswith("/exec"):
        assert request.peer.organizations == ("system:masters",)
        return accept_remote_command(request, cat)
    if request.path == "/logs":

        async def run(send):
            for line in (b"one\n", b"two\n"):
                await send(line)

        return StreamResponse(200, (("Content-Type", "text/plain"),), run)
    if request.path == "/echo":
        body = await request.body(1000)
        return Response(201, (("X-Method", request.method),), (body,))
    raise NotFound.of(Resource("", "pods"), "web")


async def cat(session):
    while data := await session.receive_stdin():
        await session.send_stdout(data)
    await session.finish(0)


@asynccontextmanager
async def cluster(serve_on_loopback, certificates):
    """The port of a leader that relays everything to a kubelet."""
    context = certificates.server_context(verify_mode=ssl.CERT_REQUIRED)
    ours = certificates.client_context("leader", "system:masters")
    async with serve_on_loopback(kubelet, context) as (kubelet_port, kubelet_server):

        async def leader(request):
            address = ("127.0.0.1", kubelet_port)
            target = f"{request.raw_path}?{request.query}"
            if "upgrade" in request.headers:
                return await relay_upgrade(address, ours, request.method, target, request.headers)
            body = await request.body(1000)
            return await relay(address, ours, request.method, target, (), body)

        async with serve_on_loopback(leader) as (port, _):
            yield port, kubelet_server


@pytest.fixture
async def leader(serve_on_loopback, certificates):
    async with cluster(serve_on_loopback, certificates) as (port, kubelet_server):
        yield port, kubelet_server


async def exchange(stream, method, path, body=b""):
    head = f"{method} {path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer secret\r\nConnection: close\r\n"
    await stream.send_all(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    data = b""
    while part := await stream.receive_some():
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    return head.decode().lower(), body


async def test_exec_passes_through_a_websocket(leader, dial):
    client = WebSocketClient(await dial(leader[0]))
    assert await client.connect(EXEC, V5) == V5
    assert await client.message() == b"\x01"
    await client.send(BytesMessage(data=b"\x00hello"))
    assert await client.message() == b"\x01hello"
    await client.send(BytesMessage(data=b"\xff\x00"))
    assert json.loads((await client.message())[1:])["status"] == "Success"
    assert await client.message() is None


async def test_exec_passes_through_spdy(leader, dial):
    stream = await dial(leader[0])
    status, headers, rest = await spdy_upgrade(stream, EXEC, V5, V4)
    assert (status, headers["x-stream-protocol-version"]) == (101, V5)
    async with open_spdy(stream, rest, is_server=False) as connection:
        streams = {
            kind: await connection.open_stream({"streamType": kind}) for kind in ("error", "stdin", "stdout")
        }
        await streams["stdin"].send_all(b"x" * 300_000)
        await streams["stdin"].send_eof()
        size = 0
        while part := await streams["stdout"].receive_some():
            size += len(part)
        assert size == 300_000
        assert b"Success" in await streams["error"].receive_some()
        await stream.aclose()


async def test_a_refused_upgrade_is_passed_on(leader, dial):
    assert await WebSocketClient(await dial(leader[0])).connect(EXEC, "v9") == 400
    assert await WebSocketClient(await dial(leader[0])).connect("/nothing", V5) == 404


async def test_when_the_client_leaves_the_kubelet_sees_it(leader, dial):
    port, kubelet_server = leader
    client = WebSocketClient(await dial(port))
    await client.connect(EXEC, V5)
    await client.message()
    assert kubelet_server.statistics().connections == 1
    await client.stream.aclose()
    while kubelet_server.statistics().connections:
        await trio.lowlevel.checkpoint()


async def test_a_log_is_streamed(leader, dial):
    head, body = await exchange(await dial(leader[0]), "GET", "/logs")
    assert head.startswith("http/1.1 200")
    assert "transfer-encoding: chunked" in head
    assert "content-type: text/plain" in head
    assert body == b"4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n"


async def test_bodies_and_statuses_are_passed_both_ways(leader, dial):
    head, body = await exchange(await dial(leader[0]), "POST", "/echo", b"text")
    assert head.startswith("http/1.1 201")
    assert "x-method: post" in head
    assert b"text" in body
    head, body = await exchange(await dial(leader[0]), "GET", "/nothing")
    assert head.startswith("http/1.1 404")
    assert b'pods \\"web\\" not found' in body
    head, body = await exchange(await dial(leader[0]), "HEAD", "/echo")
    assert head.startswith("http/1.1 201")


async def test_a_kubelet_that_is_not_there_is_unavailable():
    (listener,) = await listen("127.0.0.1", 0)
    address = listener.socket.getsockname()[:2]
    await listener.aclose()
    with pytest.raises(ServiceUnavailable, match=r"127.0.0.1:\d+ cannot be reached: Connection refused"):
        await relay(address, None, "GET", "/")


async def test_a_kubelet_of_another_authority_is_unavailable(leader, certificates, serve_on_loopback):
    async with serve_on_loopback(kubelet, certificates.server_context()) as (port, _):
        with pytest.raises(ServiceUnavailable, match="certificate"):
            await relay(("127.0.0.1", port), ssl.create_default_context(), "GET", "/")


@asynccontextmanager
async def blunt_server(answer):
    """A TCP server that sends `answer` to whoever asks, and hangs up; None: it never answers."""

    async def serve_one(stream):
        await stream.receive_some()
        if answer is None:
            await trio.sleep_forever()
        await stream.send_all(answer)
        await stream.aclose()

    (listener,) = await listen("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve_one, [listener])
        yield listener.socket.getsockname()[:2]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("answer, words", [(b"", "hung up"), (b"SSH-2.0\r\n\r\n", "does not answer in HTTP")])
async def test_a_server_that_speaks_no_http_is_unavailable(answer, words):
    async with blunt_server(answer) as address:
        with pytest.raises(ApiError, match=words):
            await relay(address, None, "GET", "/")


async def test_a_body_that_is_cut_off_is_not_taken_for_whole():
    async with blunt_server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") as address:
        answer = await relay(address, None, "GET", "/")
        got = []

        async def send(chunk):
            got.append(chunk)

        with pytest.raises(ApiError):
            await answer.run(send)
        assert b"".join(got) == b"half"


async def test_bytes_behind_a_switch_are_not_lost():
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n"
    async with blunt_server(head + b"early") as address:
        headers = {"upgrade": "SPDY/3.1", "connection": "Upgrade", "authorization": "Bearer secret"}
        answer = await relay_upgrade(address, None, "POST", "/exec", headers)
        near, far = trio.testing.memory_stream_pair()
        await near.send_eof()
        await answer.run(far, b"")
        assert await near.receive_some() == b"early"


async def test_a_server_that_never_answers_is_given_up(mock_clock):
    async with blunt_server(None) as address, trio.open_nursery() as nursery:

        async def ask():
            with pytest.raises(ServerTimeout, match="did not answer"):
                await relay(address, None, "GET", "/")

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked(0.01)
        mock_clock.jump(tunnel.ANSWER_S)


async def test_dialling_over_tls_takes_no_stranger(serve_on_loopback, certificates):
    async with serve_on_loopback(kubelet, certificates.server_context()) as (port, _):
        stream = await dial(("127.0.0.1", port), certificates.client_context())
        await stream.aclose()
        with pytest.raises(OSError, match="TLS handshake failed"):
            await dial(("127.0.0.1", port), ssl.create_default_context())


@asynccontextmanager
async def relaying(serve_on_loopback, upstream):
    """A client's way to the port of a server that hands everything on to `upstream` as it comes."""
    async with serve_on_loopback(upstream) as (upstream_port, _):

        async def hand_on(request):
            return await relay(
                ("127.0.0.1", upstream_port), None, request.method, request.raw_path,
                [("content-encoding", "gzip")] if "content-encoding" in request.headers else (),
                upload_of(request),
            )  # fmt: skip

        async with serve_on_loopback(hand_on) as (port, _):
            yield port


@pytest.mark.parametrize("is_sized", [True, False], ids=["length", "chunked"])
async def test_a_body_is_handed_on_while_it_comes(serve_on_loopback, dial, is_sized):
    heard, first = [], trio.Event()

    async def upstream(request):
        while chunk := await request.read_chunk():
            heard.append(chunk)
            first.set()
        return Response(200, (), (b"%d" % sum(map(len, heard)),))

    async with relaying(serve_on_loopback, upstream) as port:
        stream = await dial(port)
        head = "PUT /x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"
        framing = "Content-Length: 10\r\n\r\n" if is_sized else "Transfer-Encoding: chunked\r\n\r\n"
        await stream.send_all((head + framing).encode() + (b"12345" if is_sized else b"5\r\n12345\r\n"))
        with trio.fail_after(10):
            await first.wait()
        assert b"".join(heard) == b"12345", "before the rest was sent"
        await stream.send_all(b"67890" if is_sized else b"5\r\n67890\r\n0\r\n\r\n")
        answer = b""
        while part := await stream.receive_some():
            answer += part
    assert answer.startswith(b"HTTP/1.1 200 ") and b"\r\n10\r\n" in answer
    assert b"".join(heard) == b"1234567890"


async def test_what_is_packed_stays_packed(serve_on_loopback, dial):
    heard = []

    async def upstream(request):
        heard.append((request.headers["content-encoding"], await request.read_chunk()))
        return Response(200, (), (b"ok",))

    packed = gzip.compress(b"x" * 1000)
    async with relaying(serve_on_loopback, upstream) as port:
        stream = await dial(port)
        head = f"POST / HTTP/1.1\r\nHost: t\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n"
        await stream.send_all(f"{head}Connection: close\r\n\r\n".encode() + packed)
        while await stream.receive_some():
            pass
    assert heard == [("gzip", packed)]


async def test_who_answers_before_he_has_read_everything_is_heard(serve_on_loopback, dial):
    async def upstream(request):
        return Response(413, (), (b"too much",))

    async with relaying(serve_on_loopback, upstream) as port:
        stream = await dial(port)
        size = 64 * 1024 * 1024
        await stream.send_all(
            f"PUT / HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode()
        )
        answer = b""
        async with trio.open_nursery() as nursery:

            async def send():
                with suppress(trio.BrokenResourceError):
                    for _ in range(size // 65536):
                        await stream.send_all(bytes(65536))

            nursery.start_soon(send)
            with trio.fail_after(20), suppress(trio.BrokenResourceError):
                while part := await stream.receive_some():
                    answer += part
            nursery.cancel_scope.cancel()
    assert answer.startswith(b"HTTP/1.1 413 ")
