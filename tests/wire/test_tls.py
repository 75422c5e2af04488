"""The server's side of TLS: what arrives, in which order, and what is left whole when something is cut short."""

import os
import ssl
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from pikube.wire.tls import TlsStream

LONG = bytes(range(256)) * 40_000  # 10 MB: more than two sockets' buffers


@asynccontextmanager
async def pair(certificates, *, does_handshake=True):
    """(our TlsStream, a client's trio.SSLStream) over a real socket."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    near = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
    far = await listener.accept()
    server = certificates.server_context()
    server.num_tickets = 0  # as ours; a client that closes without reading them resets the connection
    ours = TlsStream(far, server)
    context = certificates.client_context("", "")
    theirs = trio.SSLStream(near, context, server_hostname="127.0.0.1", https_compatible=True)
    async with listener, ours:
        try:
            with trio.fail_after(20):
                if does_handshake:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(ours.do_handshake)
                        nursery.start_soon(theirs.do_handshake)
                yield ours, theirs
        finally:
            await trio.aclose_forcefully(theirs)


async def read_all(stream, size):
    data = bytearray()
    while len(data) < size:
        chunk = await stream.receive_some(65_536)
        assert chunk, f"it ended after {len(data)} bytes"
        data += chunk
    return bytes(data)


async def test_both_sides_send_much_at_once(certificates):
    got = {}
    async with pair(certificates) as (ours, theirs):

        async def read(name, stream):
            got[name] = await read_all(stream, len(LONG))

        async with trio.open_nursery() as nursery:
            for name, stream in (("ours", ours), ("theirs", theirs)):
                nursery.start_soon(read, name, stream)
                nursery.start_soon(stream.send_all, LONG)
    assert got == {"ours": LONG, "theirs": LONG}


async def test_a_client_that_sends_all_before_it_reads_is_heard(certificates):
    async with pair(certificates) as (ours, theirs), trio.open_nursery() as nursery:
        nursery.start_soon(ours.send_all, LONG)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(theirs.send_all, LONG)
        assert await read_all(ours, len(LONG)) == LONG
        assert await read_all(theirs, len(LONG)) == LONG


async def test_what_a_cut_send_left_goes_out_first(certificates):
    async with pair(certificates) as (ours, theirs):
        with trio.move_on_after(0.05) as scope:
            await ours.send_all(LONG)
        assert scope.cancelled_caught
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ours.send_all, b"and then this")
            assert await read_all(theirs, len(LONG) + 13) == LONG + b"and then this"


async def test_who_is_cancelled_loses_no_bytes(certificates):
    async with pair(certificates) as (ours, theirs):
        got = bytearray()

        async def receive():
            got.extend(await ours.receive_some())

        for turns in range(3):
            await theirs.send_all(b"next request")
            await trio.lowlevel.wait_readable(ours.transport_stream.socket)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(receive)
                for _ in range(turns):
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
            if len(got) < 12:
                got.extend(await ours.receive_some())
            assert bytes(got) == b"next request", turns
            got.clear()


async def test_two_senders_wait_for_one_another(certificates):
    async with pair(certificates) as (ours, theirs), trio.open_nursery() as nursery:
        nursery.start_soon(ours.send_all, LONG)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ours.send_all, b"second")
        assert await read_all(theirs, len(LONG) + 6) == LONG + b"second"


@pytest.mark.parametrize("is_polite", [True, False])
async def test_a_client_that_closes_ends_the_stream(certificates, is_polite):
    async with pair(certificates) as (ours, theirs):
        await theirs.send_all(b"bye")
        assert await read_all(ours, 3) == b"bye"
        await (theirs if is_polite else theirs.transport_stream).aclose()
        assert await ours.receive_some() == b""


async def test_our_goodbye_is_heard(certificates):
    async with pair(certificates) as (ours, theirs):
        await ours.aclose()
        assert await theirs.receive_some() == b""
        with pytest.raises(trio.ClosedResourceError):
            await ours.receive_some()
        with pytest.raises(trio.ClosedResourceError):
            await ours.send_all(b"x")


async def test_closing_ends_who_waits(certificates):
    async with pair(certificates) as (ours, _theirs):

        async def wait():
            with pytest.raises(trio.ClosedResourceError):
                await ours.receive_some()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            await ours.aclose()


async def test_garbage_breaks_the_handshake_and_the_stream(certificates):
    async with pair(certificates, does_handshake=False) as (ours, theirs):
        await theirs.transport_stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError) as caught:
            await ours.do_handshake()
        assert isinstance(caught.value.__cause__, ssl.SSLError)
    async with pair(certificates) as (ours, theirs):
        await theirs.transport_stream.send_all(os.urandom(500))
        with pytest.raises(trio.BrokenResourceError):
            await ours.receive_some()


async def test_a_client_with_much_to_say_lets_others_run(certificates):
    async with pair(certificates) as (ours, theirs):
        await theirs.send_all(b"x" * 60_000)
        await read_all(ours, 1)
        turns = 0

        async def other():
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            for _ in range(20):
                await ours.receive_some(100)
            nursery.cancel_scope.cancel()
        assert turns >= 10
