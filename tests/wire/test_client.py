"""The API client against a server on loopback: answers, errors, lost connections, several leaders."""

import json
import ssl
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError, Conflict, Forbidden, NotFound, Resource, Unauthorized
from pikube.wire import client as client_module
from pikube.wire.client import error_of, open_api_connection
from pikube.wire.messages import Response, StreamResponse
from pikube.wire.server import listen


async def echo(request):
    if request.path == "/missing":
        raise NotFound.of(Resource("apps", "deployments"), "web")
    if request.path == "/page":
        return Response(502, (), (b"<html>bad gateway</html>",))
    seen = {
        "method": request.method,
        "path": request.raw_path,
        "query": request.query,
        "body": (await request.body(1000)).decode(),
        "type": request.headers.get("content-type", ""),
        "authorization": request.headers.get("authorization", ""),
        "encoding": request.headers.get("accept-encoding", ""),
        "peer": request.peer.common_name,
    }
    return Response(200, (), (json.dumps(seen).encode(),))


def lines_of(*lines, cut=False):
    async def handler(request):
        async def run(send):
            for line in lines:
                await send(line)
            if cut:
                raise Conflict("in the middle")

        return StreamResponse(200, (), run)

    return handler


def url(port):
    return f"http://127.0.0.1:{port}"


async def closed_port():
    (listener,) = await listen("127.0.0.1", 0)
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    return port


async def test_a_request_arrives_as_it_was_meant(serve_on_loopback, certificates):
    async with serve_on_loopback(echo, certificates.server_context()) as (port, _):
        context = certificates.client_context("system:node:b1")
        urls = [f"https://127.0.0.1:{port}/"]
        async with open_api_connection(urls, context, token="abc") as api:
            body = await api.request(
                "PATCH", "/api/v1/a%20b", {"x": "1,2"}, b"{}", "application/json-patch+json"
            )
    assert json.loads(body) == {
        "method": "PATCH",
        "path": "/api/v1/a%20b",
        "query": "x=1%2C2",
        "body": "{}",
        "type": "application/json-patch+json",
        "authorization": "Bearer abc",
        "encoding": "",
        "peer": "system:node:b1",
    }


async def test_a_status_becomes_its_error(serve_on_loopback):
    async with serve_on_loopback(echo) as (port, _), open_api_connection([url(port)]) as api:
        with pytest.raises(NotFound) as caught:
            await api.request("GET", "/missing")
        assert caught.value.to_status() == NotFound.of(Resource("apps", "deployments"), "web").to_status()
        with pytest.raises(NotFound):
            async with api.stream_lines("/missing"):
                pass


async def test_an_answer_that_is_no_status_is_an_error_too(serve_on_loopback):
    async with serve_on_loopback(echo) as (port, _), open_api_connection([url(port)]) as api:
        with pytest.raises(ApiError, match="<html>bad gateway"):
            await api.request("GET", "/page")
    assert isinstance(error_of(403, b"[]"), Forbidden)


async def test_a_leader_that_is_not_there_is_a_lost_connection():
    async with open_api_connection([url(await closed_port())]) as api:
        with pytest.raises(ConnectionLost, match="cannot be reached: Connection refused"):
            await api.request("GET", "/")
        with pytest.raises(ConnectionLost):
            async with api.stream_lines("/"):
                pass


async def test_a_leader_of_another_authority_is_a_lost_connection(serve_on_loopback, certificates):
    stranger = ssl.create_default_context()
    async with (
        serve_on_loopback(echo, certificates.server_context()) as (port, _),
        open_api_connection([f"https://127.0.0.1:{port}"], stranger) as api,
    ):
        with pytest.raises(ConnectionLost, match="certificate verify failed"):
            await api.request("GET", "/")


async def test_the_next_leader_is_tried_and_kept(serve_on_loopback):
    async with serve_on_loopback(echo) as (port, _):
        urls = [url(await closed_port()), url(port), url(await closed_port())]
        async with open_api_connection(urls) as api:
            assert await api.request("POST", "/", body=b"x")
            assert api.url == url(port)
            assert await api.request("GET", "/")


@asynccontextmanager
async def blunt_server(answers):
    """Answers so many requests on each connection and hangs up at the next; yields its URL and what was asked."""
    asked = []

    async def serve_one(stream):
        for _ in range(answers):
            asked.append((await stream.receive_some())[:4])
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        asked.append((await stream.receive_some())[:4])
        await stream.aclose()

    (listener,) = await listen("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve_one, [listener])
        yield url(listener.socket.getsockname()[1]), asked
        nursery.cancel_scope.cancel()


async def test_a_read_is_asked_anew_when_an_idle_connection_ends_under_it():
    async with blunt_server(1) as (where, asked), open_api_connection([where]) as api:
        assert await api.request("GET", "/") == b"ok"
        assert await api.request("GET", "/") == b"ok"
    assert asked[:3] == [b"GET "] * 3


async def test_a_write_is_not_asked_twice():
    async with blunt_server(1) as (where, asked), open_api_connection([where]) as api:
        assert await api.request("POST", "/") == b"ok"
        with pytest.raises(ConnectionLost, match="hung up"):
            await api.request("POST", "/")
    assert asked == [b"POST"] * 2


async def test_a_leader_that_hangs_up_at_once_is_left_for_the_next(serve_on_loopback):
    async with (
        blunt_server(0) as (where, asked),
        serve_on_loopback(echo) as (port, _),
        open_api_connection([where, url(port)]) as api,
    ):
        with pytest.raises(ConnectionLost, match="hung up"):
            await api.request("GET", "/")
        assert await api.request("GET", "/")
    assert asked == [b"GET "]


async def test_lines_come_one_by_one_wherever_they_are_cut(serve_on_loopback):
    handler = lines_of(b"one\ntw", b"o\n", b"\nthree\nfour")
    async with (
        serve_on_loopback(handler) as (port, _),
        open_api_connection([url(port)]) as api,
        api.stream_lines("/watch", {"watch": "true"}) as lines,
    ):
        assert [line async for line in lines] == [b"one", b"two", b"three", b"four"]


async def test_a_watch_that_is_cut_off_is_a_lost_connection(serve_on_loopback):
    handler = lines_of(b"one\n", cut=True)
    async with (
        serve_on_loopback(handler) as (port, _),
        open_api_connection([url(port)]) as api,
        api.stream_lines("/watch") as lines,
    ):
        assert await anext(lines) == b"one"
        with pytest.raises(ConnectionLost):
            await anext(lines)


async def silence(request):
    async def run(send):
        await send(b"one\n")
        await trio.sleep_forever()

    return StreamResponse(200, (), run)


async def test_silence_longer_than_allowed_is_a_lost_connection(serve_on_loopback, mock_clock):
    async with (
        serve_on_loopback(silence) as (port, _),
        open_api_connection([url(port)]) as api,
        api.stream_lines("/watch", idle_s=1000) as lines,
    ):
        assert await anext(lines) == b"one"
        async with trio.open_nursery() as nursery:

            async def read():
                with pytest.raises(ConnectionLost, match="nothing came for 1000 s"):
                    await anext(lines)

            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(1001)


async def test_silence_without_a_bound_is_borne(serve_on_loopback, mock_clock):
    has_read = False
    async with (
        serve_on_loopback(silence) as (port, _),
        open_api_connection([url(port)]) as api,
        api.stream_lines("/watch") as lines,
    ):
        assert await anext(lines) == b"one"
        async with trio.open_nursery() as nursery:

            async def read():
                nonlocal has_read
                await anext(lines)
                has_read = True

            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(10 * client_module.ANSWER_S)
            await trio.testing.wait_all_tasks_blocked()
            assert not has_read
            nursery.cancel_scope.cancel()


async def test_leaving_a_watch_early_ends_it_at_the_server(serve_on_loopback):
    async with serve_on_loopback(silence) as (port, server), open_api_connection([url(port)]) as api:
        async with api.stream_lines("/watch") as lines:
            await anext(lines)
            assert server.statistics().connections == 1
        while server.statistics().connections:
            await trio.lowlevel.checkpoint()


async def test_a_line_without_end_is_given_up(serve_on_loopback):
    handler = lines_of(*[b"x" * 1_000_000] * 9)
    async with (
        serve_on_loopback(handler) as (port, _),
        open_api_connection([url(port)]) as api,
        api.stream_lines("/watch") as lines,
    ):
        with pytest.raises(ConnectionLost, match="longer than"):
            await anext(lines)


async def test_connections_are_used_again(serve_on_loopback):
    async with serve_on_loopback(echo) as (port, server), open_api_connection([url(port)]) as api:
        for _ in range(3):
            await api.request("POST", "/", body=b"x")
        assert server.statistics().connections == 1
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(api.request, "GET", "/")
        await trio.testing.wait_all_tasks_blocked()
        assert server.statistics().connections <= client_module.IDLE_CONNECTIONS


async def test_a_connection_that_the_leader_has_ended_is_not_used(serve_on_loopback):
    async with serve_on_loopback(echo) as (port, server), open_api_connection([url(port)]) as api:
        await api.request("POST", "/", body=b"x")
        server.stop()
        while server.statistics().connections:
            await trio.lowlevel.checkpoint()
        assert api._idle[0][0].has_ended()


def test_a_url_that_is_none_is_refused():
    with pytest.raises(ValueError, match="not the URL of a leader"):
        client_module.ApiConnection(["10.0.0.1:6443"], None, "")


async def test_abandoned_connections_end_for_whoever_waits_on_them(serve_on_loopback):
    async def handler(request):
        if request.path == "/quick":
            return Response(200, (), (b"{}",))

        async def run(send):
            await send(b"first\n")
            await trio.sleep_forever()

        return StreamResponse(200, (), run)

    async with serve_on_loopback(handler, None) as (port, _), open_api_connection([url(port)]) as api:
        await api.request("GET", "/quick")  # leaves an idle connection behind
        async with api.stream_lines("/watch") as lines:
            assert await anext(lines) == b"first"
            api.abandon()
            with pytest.raises(ConnectionLost):
                await anext(lines)
        assert await api.request("GET", "/quick") == b"{}"  # dialled anew


async def test_troubles_are_told_and_other_leaders_are_used_from_then_on(serve_on_loopback):
    async def stranger(request):
        raise Unauthorized()

    troubles = []
    async with (
        serve_on_loopback(stranger, None) as (port, _),
        serve_on_loopback(echo, None) as (other, _),
        open_api_connection([url(port)]) as api,
    ):
        api.on_trouble = troubles.append
        with pytest.raises(Unauthorized):
            await api.request("GET", "/")
        api.use([url(await closed_port())])
        api.abandon()
        with pytest.raises(ConnectionLost):
            await api.request("GET", "/")
        assert [type(trouble) for trouble in troubles] == [Unauthorized, ConnectionLost]
        api.use([url(other)])
        assert json.loads(await api.request("GET", "/"))["method"] == "GET"
        assert len(troubles) == 2
