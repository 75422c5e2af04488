"""SPDY streams over a connection in memory: one side ours, the other side ours in the client role, or raw frames."""

from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from pikube.wire import spdy_session
from pikube.wire.spdy import Data, GoAway, Ping, RstStream, SpdyCodec, SynReply, SynStream
from pikube.wire.spdy_session import open_spdy


@asynccontextmanager
async def pair():
    near, far = trio.testing.memory_stream_pair()
    async with open_spdy(near, is_server=False) as client, open_spdy(far) as server:
        yield client, server


class RawClient:
    """Frames by hand."""

    def __init__(self, stream):
        self.stream = stream
        self.codec = SpdyCodec()
        self.frames = []

    async def send(self, *frames):
        await self.stream.send_all(b"".join(self.codec.encode(frame) for frame in frames))

    async def next(self):
        while not self.frames:
            data = await self.stream.receive_some()
            if not data:
                return None
            self.frames = self.codec.receive(bytes(data))
        return self.frames.pop(0)


@pytest.fixture
async def raw(nursery):
    """(a RawClient, the server's SpdyConnection)"""
    near, far = trio.testing.memory_stream_pair()

    async def run(*, task_status):
        async with open_spdy(far) as server:
            task_status.started(server)
            await server.closed.wait()
        await far.aclose()

    server = await nursery.start(run)
    return RawClient(near), server


async def test_bytes_travel_both_ways_and_each_way_ends_by_itself():
    async with pair() as (client, server):
        mine = await client.open_stream({"StreamType": "data", "port": "80"})
        theirs = await server.opened.receive()
        assert theirs.headers == {"streamtype": "data", "port": "80"}
        await mine.send_all(b"question")
        await mine.send_eof()
        assert await theirs.receive_some(4) == b"ques"
        assert await theirs.receive_some() == b"tion"
        assert await theirs.receive_some() == b""
        await theirs.send_all(b"answer")
        await theirs.aclose()
        assert await mine.receive_some() == b"answer"
        assert await mine.receive_some() == b""
        with pytest.raises(trio.ClosedResourceError):
            await mine.send_all(b"more")


async def test_many_streams_do_not_mix():
    async with pair() as (client, server), trio.open_nursery() as nursery:

        async def ask(number):
            stream = await client.open_stream({"n": str(number)})
            data = str(number).encode() * 20_000
            async with trio.open_nursery() as inner:

                async def send():
                    await stream.send_all(data)
                    await stream.send_eof()

                inner.start_soon(send)
                got = b""
                while part := await stream.receive_some():
                    got += part
            assert got == data

        async def echo(stream):
            while part := await stream.receive_some():
                await stream.send_all(part)
            await stream.aclose()

        for number in range(10):
            nursery.start_soon(ask, number)
        for _ in range(10):
            nursery.start_soon(echo, await server.opened.receive())


async def test_a_reader_that_sleeps_stops_the_sender():
    async with pair() as (client, server):
        mine = await client.open_stream({})
        theirs = await server.opened.receive()
        sent = 0
        async with trio.open_nursery() as nursery:

            async def send():
                nonlocal sent
                for _ in range(100):
                    await mine.send_all(b"x" * 32_768)
                    sent += 32_768
                await mine.send_eof()

            nursery.start_soon(send)
            await trio.testing.wait_all_tasks_blocked()
            held = theirs._chunks
            assert spdy_session.STREAM_BYTES <= len(held) < spdy_session.STREAM_BYTES + 65_536
            size = 0
            while part := await theirs.receive_some():
                size += len(part)
        assert size == sent == 100 * 32_768


async def test_what_comes_for_a_closed_stream_is_dropped_and_others_go_on(raw):
    client, server = raw
    await client.send(SynStream(1, {}), SynStream(3, {}))
    first, second = await server.opened.receive(), await server.opened.receive()
    await first.aclose()
    await client.send(Data(1, b"x" * 500_000), Data(3, b"y"))
    assert await second.receive_some() == b"y"


async def test_a_reset_breaks_a_stream_only(raw):
    client, server = raw
    await client.send(SynStream(1, {}), SynStream(3, {}))
    first, second = await server.opened.receive(), await server.opened.receive()
    await client.send(RstStream(1, 5), Data(3, b"y"))
    assert await second.receive_some() == b"y"
    with pytest.raises(trio.BrokenResourceError):
        await first.receive_some()
    with pytest.raises(trio.BrokenResourceError):
        await first.send_all(b"x")


async def test_the_end_of_the_connection_breaks_open_streams(raw):
    client, server = raw
    await client.send(SynStream(1, {}), SynStream(3, {}), Data(3, b"last", True))
    first, second = await server.opened.receive(), await server.opened.receive()
    await client.stream.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await first.receive_some()
    assert await second.receive_some() == b"last"
    assert await second.receive_some() == b""
    with pytest.raises(trio.EndOfChannel):
        await server.opened.receive()


async def test_pings_of_the_client_are_answered(raw):
    client, _ = raw
    await client.send(Ping(1), Ping(2), Ping(3))
    assert await client.next() == Ping(1)
    assert await client.next() == Ping(3)


async def test_streams_are_replied_to(raw):
    client, _ = raw
    await client.send(SynStream(1, {"a": "b"}))
    assert await client.next() == SynReply(1, {})


async def test_a_stream_opened_with_its_end_has_no_data(raw):
    client, server = raw
    await client.send(SynStream(1, {}, is_final=True))
    stream = await server.opened.receive()
    assert await stream.receive_some() == b""
    await stream.send_all(b"still open this way")
    assert await client.next() == SynReply(1, {})
    assert await client.next() == Data(1, b"still open this way")


@pytest.mark.parametrize("second", [1, 2, 3])
async def test_stream_ids_only_grow_and_are_odd(raw, second):
    client, server = raw
    await client.send(SynStream(3, {}), SynStream(second, {}))
    assert await client.next() == SynReply(3, {})
    assert await client.next() == GoAway(3, 1)
    await server.closed.wait()


async def test_too_many_streams_are_refused(raw):
    client, server = raw
    for number in range(spdy_session.MAX_STREAMS + 1):
        await client.send(SynStream(2 * number + 1, {}))
        expected = SynReply if number < spdy_session.MAX_STREAMS else RstStream
        assert isinstance(await client.next(), expected)
    stream = await server.opened.receive()
    await stream.aclose()
    await client.send(SynStream(9999, {}))
    assert await client.next() == Data(1, b"", True)
    assert await client.next() == SynReply(9999, {})


async def test_a_sender_that_is_cancelled_in_the_middle_of_a_frame_ends_the_connection():
    near, far = trio.testing.lockstep_stream_pair()
    async with trio.open_nursery() as nursery:

        async def read_nothing(*, task_status):
            async with open_spdy(far) as server:
                task_status.started(server)
                await trio.sleep_forever()

        server = await nursery.start(read_nothing)
        async with trio.open_nursery() as inner:
            inner.start_soon(server.send, Ping(2))
            await trio.testing.wait_all_tasks_blocked()
            inner.cancel_scope.cancel()
        with pytest.raises(trio.BrokenResourceError):
            await server.send(Ping(4))
        await near.aclose()
        nursery.cancel_scope.cancel()


async def test_bytes_read_with_the_request_come_first():
    near, far = trio.testing.memory_stream_pair()
    early = SpdyCodec().encode(SynStream(1, {"a": "b"}))
    async with open_spdy(far, early) as server:
        assert (await server.opened.receive()).headers == {"a": "b"}
    assert near
