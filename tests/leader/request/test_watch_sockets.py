"""Watches over a WebSocket, as Java's fabric8 and browsers ask for them."""

import base64
import json

import pytest
import trio
import trio.testing
from request_api import Api, FakeRequest

from pikube.api.errors import Unauthorized
from pikube.api.kinds.core_config import ConfigMap
from pikube.api.protobuf import decode_message, unwrap
from pikube.leader.request.authn import TOKEN_PROTOCOL, authenticate, without_token
from pikube.leader.request.context import User
from pikube.wire.messages import Peer, StreamResponse, UpgradeResponse
from pikube.wire.websocket import WebSocket

MAPS = "/api/v1/namespaces/default/configmaps"
ASKED = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}
NOBODY = Peer("127.0.0.1", 1)


async def watch(api, nursery, query, **headers):
    """A WebSocket that has its 101."""
    answer = await api.handler(FakeRequest("GET", MAPS, query, {**ASKED, **headers}))
    assert isinstance(answer, UpgradeResponse) and ("Upgrade", "websocket") in answer.headers
    near, far = trio.testing.memory_stream_pair()
    nursery.start_soon(answer.run, far, b"")
    return WebSocket(near, is_server=False)


async def test_events_come_one_by_one_and_end_with_the_time_that_was_asked_for(api, nursery, autojump_clock):
    for name in ("a", "b"):
        await api("POST", MAPS, {"metadata": {"name": name}})
    socket = await watch(api, nursery, "watch=true&timeoutSeconds=5")
    found = [json.loads(await socket.receive()) for _ in range(2)]
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in found] == [("ADDED", "a"), ("ADDED", "b")]
    await api("DELETE", f"{MAPS}/a")
    assert json.loads(await socket.receive())["type"] == "DELETED"
    assert await socket.receive() is None


async def test_protobuf_is_binary_and_each_message_an_event(api, nursery):
    await api("POST", MAPS, {"metadata": {"name": "a"}})
    await api("POST", MAPS, {"metadata": {"name": "b"}})
    accept = "application/vnd.kubernetes.protobuf;stream=watch"
    socket = await watch(api, nursery, "watch=true", accept=accept)
    for name in ("a", "b"):
        event = await socket.receive()
        assert isinstance(event, bytes) and event.startswith(b"\x0a\x05ADDED\x12")
        _, kind, content = unwrap(event[event.index(b"k8s\x00") :])
        assert (kind, decode_message(content, ConfigMap)["metadata"]["name"]) == ("ConfigMap", name)
    await socket.aclose()


async def test_history_that_is_gone_is_an_event_and_what_may_not_be_asked_an_answer(api, nursery):
    await api("POST", MAPS, {"metadata": {"name": "a"}})
    api.store.compact(api.store.revision)
    await api("POST", MAPS, {"metadata": {"name": "b"}})
    socket = await watch(api, nursery, "watch=true&resourceVersion=1")
    event = json.loads(await socket.receive())
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert await socket.receive() is None
    assert (await api("GET", f"{MAPS}?watch=true&resourceVersion=x", **ASKED))[0] == 422
    assert (await api("GET", f"{MAPS}?watch=true", peer=NOBODY, **ASKED))[0] == 403


async def test_a_list_stays_a_list(api):
    assert (await api("GET", MAPS, **ASKED))[0] == 200
    answer = await api.handler(FakeRequest("GET", MAPS, "watch=true", {"upgrade": "h2c"}))
    assert isinstance(answer, StreamResponse)


def shown(*protocols):
    return {**ASKED, "sec-websocket-protocol": ", ".join(protocols)}


def encoded(token):
    return TOKEN_PROTOCOL + base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def reader(token, audiences):
    if token != "a.secret?>":
        raise Unauthorized
    return User("jane"), audiences


def test_browsers_show_a_token_among_the_protocols():
    def ask(headers):
        return authenticate(NOBODY, headers, reader, lambda peer: User("board")).name

    right = shown(encoded("a.secret?>"), "base64.binary.k8s.io")
    assert ask(right) == "jane"
    assert without_token(right)["sec-websocket-protocol"] == "base64.binary.k8s.io"
    assert ask({**right, "upgrade": "spdy/3.1"}) == "system:anonymous"
    for wrong in (
        shown(encoded("a.secret?>")),
        shown(encoded("other"), "x"),
        shown(encoded("a.secret?>"), encoded("a.secret?>"), "x"),
        shown(TOKEN_PROTOCOL + "§", "x"),
        shown(TOKEN_PROTOCOL, "x"),
    ):
        with pytest.raises(Unauthorized):
            ask(wrong)


async def test_such_a_token_is_no_protocol_and_nobody_else_sees_it(tmp_path):
    tokens = tmp_path / "tokens.csv"
    tokens.write_text('a.secret?>,jane,7,"system:masters"\n')
    api = Api(token_auth_file=str(tokens))
    await api.make_namespace()
    headers = shown(encoded("a.secret?>"), "mine")
    answer = await api.handler(FakeRequest("GET", MAPS, "watch=true", headers, NOBODY))
    assert ("Sec-WebSocket-Protocol", "mine") in answer.headers
