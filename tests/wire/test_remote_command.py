"""Exec sessions from the request to the exit status, over WebSocket and SPDY, as kubectl and worse clients do."""

import json
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from wire_clients import WebSocketClient, spdy_upgrade
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from pikube.api.errors import InternalError
from pikube.wire.channels import V1, V1_BASE64, V2, V3, V4, V5
from pikube.wire.remote_command import LEFT_S, STREAMS_S, accept_remote_command
from pikube.wire.spdy_session import open_spdy

ALL = "/exec?command=x&stdin=true&stdout=true&stderr=true"
TTY = "/exec?command=x&stdin=true&stdout=true&stderr=true&tty=true"
OUTPUT = "/exec?command=x&stdout=true&stderr=true"
SUCCESS = {"metadata": {}, "status": "Success"}


async def echo(session):
    """Like `cat`, with a word on stderr and exit code 0."""
    while data := await session.receive_stdin():
        await session.send_stdout(data)
    await session.send_stderr(b"bye")
    await session.finish(0)


async def quit_with_3(session):
    await session.send_stdout(b"out")
    await session.finish(3)


@pytest.fixture
async def websocket(connect):
    """websocket(run) -> a WebSocketClient that is to connect."""

    def make(run):
        async def handler(request):
            return accept_remote_command(request, run)

        return WebSocketClient(connect(handler).stream)

    return make


async def messages(client):
    """Every message up to the server's close."""
    out = []
    while (message := await client.message()) is not None:
        out.append(message)
    return out


async def test_a_command_gets_stdin_and_its_end_over_v5(websocket):
    client = websocket(echo)
    assert await client.connect(ALL, V5) == V5
    assert await client.message() == b"\x01"
    await client.send(BytesMessage(data=b"\x00hello"))
    assert await client.message() == b"\x01hello"
    await client.send(BytesMessage(data=b"\xff\x00"))
    assert await client.message() == b"\x02bye"
    assert json.loads((await client.message())[1:]) == SUCCESS
    assert await client.message() is None
    assert client.close_code == 1000


async def test_the_exit_code_reaches_the_client(websocket):
    client = websocket(quit_with_3)
    assert await client.connect(OUTPUT, V5, V4) == V5
    *_, out, status = await messages(client)
    assert out == b"\x01out"
    assert status[0] == 3
    assert json.loads(status[1:])["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


async def test_a_command_that_cannot_run_says_why(websocket):
    async def fail(session):
        raise InternalError.of("error executing command in container: no such file")

    client = websocket(fail)
    await client.connect(OUTPUT, V4)
    _, status = await messages(client)
    document = json.loads(status[1:])
    assert (document["reason"], document["code"]) == ("InternalError", 500)
    assert "no such file" in document["message"]


async def test_a_bug_in_the_command_is_told_and_logged(websocket, caplog):
    async def bug(session):
        raise ZeroDivisionError

    client = websocket(bug)
    await client.connect(OUTPUT, V5)
    assert await client.message() == b"\x01"
    assert json.loads((await client.message())[1:])["reason"] == "InternalError"
    assert await client.message() is None
    assert "event=request_bug" in caplog.text


@pytest.mark.parametrize("protocol", [V1, None])
async def test_old_clients_get_words_instead_of_a_status(websocket, protocol):
    client = websocket(quit_with_3)
    assert await client.connect(OUTPUT, *filter(None, [protocol])) == protocol
    assert (await messages(client))[-1] == b"\x03command terminated with non-zero exit code: exit status 3"


async def test_base64_is_spoken(websocket):
    async def run(session):
        await session.send_stdout(await session.receive_stdin())
        await session.finish(0)

    client = websocket(run)
    assert await client.connect(ALL, V1_BASE64) == V1_BASE64
    await client.send(TextMessage(data="0aGk="))
    assert await messages(client) == ["1", "1aGk="]


async def test_messages_in_fragments_are_put_together(websocket):
    client = websocket(echo)
    await client.connect(ALL, V5)
    await client.send(BytesMessage(data=b"\x00ab", message_finished=False))
    await client.send(BytesMessage(data=b"cd"))
    assert [await client.message() for _ in range(2)] == [b"\x01", b"\x01abcd"]


async def test_pings_are_answered(websocket):
    client = websocket(echo)
    await client.connect(ALL, V5)
    await client.message()
    await client.send(Ping(payload=b"there?"))
    event = await client.next_event()
    assert isinstance(event, Pong)
    assert event.payload == b"there?"


async def test_the_newest_size_wins(websocket):
    may_look = trio.Event()

    async def run(session):
        await may_look.wait()
        async for width, height in session.sizes():
            await session.send_stdout(f"{width}x{height}".encode())

    client = websocket(run)
    await client.connect(TTY, V5)
    for width in (80, 100, 120):
        await client.send(BytesMessage(data=b'\x04{"Width":%d,"Height":24}' % width))
    await client.send(BytesMessage(data=b"\x04nonsense"))
    await trio.testing.wait_all_tasks_blocked()
    may_look.set()
    assert [await client.message() for _ in range(2)] == [b"\x01", b"\x01120x24"]
    await client.send(BytesMessage(data=b'\x04{"Width":1,"Height":2}'))
    assert await client.message() == b"\x011x2"


@asynccontextmanager
async def command_until_cancelled():
    """(run, an Event set when run was cancelled)"""
    has_begun, was_cancelled = trio.Event(), trio.Event()

    async def run(session):
        try:
            has_begun.set()
            await trio.sleep_forever()
        finally:
            was_cancelled.set()

    yield run, has_begun, was_cancelled


@pytest.mark.parametrize("how", ["close frame", "hang up", "bad message", "too large"])
async def test_the_command_is_cancelled_a_while_after_the_client_left(websocket, how, autojump_clock):
    async with command_until_cancelled() as (run, has_begun, was_cancelled):
        client = websocket(run)
        await client.connect(ALL, V5)
        await has_begun.wait()
        if how == "close frame":
            await client.send(CloseConnection(code=1000))
        elif how == "hang up":
            await client.stream.aclose()
        elif how == "bad message":
            await client.send(BytesMessage(data=b""))
        else:
            await client.send(BytesMessage(data=b"\x00" + b"x" * (1024 * 1024)))
        left_at = trio.current_time()
        await was_cancelled.wait()
        assert trio.current_time() - left_at == pytest.approx(LEFT_S)


@pytest.mark.parametrize("kind", ["websocket", "spdy"])
async def test_what_a_client_sent_before_it_left_is_delivered_and_then_ends(websocket, connect, kind):
    """So Java's fabric8 uploads files: it sends them and hangs up, whether or not the command has begun."""
    is_there, may_begin, is_over, taken = trio.Event(), trio.Event(), trio.Event(), []

    async def run(session):
        is_there.set()
        await may_begin.wait()
        while data := await session.receive_stdin():
            taken.append(data)
            await session.send_stdout(data)
        is_over.set()
        await session.finish(0)

    if kind == "websocket":
        client = websocket(run)
        await client.connect(ALL, V4)
        for part in (b"one", b"two"):
            await client.send(BytesMessage(data=b"\x00" + part))
        await client.send(CloseConnection(code=1000))
        await client.stream.aclose()
    else:
        async with spdy_client(connect, run, ALL) as (_, streams, _):
            await is_there.wait()
            for part in (b"one", b"two"):
                await streams["stdin"].send_all(part)
    may_begin.set()
    with trio.fail_after(5):
        await is_over.wait()
    assert b"".join(taken) == b"onetwo"


async def test_a_command_that_floods_a_client_who_left_is_cancelled(websocket):
    was_cancelled = trio.Event()

    async def flood(session):
        try:
            while True:
                await session.send_stdout(b"x" * 1000)
        finally:
            was_cancelled.set()

    client = websocket(flood)
    await client.connect(OUTPUT, V5)
    await client.stream.aclose()
    await was_cancelled.wait()


async def test_stdin_that_was_not_asked_for_is_dropped(websocket):
    done = trio.Event()

    async def run(session):
        await done.wait()
        await session.finish(0)

    client = websocket(run)
    await client.connect(OUTPUT, V5)
    for _ in range(50):
        await client.send(BytesMessage(data=b"\x00noise"))
    await trio.testing.wait_all_tasks_blocked()
    done.set()
    assert json.loads((await messages(client))[-1][1:]) == SUCCESS


async def test_a_command_that_ends_before_its_stdin_still_says_how(websocket):
    client = websocket(quit_with_3)
    await client.connect(ALL, V5)
    for _ in range(20):
        await client.send(BytesMessage(data=b"\x00more and more"))
    assert (await messages(client))[-1][0] == 3


async def test_a_client_that_speaks_nothing_we_know_is_refused(websocket):
    assert await websocket(echo).connect(ALL, "v9.channel.k8s.io") == 400


async def test_a_command_without_streams_is_refused(websocket):
    assert await websocket(echo).connect("/exec?command=ls", V5) == 400


@asynccontextmanager
async def spdy_client(connect, run, target, protocols=(V4,), types=("error", "stdin", "stdout", "stderr")):
    """(SpdyConnection in the client role, its streams by type)"""

    async def handler(request):
        return accept_remote_command(request, run)

    stream = connect(handler).stream
    status, headers, rest = await spdy_upgrade(stream, target, *protocols)
    assert status == 101
    assert headers["upgrade"] == "spdy/3.1"
    async with open_spdy(stream, rest, is_server=False) as connection:
        streams = {name: await connection.open_stream({"streamType": name}) for name in types}
        yield connection, streams, headers["x-stream-protocol-version"]
        await stream.aclose()


async def read_all(stream):
    data = b""
    while part := await stream.receive_some():
        data += part
    return data


@pytest.mark.parametrize("protocols, chosen", [((V4, V3, V2, V1), V4), ((V5, V4), V5)])
async def test_a_command_runs_over_spdy(connect, protocols, chosen):
    async with spdy_client(connect, echo, ALL, protocols) as (_, streams, protocol):
        assert protocol == chosen
        await streams["stdin"].send_all(b"hello")
        await streams["stdin"].send_eof()
        assert await read_all(streams["stdout"]) == b"hello"
        assert await read_all(streams["stderr"]) == b"bye"
        assert json.loads(await read_all(streams["error"])) == SUCCESS


@pytest.mark.parametrize("protocol", [V3, V2, V1])
async def test_old_spdy_protocols_get_words(connect, protocol):
    types = ("error", "stdout", "stderr")
    async with spdy_client(connect, quit_with_3, OUTPUT, (protocol,), types) as (_, streams, _):
        assert await read_all(streams["stdout"]) == b"out"
        assert (
            await read_all(streams["error"]) == b"command terminated with non-zero exit code: exit status 3"
        )


async def test_a_terminal_over_spdy_is_resized(connect):
    async def run(session):
        async for width, height in session.sizes():
            await session.send_stdout(f"{width}x{height};".encode())
            if width == 3:
                await session.finish(0)
                return

    types = ("error", "stdin", "stdout", "resize")
    async with spdy_client(connect, run, TTY, types=types) as (_, streams, _):
        await streams["resize"].send_all(b'{"Width":1,"Hei')
        await streams["resize"].send_all(b'ght":2}\n')
        assert await streams["stdout"].receive_some() == b"1x2;"
        await streams["resize"].send_all(b'oops\n{"Width":3,"Height":4}\n')
        assert await read_all(streams["stdout"]) == b"3x4;"


async def test_a_spdy_client_that_leaves_cancels_the_command_a_while_later(connect, autojump_clock):
    async with command_until_cancelled() as (run, has_begun, was_cancelled):
        async with spdy_client(connect, run, ALL):
            await has_begun.wait()
        await was_cancelled.wait()


async def test_a_spdy_client_that_opens_no_streams_is_given_up(connect, autojump_clock):
    start = trio.current_time()
    async with spdy_client(connect, echo, ALL, types=("error", "stdin", "stdin")) as (connection, streams, _):
        with pytest.raises(trio.BrokenResourceError):
            await streams["stdin"].receive_some()
        await connection.closed.wait()
    assert trio.current_time() - start >= STREAMS_S


async def test_a_spdy_client_that_keeps_sending_gets_the_end_of_a_command_that_does_not_read(connect):
    may_end = trio.Event()

    async def run(session):
        await may_end.wait()
        await session.finish(0)

    async with spdy_client(connect, run, ALL) as (_, streams, _), trio.open_nursery() as nursery:

        async def flood():
            for _ in range(100):
                await streams["stdin"].send_all(b"x" * 32_768)

        nursery.start_soon(flood)
        await trio.testing.wait_all_tasks_blocked()
        may_end.set()
        assert json.loads(await read_all(streams["error"])) == SUCCESS


async def test_a_spdy_client_that_speaks_nothing_we_know_is_refused(connect):
    async def handler(request):
        return accept_remote_command(request, echo)

    assert (await spdy_upgrade(connect(handler).stream, ALL, "v9"))[0] == 403
