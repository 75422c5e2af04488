"""The server on loopback: TLS, who the client is, limits, and how it stops."""

import json
import ssl

import pytest
import trio
import trio.testing

from pikube.wire import server as server_module
from pikube.wire.messages import Response, StreamResponse


async def who(request):
    peer = request.peer
    text = json.dumps(
        [peer.host, peer.common_name, sorted(peer.organizations), len(peer.certificate_der) > 0]
    )
    return Response(200, (), (text.encode(),))


async def get(stream, path="/"):
    await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".encode())
    data = b""
    while part := await stream.receive_some():
        data += part
    return data.partition(b"\r\n\r\n")[2]


async def test_a_client_certificate_says_who_the_client_is(serve_on_loopback, certificates, dial):
    context = certificates.client_context("system:node:b1", "system:nodes")
    async with serve_on_loopback(who, certificates.server_context()) as (port, _):
        body = await get(await dial(port, context))
    assert json.loads(body) == ["127.0.0.1", "system:node:b1", ["system:nodes"], True]


async def test_a_client_without_certificate_is_nobody(serve_on_loopback, certificates, dial):
    async with serve_on_loopback(who, certificates.server_context()) as (port, _):
        body = await get(await dial(port, certificates.client_context()))
    assert json.loads(body) == ["127.0.0.1", "", [], False]


async def test_plain_tcp_serves_too(serve_on_loopback, dial):
    async with serve_on_loopback(who) as (port, _):
        assert json.loads(await get(await dial(port)))[0] == "127.0.0.1"


async def test_a_unix_socket_serves_too(tmp_path, nursery):
    socket = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
    await socket.bind(str(tmp_path / "s"))
    socket.listen(5)
    await nursery.start(server_module.serve, who, [trio.SocketListener(socket)], None)
    async with await trio.open_unix_socket(tmp_path / "s") as stream:
        assert json.loads(await get(stream))[0] == ""
    nursery.cancel_scope.cancel()


async def test_a_handshake_that_fails_leaves_the_server_alone(serve_on_loopback, certificates, dial):
    async with serve_on_loopback(who, certificates.server_context()) as (port, _):
        stranger = ssl.create_default_context()
        with pytest.raises(trio.BrokenResourceError):
            await (await dial(port, stranger)).do_handshake()
        plain = await dial(port)
        await plain.send_all(b"GET / HTTP/1.1\r\n\r\n")
        while await plain.receive_some():
            pass
        assert await get(await dial(port, certificates.client_context()))


async def test_connections_over_the_limit_are_refused_and_slots_come_back(serve_on_loopback, dial):
    async with serve_on_loopback(who, max_connections=1) as (port, server):
        first = await dial(port)
        await first.send_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        await first.receive_some()
        second = await dial(port)
        assert await second.receive_some() == b""
        assert (server.statistics().connections, server.statistics().refused) == (1, 1)
        assert await get(first)
        await trio.testing.wait_all_tasks_blocked()
        third = await dial(port)
        assert await get(third)
        await trio.testing.wait_all_tasks_blocked()
        assert server.statistics().connections == 0


async def test_stopping_finishes_requests_and_refuses_new_ones(certificates, dial):
    has_begun, may_end = trio.Event(), trio.Event()

    async def slow(request):
        has_begun.set()
        await may_end.wait()
        return Response(200, (), (b"finished",))

    listeners = await server_module.listen("127.0.0.1", 0)
    port = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as outer:
        scope = trio.CancelScope()

        async def run(task_status=trio.TASK_STATUS_IGNORED):
            with scope:
                await server_module.serve(slow, listeners, None, task_status=task_status)

        await outer.start(run)
        busy = await dial(port)
        await busy.send_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        idle = await dial(port)
        await has_begun.wait()
        scope.cancel()
        assert await idle.receive_some() == b""
        with pytest.raises(OSError, match="connect"):
            await dial(port)
        may_end.set()
        data = b""
        while part := await busy.receive_some():
            data += part
        assert data.endswith(b"finished")


async def test_stopping_does_not_wait_for_ever(serve_on_loopback, dial):
    has_begun = trio.Event()

    async def stuck(request):
        has_begun.set()
        await trio.sleep_forever()

    async with serve_on_loopback(stuck, grace_s=0.01) as (port, _):
        client = await dial(port)
        await client.send_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        await has_begun.wait()
    assert await client.receive_some() == b""


async def test_stopping_ends_watches_without_grace(serve_on_loopback, dial):
    async def run(send):
        await send(b"event")
        await trio.sleep_forever()

    async def watch(request):
        return StreamResponse(200, (), run)

    with trio.fail_after(5):
        async with serve_on_loopback(watch, grace_s=1000) as (port, _):
            client = await dial(port)
            await client.send_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            await client.receive_some()


async def test_a_renewed_certificate_counts_for_new_connections(serve_on_loopback, certificates, dial):
    context = certificates.server_context()
    async with serve_on_loopback(who, context) as (port, _):
        old = await dial(port, certificates.client_context())
        await old.do_handshake()
        certificates.ca.issue_cert("127.0.0.1", "renewed.test").configure_cert(context)
        new = await dial(port, certificates.client_context())
        await new.do_handshake()
        assert ("DNS", "renewed.test") in new.getpeercert()["subjectAltName"]
        assert await get(old)
