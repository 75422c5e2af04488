"""Certificates of nodes count while their Node carries their key."""

import msgspec
import pytest
import trio
import trio.testing
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from pikube.api.errors import Unauthorized
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.meta import ObjectMeta
from pikube.certs.authority import issue, key_hash_of_certificate, make_ca
from pikube.certs.enrolment import KEY_ANNOTATION
from pikube.certs.profiles import ADMIN, NODE_CLIENT
from pikube.leader.board_keys import BoardKeys, while_they_may
from pikube.leader.store.contract import Key
from pikube.wire.messages import Peer, StreamResponse, UpgradeResponse

NOW = 1_700_000_000.0


class Item:
    def __init__(self, revision, value):
        self.revision, self.value = revision, value


class Memory:
    """What BoardKeys needs of a store."""

    def __init__(self):
        self.items = {}

    def get(self, key):
        return self.items.get(key)

    def put(self, node, revision=1):
        key = Key(Node.names.resource, "", node.metadata.name)
        self.items[key] = Item(revision, msgspec.json.encode(node))


def peer(profile, node=""):
    pair = issue(make_ca("test", NOW), profile, (), NOW, node=node)
    der = load_pem_x509_certificate(pair.certificate).public_bytes(Encoding.DER)
    return Peer("10.0.0.2", 1, profile.common_name.format(node=node), profile.organizations, der)


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def keys(memory):
    return BoardKeys(memory, lambda cls, item: msgspec.json.decode(item.value, type=cls), lambda: NOW)


def node(key):
    return Node(metadata=ObjectMeta(name="b2", annotations={KEY_ANNOTATION: key} if key else {}))


def test_a_node_speaks_while_it_carries_its_key(memory, keys):
    b2 = peer(NODE_CLIENT, "b2")
    with pytest.raises(Unauthorized, match="deleted or replaced"):
        keys.user_of(b2)
    memory.put(node(key_hash_of_certificate(b2.certificate_der)))
    user = keys.user_of(b2)
    assert (user.name, user.groups) == ("system:node:b2", ("system:nodes", "system:authenticated"))
    memory.put(node("another"), revision=2)
    with pytest.raises(Unauthorized):
        keys.user_of(b2)
    memory.put(node(""), revision=3)
    with pytest.raises(Unauthorized):
        keys.user_of(b2)


def test_people_are_not_asked_for_a_node(keys):
    assert keys.user_of(peer(ADMIN)).groups == ("system:masters", "system:authenticated")


def test_a_certificate_that_has_ended_counts_for_nobody(memory):
    later = BoardKeys(memory, lambda cls, item: None, lambda: NOW + 366 * 86400)
    with pytest.raises(Unauthorized, match="expired"):
        later.user_of(peer(ADMIN))


@pytest.mark.parametrize("kind", ["a stream", "a WebSocket"])
async def test_a_board_that_is_revoked_is_cut_off_in_the_middle_of_a_watch(
    keys, nursery, autojump_clock, kind
):
    async def watch(request):
        async def run(send, *leftover):
            await send(b"")
            await trio.sleep_forever()

        return StreamResponse(200, (), run) if kind == "a stream" else UpgradeResponse((), run)

    class Asked:
        peer = Peer("10.0.0.2", 1, "system:node:b2", ("system:nodes",))

    answer = await while_they_may(watch, keys)(Asked)
    sent = trio.Event()
    has_ended = trio.Event()

    async def send(chunk):
        sent.set()

    async def run():
        await answer.run(send, *([] if kind == "a stream" else [b""]))
        has_ended.set()

    nursery.start_soon(run)
    await sent.wait()
    keys.changed(node("a"), node("a"))
    await trio.testing.wait_all_tasks_blocked()
    assert not has_ended.is_set()
    keys.changed(node("a"), None)
    with trio.fail_after(1):
        await has_ended.wait()
