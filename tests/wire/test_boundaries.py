"""Bytes arrive in pieces of any size: what is understood does not depend on where they are cut."""

import itertools

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import examples

from pikube.wire.client import Lines
from pikube.wire.connection import Connection
from pikube.wire.messages import Peer, Response

REQUESTS = (
    b"POST /a?x=1 HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello"
    b"POST /b HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    b"GET /c HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
)
SEEN = [("POST", "/a", "x=1", b"hello"), ("POST", "/b", "", b"abcde"), ("GET", "/c", "", b"")]


def pieces(data, cuts):
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@examples(50)
@given(st.lists(st.integers(1, len(REQUESTS) - 1), max_size=12))
async def test_requests_cut_anywhere_are_the_same_requests(cuts):
    seen = []

    async def handler(request):
        body = await request.body(1000)
        seen.append((request.method, request.path, request.query, body))
        return Response(200, (), (b"ok",))

    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Connection(far, Peer("", 0), handler, trio.CapacityLimiter(1)).run)
        for piece in pieces(REQUESTS, cuts):
            await near.send_all(piece)
            await trio.testing.wait_all_tasks_blocked()
    assert seen == SEEN


class Pieces:
    """Stands for an Exchange whose body comes in these pieces."""

    def __init__(self, parts):
        self._parts = [*filter(None, parts), b""]

    async def chunk(self):
        await trio.lowlevel.checkpoint()
        return self._parts.pop(0)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=8), st.data())
async def test_lines_cut_anywhere_are_the_same_lines(lines, data):
    body = b"\n".join(lines)
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=10))
    got = [line async for line in Lines(Pieces(pieces(body, cuts)), None)]
    assert got == [line for line in lines if line]
