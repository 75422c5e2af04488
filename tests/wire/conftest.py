"""A connection in memory, and a server on loopback with certificates of its own."""

import ssl
from contextlib import asynccontextmanager

import h11
import pytest
import trio
import trio.testing
import trustme

from pikube.wire.connection import Connection
from pikube.wire.messages import Peer
from pikube.wire.server import listen, serve


class Client:
    """A blunt HTTP client on a stream: bytes out, h11 events in."""

    def __init__(self, stream):
        self.stream = stream
        self.h11 = h11.Connection(h11.CLIENT)

    async def send(self, data):
        await self.stream.send_all(data)

    async def request(self, method, target, headers=(), body=b""):
        headers = [("Host", "test"), *headers]
        if body:
            headers.append(("Content-Length", str(len(body))))
        data = self.h11.send(h11.Request(method=method, target=target, headers=headers))
        if body:
            data += self.h11.send(h11.Data(data=body))
        await self.stream.send_all(data + self.h11.send(h11.EndOfMessage()))
        return await self.response()

    async def response(self):
        """(status, headers, body) of the answer to what was sent."""
        if self.h11.our_state is h11.IDLE:  # the request was sent past h11
            self.h11.send(h11.Request(method="GET", target="/", headers=[("Host", "test")]))
            self.h11.send(h11.EndOfMessage())
        head = await self.event()
        body = b""
        while isinstance(event := await self.event(), h11.Data):
            body += bytes(event.data)
        assert isinstance(event, h11.EndOfMessage), event
        if self.h11.our_state is h11.DONE and self.h11.their_state is h11.DONE:
            self.h11.start_next_cycle()
        headers = {name.decode(): value.decode() for name, value in head.headers}
        return head.status_code, headers, body

    async def event(self):
        event = self.h11.next_event()
        while event is h11.NEED_DATA:
            self.h11.receive_data(bytes(await self.stream.receive_some(65536)))
            event = self.h11.next_event()
        return event

    async def is_closed_by_server(self):
        return await self.stream.receive_some(1) == b""


@pytest.fixture
async def connect(nursery):
    """connect(handler) -> a Client whose Connection is served over memory streams."""

    def connect(handler):
        near, far = trio.testing.memory_stream_pair()
        connection = Connection(far, Peer("10.0.0.9", 4), handler, trio.CapacityLimiter(1))

        async def run():
            await connection.run()
            await far.aclose()

        nursery.start_soon(run)
        client = Client(near)
        client.connection = connection
        return client

    return connect


class Certificates:
    def __init__(self):
        self.ca = trustme.CA(key_type=trustme.KeyType.ECDSA)

    def server_context(self, *, verify_mode=ssl.CERT_OPTIONAL):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert("127.0.0.1", "localhost", key_type=trustme.KeyType.ECDSA).configure_cert(context)
        self.ca.configure_trust(context)
        context.verify_mode = verify_mode
        return context

    def client_context(self, common_name="", organization=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ca.configure_trust(context)
        if common_name:
            leaf = self.ca.issue_cert(
                common_name="system:node:b1", organization_name=organization, key_type=trustme.KeyType.ECDSA
            )
            leaf.configure_cert(context)
        return context


@pytest.fixture(scope="session")
def certificates():
    return Certificates()


@asynccontextmanager
async def serving(handler, context=None, **options):
    """A server on loopback; yields its port and the Server."""
    listeners = await listen("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:

        async def start(*, task_status=trio.TASK_STATUS_IGNORED):
            await serve(handler, listeners, context, task_status=task_status, **options)

        server = await nursery.start(start)
        yield listeners[0].socket.getsockname()[1], server
        nursery.cancel_scope.cancel()


@pytest.fixture
def serve_on_loopback():
    return serving


@pytest.fixture
async def dial():
    """dial(port, context=None) -> a client's stream, closed when the test is over."""
    opened = []

    async def dial(port, context=None):
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        if context is not None:
            stream = trio.SSLStream(stream, context, server_hostname="127.0.0.1", https_compatible=True)
        opened.append(stream)
        return stream

    yield dial
    for stream in opened:
        await trio.aclose_forcefully(stream)
