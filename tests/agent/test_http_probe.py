"""HTTP probes against a real server on loopback: headers, TLS, what is a success, what is said of a failure."""

import ssl

import pytest
import trio
import trustme

from pikube.agent.pods.probes import ProbeFailure, run_handler
from pikube.api.kinds.core_container import Container as Declared
from pikube.api.kinds.core_container import ContainerPort, HTTPGetAction, HTTPHeader, Probe


class Server:
    """Answers with one status and keeps what it was asked."""

    def __init__(self, status=200, tls=None):
        self.status, self.tls, self.asked = status, tls, b""

    async def __call__(self, stream):
        if self.tls is not None:
            stream = trio.SSLStream(stream, self.tls, server_side=True, https_compatible=True)
        try:
            while b"\r\n\r\n" not in self.asked:
                data = await stream.receive_some()
                if not data:
                    return
                self.asked += data
            await stream.send_all(f"HTTP/1.1 {self.status} Whatever\r\nLocation: /\r\n\r\n".encode())
        except trio.BrokenResourceError:
            return


async def ask(server, *, timeout_s=5.0, **action):
    """What the probe says of the server; its port has the name web."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, server, 0)
        port = listeners[0].socket.getsockname()[1]
        declared = Declared(name="c", ports=(ContainerPort(name="web", container_port=port),))
        probe = Probe(http_get=HTTPGetAction(**{"port": "web", "scheme": "HTTP", "path": "/", **action}))
        try:
            await run_handler(probe, "id", "127.0.0.1", None, declared, timeout_s)
        except ProbeFailure as failure:
            return str(failure).replace(str(port), "PORT")
        finally:
            nursery.cancel_scope.cancel()
    return ""


async def test_a_named_port_a_path_and_headers_are_asked():
    server = Server()
    headers = (HTTPHeader(name="Host", value="example.com"), HTTPHeader(name="X-Token", value="abc"))
    assert await ask(server, path="/healthz?full=1", http_headers=headers) == ""
    head = server.asked.decode().split("\r\n")
    assert head[0] == "GET /healthz?full=1 HTTP/1.1"
    assert "Host: example.com" in head and "X-Token: abc" in head
    assert sum(line.startswith("Host:") for line in head) == 1
    assert any(line.startswith("User-Agent: kube-probe/") for line in head)


@pytest.mark.parametrize("status", [200, 204, 301, 399])
async def test_200_to_399_is_a_success(status):
    assert await ask(Server(status)) == ""


@pytest.mark.parametrize("status", [400, 404, 500, 503])
async def test_everything_else_is_a_failure(status):
    assert await ask(Server(status)) == f"HTTP probe failed with statuscode: {status}"


async def test_a_certificate_that_nobody_signed_is_good_enough():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("elsewhere.example").configure_cert(context)
    assert await ask(Server(tls=context), scheme="HTTPS") == ""


async def test_what_fails_is_said_with_its_address():
    assert await ask(Server(), scheme="HTTPS", timeout_s=2) != "", "a server without TLS"
    assert await ask(Server(), port="none") == 'strconv.Atoi: parsing "none": invalid syntax'
    refused = await ask(Server(), port=9)
    assert refused.startswith('Get "http://127.0.0.1:9/": dial tcp 127.0.0.1:9: connect: connection refused')


async def test_a_server_that_says_nothing_runs_into_the_time_out():
    async def silent(stream):
        await trio.sleep_forever()

    assert await ask(silent, timeout_s=0.1) == "context deadline exceeded"
