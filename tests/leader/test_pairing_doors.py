"""Pairing over real TLS: a board, a leader, and somebody in between who has a leader of his own.

The leader is the office behind its door on loopback, with joining as it is and a fake API under it.
"""

from __future__ import annotations

import json
import secrets
import time
from contextlib import asynccontextmanager

import pytest
import trio
from fakes.fake_api import FakeApi
from hypothesis import given, settings
from hypothesis import strategies as st

from pikube.agent.enrolling import ask_cluster, join, request_for
from pikube.agent.finding import LeaderNotFound, announced_leader, choose
from pikube.agent.membership import Membership
from pikube.agent.pairing import PairingRefused, open_pairing
from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError, BadRequest, Conflict, MethodNotAllowed, NotFound, PathNotFound
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.meta import ObjectMeta
from pikube.certs.authority import fingerprint, issue, key_hash, make_ca, make_key
from pikube.certs.contexts import client_context, server_context
from pikube.certs.enrolment import (
    CLUSTER,
    JOIN,
    KEY_ANNOTATION,
    ClusterDocument,
    ClusterSettings,
    JoinRequest,
    Machine,
)
from pikube.certs.issuer import Issuer
from pikube.certs.pairing import NONCE_BYTES, BoardSide, Terms
from pikube.certs.pairing_messages import PAIRINGS, PairingNonce, PairingOffer
from pikube.certs.profiles import APISERVER, LEADER_NAME
from pikube.cli.failure import StartupError
from pikube.config import merge
from pikube.leader.enrolment import Enrolment, message, read_message
from pikube.leader.joining import Joining, JoiningParts
from pikube.leader.pairing import DESK, PairingOffice
from pikube.leader.pairing_book import PairingBook
from pikube.leader.request.context import User
from pikube.leader.request.route import Query, parse_route
from pikube.run_join import Wish, join_once
from pikube.wire.announcement import Announcement
from pikube.wire.client import open_api_connection
from pikube.wire.messages import Peer, Response
from pikube.wire.server import listen, serve

ADMIN = User("kubernetes-admin", ("system:masters",))
COMMON = ClusterSettings(
    cluster_cidr="10.42.0.0/16", service_cidr="10.43.0.0/16", cluster_dns="10.43.0.10", cluster_domain="x"
)


async def no_api(request):
    raise PathNotFound()


class Leader:
    """What a leader is to boards that join."""

    def __init__(self, name, directory):
        self.ca = make_ca(name, time.time())
        directory.mkdir()
        leaf = issue(self.ca, APISERVER, {LEADER_NAME}, time.time())
        (directory / "leaf.pem").write_bytes(leaf.certificate + leaf.key)
        (directory / "ca.crt").write_bytes(self.ca.certificate)
        self.tls = server_context(directory / "leaf.pem", directory / "ca.crt", requires_client=False)
        self.api = FakeApi()
        issuer = Issuer(self.ca, self.ca.certificate)
        document = ClusterDocument(
            cluster=name, id="1", ca=self.authority, servers=(), version="1", time=0.0, settings=COMMON
        )
        parts = JoiningParts(self.api, issuer, lambda: document, lambda: {"leader"}, "leader", time.time)
        joining = Joining(parts)
        self.office = PairingOffice(lambda: issuer.bundle, joining.admit_paired, joining.node)
        self.doors = {**joining.doors(), **self.office.doors()}

    @property
    def authority(self):
        return self.ca.certificate.decode()

    async def desk(self, method="GET", path="", body=b""):
        """What a person gets from the desk, decoded."""
        route = parse_route(method, DESK + path, Query(""))
        answer = await self.office.answer(route, FakeRequest(body), ADMIN)
        return json.loads(b"".join(answer.chunks))

    async def waiting(self):
        return (await self.desk())["pairings"]

    async def approve(self, name, digits):
        return await self.desk("POST", f"/{name}/approve", json.dumps({"digits": digits}).encode())

    async def reject(self, name, digits):
        return await self.desk("POST", f"/{name}/reject", json.dumps({"digits": digits}).encode())


class FakeRequest:
    def __init__(self, body, path="", host="192.0.2.9"):
        self._body, self.path, self.method = body, path, "POST"
        self.peer = Peer(host, 1)
        self.headers = {}

    async def body(self, limit_bytes):
        return self._body


@asynccontextmanager
async def open_leader(leader, doors=None):
    """Serve it; yields its URL."""
    listeners = await listen("127.0.0.1", 0)
    handler = Enrolment(no_api, leader.doors if doors is None else doors)
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, handler, listeners, leader.tls)
        yield f"https://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


def wish(name="b2", key=None, model="Raspberry Pi 4", serial="0001", **more):
    key = key or make_key()
    machine = Machine(model=model, serial=serial)
    return JoinRequest(token="", node=name, request=request_for(key, name), machine=machine, **more)


@pytest.fixture
def leader(tmp_path):
    return Leader("home", tmp_path / "leader")


async def test_a_board_becomes_the_node_of_its_key(leader):
    key = make_key()
    async with open_leader(leader) as url:
        claimed = (await ask_cluster([url])).ca
        async with (
            open_pairing([url], claimed, claimed, wish(key=key)) as pairing,
            trio.open_nursery() as nursery,
        ):
            [row] = await leader.waiting()
            assert row["digits"] == pairing.digits
            assert (row["name"], row["model"], row["serial"]) == ("b2", "Raspberry Pi 4", "0001")
            nursery.start_soon(leader.approve, "b2", pairing.digits)
            certificates = await pairing.wait()
        assert certificates.client.startswith("-----BEGIN CERTIFICATE") and certificates.cluster.ca == claimed
    [node] = leader.api.all_of(Node)
    assert node.metadata.annotations[KEY_ANNOTATION] == key_hash(key)
    assert await leader.waiting() == []


async def test_a_rejected_board_is_told_and_is_no_node(leader):
    async with (
        open_leader(leader) as url,
        open_pairing([url], leader.authority, leader.authority, wish()) as pairing,
    ):
        await leader.reject("b2", pairing.digits)
        with pytest.raises(PairingRefused, match="it was rejected on the leader"):
            await pairing.wait()
    assert leader.api.all_of(Node) == []


async def test_wrong_digits_and_unknown_boards_approve_nobody(leader):
    async with (
        open_leader(leader) as url,
        open_pairing([url], leader.authority, leader.authority, wish()) as pairing,
    ):
        wrong = f"{(int(pairing.digits) + 1) % 10**6:06}"
        with pytest.raises(Conflict, match="does not wait with the digits"):
            await leader.approve("b2", wrong)
        with pytest.raises(NotFound, match="no board called b3 is waiting"):
            await leader.approve("b3", pairing.digits)
        assert len(await leader.waiting()) == 1
    assert await leader.waiting() == []  # whoever leaves withdraws
    assert leader.api.all_of(Node) == []


async def test_a_taken_name_is_told_on_both_sides(leader):
    async with open_leader(leader) as url:
        for replace in (False, False, True):
            asked = wish(replace=replace)
            async with open_pairing([url], leader.authority, leader.authority, asked) as pairing:
                [row] = await leader.waiting()
                if not leader.api.all_of(Node):
                    assert row["takesThePlaceOf"] is None
                    await leader.approve("b2", pairing.digits)
                    await pairing.wait()
                elif replace:
                    assert "0001" in row["takesThePlaceOf"] and row["replace"]
                    await leader.approve("b2", pairing.digits)
                    await pairing.wait()
                else:
                    with pytest.raises(ApiError, match="another board called b2"):
                        await leader.approve("b2", pairing.digits)
                    with pytest.raises(PairingRefused, match="--replace"):
                        await pairing.wait()
    assert len(leader.api.all_of(Node)) == 1


async def test_who_claims_an_authority_that_he_has_not_is_not_talked_to(leader, tmp_path):
    """A false leader that repeats the true one's CA certificate."""
    fake = Leader("home", tmp_path / "fake")
    async with open_leader(fake) as url:
        with pytest.raises(ConnectionLost, match="TLS handshake failed"):
            async with open_pairing([url], leader.authority, leader.authority, wish()):
                pass
    assert await fake.waiting() == []


async def test_a_false_leader_learns_nothing_but_that_somebody_asked_who_he_is(leader, tmp_path):
    """He claims the true CA by mDNS; the board knows its hash, asks him one question and goes on to the next."""
    fake, heard = Leader("home", tmp_path / "fake"), []

    async def record(request):
        heard.append((request.method, request.path, await request.body(1024)))
        return await fake.doors["GET", CLUSTER](request)

    doors = {("GET", CLUSTER): record, ("POST", PAIRINGS): record, ("POST", JOIN): record}
    ca_hash = fingerprint(leader.ca.certificate)
    async with open_leader(leader) as true_url, open_leader(fake, doors) as false_url:
        said = [announcement_of(url, ca_hash) for url in (false_url, true_url)]
        found = await announced_leader(choose(said, ca_hash), ca_hash)
        assert found.servers == (true_url,) and found.verified == leader.authority
        with pytest.raises(LeaderNotFound, match="is not the one the token is for"):
            await announced_leader(said[:1], ca_hash)
        with pytest.raises(ConnectionLost):  # also if that check were not there: TLS comes first
            await join([false_url], leader.authority, wish())
    assert set(heard) == {("GET", CLUSTER, b"")}


def announcement_of(url, ca_hash):
    port = int(url.rpartition(":")[2])
    return Announcement("home", "1111-1111", (ca_hash,), "1", f"n{port}", port, ("127.0.0.1",))


@pytest.mark.parametrize(
    "asked",
    [
        wish("B 2"),
        wish("b2\x1b[2J"),
        wish("../b2"),
        wish("b2", model="Pi\x1b]0;x\x07"),
        wish("b2", serial="1\n2"),
    ],
)
async def test_what_a_stranger_says_of_himself_cannot_steer_a_terminal(leader, asked):
    async with open_leader(leader) as url:
        with pytest.raises(BadRequest, match="unprintable characters"):
            async with open_pairing([url], leader.authority, leader.authority, asked):
                pass


async def test_a_leader_that_was_restarted_meanwhile_is_told(leader):
    async with (
        open_leader(leader) as url,
        open_pairing([url], leader.authority, leader.authority, wish()) as pairing,
    ):
        leader.office._book = PairingBook()
        with pytest.raises(PairingRefused, match="the leader was restarted: run `pikube join` again"):
            await pairing.wait()


async def test_a_false_leader_cannot_take_a_member_over(leader, tmp_path):
    """He says that he is the board's cluster; `pikube join`, typed again, asks him to prove it."""
    fake, membership = Leader("home", tmp_path / "fake"), Membership(tmp_path / "member")
    async with open_leader(leader) as true_url, open_leader(fake) as false_url:
        async with open_pairing(
            [true_url], leader.authority, leader.authority, wish(key=membership.key())
        ) as pairing:
            await leader.approve("b2", pairing.digits)
            membership.store("b2", await pairing.wait())
        again = Wish(token="", ca_hash="", replace=False, reset=False, starts=False)
        annotations = leader.api.all_of(Node)[
            0
        ].metadata.annotations  # he even knows the hash of the board's key
        fake.api.create_nowait(Node(metadata=ObjectMeta(name="b2", annotations=annotations)))
        with pytest.raises(StartupError, match="no terminal"):
            await join_once(settings_with(false_url), again, membership)
        assert membership.ca_file.read_text() == leader.authority
        member = await join_once(settings_with(true_url), again, membership)
        assert member.node == "b2" and membership.ca_file.read_text() == leader.authority
        other = make_ca("old", time.time()).certificate  # it was here last while two authorities were trusted
        membership.ca_file.write_bytes(other + leader.ca.certificate)
        assert (await join_once(settings_with(true_url), again, membership)).node == "b2"


def settings_with(url):
    return merge({"server": url}, {}, {}, host="b2")


async def test_a_stranger_who_talks_too_much_is_not_listened_to(leader):
    async def talk(request):
        return Response(200, (), (b" " * 300_000,))

    async with open_leader(leader, {("GET", CLUSTER): talk}) as url:
        with pytest.raises(ConnectionLost, match="larger than"):
            await ask_cluster([url])


class InTheMiddle:
    """Doors of a false leader that carries on the conversation with the true one in the board's name."""

    def __init__(self, fake, true_url, true_authority):
        self.fake, self.true_url, self.key = fake, true_url, make_key()
        self.true_authority = true_authority
        self.digits_at_leader = ""

    def doors(self):
        return {**self.fake.doors, ("POST", PAIRINGS): self.offer, ("POST", f"{PAIRINGS}/"): self.reveal}

    async def offer(self, request):
        """Answer the board, and offer his own key under the board's name to the leader."""
        offered = await read_message(request, PairingOffer)
        name = json.loads(offered.offer)["node"]
        offer = json.dumps({"token": "", "node": name, "request": request_for(self.key, name)})
        side = BoardSide(
            Terms(self.true_authority.encode(), offer.encode()), secrets.token_bytes(NONCE_BYTES)
        )
        tls = client_context(ca_data=self.true_authority, server_name=LEADER_NAME)
        async with open_api_connection([self.true_url], tls) as connection:
            body = json.dumps({"offer": offer, "commitment": side.commitment.hex()}).encode()
            answer = json.loads(await connection.request("POST", PAIRINGS, body=body))
            nonce = side.hear_commitment(bytes.fromhex(answer["commitment"]))
            body = json.dumps({"nonce": nonce.hex()}).encode()
            revealed = json.loads(await connection.request("POST", f"{PAIRINGS}/{answer['id']}", body=body))
            self.digits_at_leader = side.hear_nonce(bytes.fromhex(revealed["nonce"]))
        replayed = FakeRequest(
            json.dumps({"offer": offered.offer, "commitment": offered.commitment}).encode()
        )
        return await self.fake.office.offer(replayed)

    async def reveal(self, request):
        nonce = await read_message(request, PairingNonce)
        replayed = FakeRequest(json.dumps({"nonce": nonce.nonce}).encode(), request.path)
        return message(
            PairingNonce(nonce=json.loads((await self.fake.office.reveal(replayed)).chunks[0])["nonce"])
        )


async def test_somebody_in_the_middle_is_seen_by_comparing(leader, tmp_path):
    fake = Leader("home", tmp_path / "fake")
    async with open_leader(leader) as true_url:
        middle = InTheMiddle(fake, true_url, leader.authority)
        async with open_leader(fake, middle.doors()) as false_url:
            claimed = (await ask_cluster([false_url])).ca
            async with open_pairing([false_url], claimed, claimed, wish()) as pairing:
                [row] = await leader.waiting()
                assert row["name"] == "b2" and row["digits"] == middle.digits_at_leader
                assert row["digits"] != pairing.digits  # fails once in a million runs
                with pytest.raises(Conflict, match="somebody is between"):
                    await leader.approve("b2", pairing.digits)  # what the person reads on the board
    assert leader.api.all_of(Node) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("DELETE", "", b"", MethodNotAllowed),
        ("GET", "/b2/approve", b"", MethodNotAllowed),
        ("POST", "/b2/adopt", b"{}", PathNotFound),
        ("POST", "/b2", b"{}", PathNotFound),
        ("POST", "/b2/approve", b"", BadRequest),
        ("POST", "/b2/approve", b'{"digits": 123456}', BadRequest),
        ("POST", "/b2/approve", b'{"digits": "123456"}', NotFound),
    ],
)
async def test_the_desk_tells_what_it_does_not_understand(leader, method, path, body, error):
    with pytest.raises(error):
        await leader.desk(method, path, body)


PARTS = st.one_of(st.text(max_size=80), st.integers(), st.none(), st.just("00" * 32), st.just("{}"))


@given(
    st.one_of(
        st.binary(max_size=200),
        st.dictionaries(st.sampled_from(["offer", "commitment", "nonce", "x"]), PARTS).map(
            lambda d: json.dumps(d).encode()
        ),
    ),
    st.sampled_from(["offer", "reveal"]),
)
@settings(deadline=None)
def test_strangers_can_send_what_they_like(body, door):
    """Nothing but the errors of the API comes out, and nobody waits afterwards."""

    async def knock():
        office = PairingOffice(lambda: b"ca", None, None)
        with pytest.raises(ApiError):
            await getattr(office, door)(FakeRequest(body, f"{PAIRINGS}/0"))
        assert office._book.waiting(trio.current_time()) == []

    trio.run(knock)
