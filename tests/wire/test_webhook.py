"""Webhooks asked over real TLS on loopback: what is kept, what is said when there is no answer."""

import ssl

import pytest
import trio
import trustme

from pikube.wire.messages import Response
from pikube.wire.server import serve
from pikube.wire.webhook import Target, WebhookCaller, WebhookFailed

NAME = "hook.default.svc"


class Hook:
    """A server of its own authority; `answer` is what it says, `peers` who asked, by their port."""

    def __init__(self, name=NAME):
        self.authority = trustme.CA()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name).configure_cert(self.context)
        self.answer = Response(200, (), (b"{}",))
        self.peers = []
        self.asked = []
        self.agent = ""
        self.gate = trio.Event()
        self.gate.set()

    async def __call__(self, request):
        self.asked.append((request.method, request.path, await request.body(1000), request.headers["host"]))
        self.agent = request.headers["user-agent"]
        self.peers.append(request.peer.port)
        await self.gate.wait()
        return self.answer

    async def start(self, nursery):
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        await nursery.start(serve, self, listeners, self.context)

    def target(self, name=NAME, ca=None):
        ca = self.authority.cert_pem.bytes() if ca is None else ca
        return Target(
            f"https://{name}:443/check?timeout=5s", "/check?timeout=5s", ("127.0.0.1", self.port), name, ca
        )


@pytest.fixture
async def caller(nursery, request):
    caller = WebhookCaller(**getattr(request, "param", {}))
    yield caller
    await caller.aclose()
    nursery.cancel_scope.cancel()


@pytest.fixture
async def hook(nursery):
    hook = Hook()
    await hook.start(nursery)
    return hook


async def failure(caller, target, timeout_s=5.0):
    with pytest.raises(WebhookFailed) as failed:
        await caller.post(target, b"{}", timeout_s)
    return str(failed.value).removeprefix(f'failed to call webhook: Post "{target.url}": ')


async def test_a_question_reaches_the_one_whose_certificate_has_the_name(caller, hook):
    assert await caller.post(hook.target(), b'{"a":1}', 5) == b"{}"
    assert hook.asked == [("POST", "/check", b'{"a":1}', NAME)]
    assert hook.agent == "kube-apiserver-admission"  # upstream's, which webhooks' logs and filters know


async def test_a_connection_is_kept_for_the_next_question(caller, hook):
    for _ in range(3):
        await caller.post(hook.target(), b"{}", 5)
    assert len(set(hook.peers)) == 1


async def test_words_of_what_went_wrong_are_those_of_go(caller, hook):
    other = hook.target("other.default.svc")
    assert await failure(caller, other) == (
        "tls: failed to verify certificate: x509: Hostname mismatch, certificate is not valid for "
        "'other.default.svc'."
    )
    stranger = hook.target(ca=trustme.CA().cert_pem.bytes())
    assert (await failure(caller, stranger)).startswith("tls: failed to verify certificate: x509: ")
    assert (await failure(caller, hook.target(ca=b"no PEM"))).startswith("unable to load root certificates: ")
    gone = Target("https://gone/", "/", ("127.0.0.1", 1), NAME, hook.authority.cert_pem.bytes())
    assert await failure(caller, gone) == "dial tcp 127.0.0.1:1: connect: connection refused"
    hook.gate = trio.Event()
    assert await failure(caller, hook.target(), 0.2) == "context deadline exceeded"
    hook.gate.set()  # else the server waits for the answer in the making


async def test_one_that_hangs_up_is_an_end_of_file(caller, hook, nursery):
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def hang_up(stream):
        tls = trio.SSLStream(stream, hook.context, server_side=True, https_compatible=True)
        await tls.receive_some(1000)
        await tls.aclose()

    await nursery.start(trio.serve_listeners, hang_up, listeners)
    hook.port = listeners[0].socket.getsockname()[1]
    assert (await failure(caller, hook.target())).startswith("EOF")


@pytest.mark.parametrize("caller", [{"answer_bytes": 1000}], indirect=True)
async def test_answers_have_a_measure(caller, hook):
    hook.answer = Response(200, (), (b"x" * 600, b"y" * 600))
    assert await failure(caller, hook.target()) == "the answer is larger than 1000 bytes"
    hook.answer = Response(503, (), (b"later",))
    with pytest.raises(WebhookFailed, match=r"an error on the server \('later'\) .* \(code 503\)"):
        await caller.post(hook.target(), b"{}", 5)


@pytest.mark.parametrize("caller", [{"kept": 1}], indirect=True)
async def test_an_authority_more_than_are_kept_hurts_no_question_that_waits(caller, hook, nursery):
    answers = []
    hook.gate = trio.Event()

    async def ask():
        answers.append(await caller.post(hook.target(), b"slow", 5))

    nursery.start_soon(ask)
    while not hook.asked:
        await trio.lowlevel.checkpoint()
    other = Hook()
    await other.start(nursery)
    assert await caller.post(other.target(), b"{}", 5) == b"{}"
    hook.gate.set()
    while not answers:
        await trio.lowlevel.checkpoint()
    assert answers == [b"{}"] and len(caller._clients) == 1
