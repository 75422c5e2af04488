"""Garbage for the HTTP server: every connection ends, with answers or a hang-up, in time and without a bug."""

import itertools
import logging

import trio
import trio.testing
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from searches import examples

from pikube.api.errors import BadRequest
from pikube.wire.connection import Connection
from pikube.wire.messages import Peer, Response, StreamResponse
from pikube.wire.remote_command import accept_remote_command

GOOD = (
    b"GET /api?x=%ff HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
    b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"PUT /body HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    b"GET /stream HTTP/1.0\r\n\r\n",
    b"GET /exec?command=x&stdout=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n\x82\x83abcd\x00\x01\x02",
    b"GET /exec?command=x&stdin=1&stdout=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
    b"X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n\x80\x03\x00\x01\x00\x00\x00\x0a\x00\x00\x00\x01",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
)
BITS = st.one_of(
    st.sampled_from(GOOD),
    st.binary(max_size=60),
    st.sampled_from(
        (b"\r\n", b"\r\n\r\n", b"\x00", b"GET ", b" HTTP/1.1\r\n", b"Content-Length: -1\r\n", b"%", b":" * 9)
    ),
)


@st.composite
def conversations(draw):
    """Requests, some of them damaged, cut into pieces."""
    data = bytearray(b"".join(draw(st.lists(BITS, min_size=1, max_size=4))))
    for _ in range(draw(st.integers(0, 3))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    edges = [0, *cuts, draw(st.sampled_from((len(data), len(data) // 2)))]
    return [bytes(data[a:b]) for a, b in itertools.pairwise(edges) if a < b]


async def handle(request):
    """What a real handler may do with any request."""
    if request.path == "/stream":

        async def run(send):
            for _ in range(3):
                await send(b"part\n")

        return StreamResponse(200, (), run)
    if request.path == "/exec":

        async def command(session):
            await session.send_stdout(await session.receive_stdin() or b"-")
            await session.finish(0)

        return accept_remote_command(request, command)
    if not request.path.startswith("/"):
        raise BadRequest("no path")
    return Response(200, (("Content-Type", "text/plain"),), (await request.body(1000),))


@examples(300, suppress_health_check=[HealthCheck.too_slow])
@given(conversations(), st.booleans())
def test_a_connection_answers_or_ends_whatever_comes(pieces, hangs_up):
    hangs_up = hangs_up or b"Upgrade" in b"".join(pieces)  # a command's streams may rest for ever
    bugs = Bugs()
    logger = logging.getLogger("pikube.wire")
    logger.addHandler(bugs)
    clock = trio.testing.MockClock(autojump_threshold=0)
    try:
        answers = trio.run(converse, pieces, hangs_up, clock=clock)
    finally:
        logger.removeHandler(bugs)
    assert not bugs.seen
    assert answers == b"" or answers.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in answers.split(b"\r\n", 1)[0]


async def converse(pieces, hangs_up):
    """All that the server says; it must have ended within ten minutes of its own clock."""
    near, far = trio.testing.memory_stream_pair()
    connection = Connection(far, Peer("10.0.0.9", 4), handle, trio.CapacityLimiter(1))
    answers = bytearray()

    async def serve():
        await connection.run()
        await far.aclose()

    async def listen():
        try:
            while data := await near.receive_some():
                answers.extend(data)
        except trio.BrokenResourceError:
            pass

    with trio.fail_after(600):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            nursery.start_soon(listen)
            try:
                for piece in pieces:
                    await near.send_all(piece)
                if hangs_up:
                    await near.send_stream.aclose()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass
    return bytes(answers)


class Bugs(logging.Handler):
    """Log lines about errors that nobody expected."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.seen = []

    def emit(self, record):
        self.seen.append(record.getMessage())
