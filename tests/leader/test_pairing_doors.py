"""Pairing over real TLS: a board, a leader, and somebody in between who has a leader of his own.

The leader is the office behind its door on loopback, with joining as it is and a fake API under it.
"""

from __future__ import annotations

import json
import time

import pytest
import trio
from fakes.leader_doors import FakeRequest, InTheMiddle, Leader, open_leader, wish
from hypothesis import given, settings
from hypothesis import strategies as st

from pikube.agent.enrolling import ask_cluster, join
from pikube.agent.finding import LeaderNotFound, announced_leader, choose
from pikube.agent.membership import Membership
from pikube.agent.pairing import PairingRefused, open_pairing
from pikube.api.client import ConnectionLost
from pikube.api.errors import (
    ApiError,
    BadRequest,
    Conflict,
    MethodNotAllowed,
    NotFound,
    PathNotFound,
    TooManyRequests,
)
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.meta import ObjectMeta
from pikube.certs.authority import fingerprint, key_hash, make_ca, make_key
from pikube.certs.enrolment import (
    CLUSTER,
    JOIN,
    KEY_ANNOTATION,
)
from pikube.certs.join_token import make_token
from pikube.certs.pairing_messages import PAIRINGS
from pikube.cli.failure import StartupError
from pikube.config import merge
from pikube.leader.join_tokens import token_secret
from pikube.leader.pairing import PairingOffice
from pikube.leader.pairing_book import PairingBook
from pikube.run_join import Wish, join_once
from pikube.wire.announcement import Announcement
from pikube.wire.messages import Response


@pytest.fixture
def leader(tmp_path):
    return Leader("home", tmp_path / "leader")


async def test_a_board_that_is_told_to_come_again_does(leader):
    refused = []

    async def busy_at_first(request):
        if not refused:
            refused.append(request.path)
            raise TooManyRequests("too many requests, please try again later", retry_after_s=1)
        return await leader.doors["GET", CLUSTER](request)

    async with open_leader(leader, {**leader.doors, ("GET", CLUSTER): busy_at_first}) as url:
        assert (await ask_cluster([url])).cluster == "home"
    assert refused == [CLUSTER]


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
        with pytest.raises(LeaderNotFound, match="is not the one that is meant"):
            await announced_leader(said[:1], ca_hash)
        with pytest.raises(ConnectionLost):  # also if that check were not there: TLS comes first
            await join([false_url], leader.authority, wish())
    assert set(heard) == {("GET", CLUSTER, b"")}


async def test_who_repeats_the_true_authority_s_certificate_is_passed_over(leader, tmp_path):
    fake = Leader("home", tmp_path / "fake")
    doors = {("GET", CLUSTER): leader.doors["GET", CLUSTER]}
    ca_hash = fingerprint(leader.ca.certificate)
    async with open_leader(leader) as true_url, open_leader(fake, doors) as false_url:
        said = [announcement_of(url, ca_hash) for url in (false_url, true_url)]
        found = await announced_leader(choose(said, ca_hash), ca_hash)
        assert found.servers == (true_url,)
        with pytest.raises(LeaderNotFound, match="does not prove it"):
            await announced_leader(said[:1], ca_hash)


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


def settings_with(url, data="/"):
    return merge({"server": url, "data-dir": str(data)}, {}, {}, host="b2")


async def test_an_answer_that_was_lost_costs_nothing_but_the_same_command_again(leader, tmp_path):
    """The leader has written the board down when the connection ends: by its key it is known the next time."""
    token = make_token(bytes(range(32)), fingerprint(leader.ca.certificate))
    leader.api.create_nowait(token_secret(token, expires_at=time.time() + 60, uses=1))  # it is used up then
    membership = Membership(tmp_path / "member")
    join_by = Wish(token=str(token), ca_hash="", replace=False, reset=False, starts=False)

    async def garbled(request):
        await leader.doors[("POST", JOIN)](request)
        return Response(201, (), (b" " * 300_000,))  # more than a board listens to

    async def refused(request):
        raise BadRequest("no")

    async with open_leader(leader, {**leader.doors, ("POST", JOIN): refused}) as url:
        with pytest.raises(StartupError, match="no"):
            await join_once(settings_with(url, tmp_path), join_by, membership)
    assert not membership.path.exists()
    async with open_leader(leader, {**leader.doors, ("POST", JOIN): garbled}) as url:
        with pytest.raises(StartupError, match="run the same command again"):
            await join_once(settings_with(url, tmp_path), join_by, membership)
    assert [node.metadata.name for node in leader.api.all_of(Node)] == ["b2"]
    async with open_leader(leader) as url:
        member = await join_once(settings_with(url, tmp_path), join_by, membership)
    assert member.node == "b2" and len(leader.api.all_of(Node)) == 1


async def test_a_stranger_who_talks_too_much_is_not_listened_to(leader):
    async def talk(request):
        return Response(200, (), (b" " * 300_000,))

    async with open_leader(leader, {("GET", CLUSTER): talk}) as url:
        with pytest.raises(ConnectionLost, match="larger than"):
            await ask_cluster([url])


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
