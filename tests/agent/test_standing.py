"""A board stays a member: over real TLS to a leader on loopback whose clock, authority and address the test moves."""

import msgspec
import pytest
import trio
from fakes.fake_api import FakeApi

from pikube.agent.enrolling import request_for
from pikube.agent.membership import Membership
from pikube.agent.standing import Revoked, Standing, StandingParts
from pikube.api.errors import Unauthorized
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.meta import ObjectMeta
from pikube.certs.authority import facts_of, issue, key_hash, key_id_of, make_ca
from pikube.certs.ca_rotation import bundle_hash
from pikube.certs.clock import BoardClock
from pikube.certs.contexts import client_context, server_context
from pikube.certs.enrolment import (
    KEY_ANNOTATION,
    TRUSTS_ANNOTATION,
    Certificates,
    ClusterDocument,
    ClusterSettings,
)
from pikube.certs.issuer import Issuer
from pikube.certs.profiles import APISERVER, LEADER_NAME
from pikube.leader.enrolment import Enrolment
from pikube.leader.joining import Joining, JoiningParts
from pikube.wire.client import open_api_connection
from pikube.wire.messages import Response
from pikube.wire.server import listen, serve

NOW = 1_700_000_000.0
DAY_S = 86400.0


class Leader:
    """A leader that only enrols."""

    def __init__(self, directory, ca=None, cluster_id="ours"):
        self.directory = directory
        self.ca = ca or make_ca("test", NOW)
        self.now = NOW
        self.id = cluster_id
        self.issuer = Issuer(self.ca, self.ca.certificate, wall_clock=lambda: self.now)
        self.api = FakeApi()
        self.url = ""
        directory.mkdir()
        leaf = issue(self.ca, APISERVER, (LEADER_NAME,), NOW)
        (directory / "leaf.pem").write_bytes(leaf.certificate + leaf.key)
        (directory / "ca.crt").write_bytes(self.ca.certificate)

    def document(self):
        common = ClusterSettings(cluster_cidr="a", service_cidr="b", cluster_dns="c", cluster_domain="d")
        return ClusterDocument(
            cluster="test", id=self.id, ca=self.issuer.bundle.decode(), servers=(self.url,), version="1",
            time=self.now, settings=common,
        )  # fmt: skip

    async def open(self, nursery):
        joining = Joining(
            JoiningParts(self.api, self.issuer, self.document, lambda: {"kubernetes"}, "b1", lambda: self.now)
        )

        async def behind(request):
            return Response(200)

        tls = server_context(self.directory / "leaf.pem", self.directory / "ca.crt")
        listeners = await listen("127.0.0.1", 0)
        self.url = f"https://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        await nursery.start(serve, Enrolment(behind, joining.doors()), listeners, tls)

    def admit(self, membership):
        """The board is the node b2."""
        key = membership.key()
        client, serving = self.issuer.sign_node(request_for(key, "b2").encode(), "b2", ("b2", "10.0.0.2"))
        answer = Certificates(client=client.decode(), serving=serving.decode(), cluster=self.document())
        annotations = {KEY_ANNOTATION: key_hash(key)}
        self.api.create_nowait(Node(metadata=ObjectMeta(name="b2", annotations=annotations)))
        return membership.store("b2", answer)


class Board:
    """A member; `run` keeps it one."""

    def __init__(self, directory, leader):
        self.membership = Membership(directory)
        self.member = leader.admit(self.membership)
        self.tls = client_context(
            self.membership.ca_file, self.membership.client_file, server_name=LEADER_NAME
        )
        self.kubelet_tls = server_context(self.membership.serving_file, self.membership.ca_file)
        self.clock = BoardClock(wall=lambda: 0.0)  # its own clock knows nothing
        self.elsewhere = []
        self.standing = None

    def issued_at(self):
        return facts_of(self.membership.client_file.read_bytes()).issued_at

    async def run(self, nursery, urls):
        """Started; returns the connection."""
        connection = await nursery.start(self._open, urls)

        async def look():
            return self.elsewhere

        parts = StandingParts(
            self.membership, connection, self.tls, self.kubelet_tls, self.clock, lambda: "10.0.0.2", look
        )
        self.standing = Standing(parts, self.member)
        with trio.fail_after(10):
            await nursery.start(self.standing.run)
        return connection

    async def _open(self, urls, *, task_status):
        async with open_api_connection(urls, self.tls) as connection:
            task_status.started(connection)
            await trio.sleep_forever()


async def until(condition):
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - files, not events
            await trio.sleep(0.01)


@pytest.fixture
async def leader(tmp_path, nursery):
    leader = Leader(tmp_path / "leader")
    await leader.open(nursery)
    return leader


@pytest.fixture
def board(tmp_path, leader):
    return Board(tmp_path / "board", leader)


async def test_the_time_is_the_leader_s_and_nothing_is_renewed_before_it_is_due(leader, board, nursery):
    before = board.membership.client_file.read_bytes()
    leader.now = NOW + 200 * DAY_S
    await board.run(nursery, [leader.url])
    assert abs(board.clock() - leader.now) < 5
    assert board.membership.client_file.read_bytes() == before


async def test_certificates_are_renewed_at_two_thirds_of_their_life_with_the_same_key(leader, board, nursery):
    serving_before = board.kubelet_tls._current
    leader.now = NOW + 300 * DAY_S
    await board.run(nursery, [leader.url])
    assert board.issued_at() == leader.now
    assert board.kubelet_tls._current is not serving_before
    assert (
        key_hash(board.membership.key())
        == (await leader.api.get(Node, "b2")).metadata.annotations[KEY_ANNOTATION]
    )


async def test_a_board_that_was_off_past_the_end_of_its_certificates_comes_back(leader, board, nursery):
    leader.now = NOW + 900 * DAY_S
    await board.run(nursery, [leader.url])
    assert facts_of(board.membership.client_file.read_bytes()).expires_at > leader.now


async def test_a_refusal_is_answered_with_a_renewal(leader, board, nursery):
    connection = await board.run(nursery, [leader.url])
    leader.now = NOW + DAY_S
    connection.on_trouble(Unauthorized())
    await until(lambda: board.issued_at() == leader.now)


async def test_another_authority_is_followed_and_confirmed(leader, board, nursery):
    await board.run(nursery, [leader.url])
    new = make_ca("test", NOW)
    leader.issuer.ca, leader.issuer.bundle = new, new.certificate + leader.ca.certificate
    board.standing.poke()

    def has_followed():
        node = leader.api.all_of(Node)[0]
        return node.metadata.annotations.get(TRUSTS_ANNOTATION) == bundle_hash(leader.issuer.bundle)

    await until(has_followed)
    assert board.membership.ca_file.read_bytes() == leader.issuer.bundle
    await until(
        lambda: (
            facts_of(board.membership.client_file.read_bytes()).issuer_key_id == key_id_of(new.certificate)
        )
    )


async def test_a_leader_that_moved_is_found_and_used(leader, board, nursery):
    (gone,) = await listen("127.0.0.1", 0)
    nowhere = f"https://127.0.0.1:{gone.socket.getsockname()[1]}"
    await gone.aclose()
    board.elsewhere = [leader.url]
    connection = await board.run(nursery, [nowhere])
    assert connection.urls == (leader.url,)


async def test_whoever_only_says_that_he_is_the_leader_is_passed_over(leader, board, nursery, tmp_path):
    false = Leader(tmp_path / "false")  # an authority of its own, the same cluster's name and id
    await false.open(nursery)
    other = Leader(tmp_path / "other", ca=leader.ca, cluster_id="another")  # ours once, another cluster now
    await other.open(nursery)
    board.elsewhere = [false.url, other.url, leader.url]
    connection = await board.run(nursery, [false.url])
    assert connection.urls == (leader.url,)
    assert false.api.all_of(Node) == []


async def test_a_board_that_was_deleted_hears_so(leader, board):
    await leader.api.delete(Node, "b2")
    leader.now = NOW + 300 * DAY_S
    with pytest.RaisesGroup(pytest.RaisesExc(Revoked, match="no longer the node b2"), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await board.run(nursery, [leader.url])
    assert msgspec.json.decode(board.membership.member_file.read_bytes())["node"] == "b2"
