"""The one door that is open to strangers: joining through it, and whatever else somebody may throw at it."""

import json

import msgspec
import pytest
import trio
from fakes.fake_api import FakeApi
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from searches import examples

from pikube.api.errors import (
    AlreadyExists,
    ApiError,
    BadRequest,
    Forbidden,
    MethodNotAllowed,
    PathNotFound,
    RequestEntityTooLarge,
    TooManyRequests,
    Unauthorized,
)
from pikube.api.kinds.core_node import Node
from pikube.certs.authority import facts_of, key_hash, make_ca, make_key, make_request
from pikube.certs.enrolment import (
    CLUSTER,
    JOIN,
    KEY_ANNOTATION,
    RENEW,
    REQUEST_BYTES,
    Certificates,
    ClusterDocument,
    ClusterSettings,
    JoinRequest,
    RenewRequest,
)
from pikube.certs.issuer import Issuer
from pikube.certs.join_token import make_token
from pikube.leader.enrolment import ALL_KNOCKS, KNOCKS, Enrolment
from pikube.leader.join_tokens import token_secret
from pikube.leader.joining import Joining, JoiningParts
from pikube.leader.rate_limit import MAX_ADDRESSES, RateLimit
from pikube.wire.messages import Peer, Response

NOW = 1_700_000_000.0
CA = make_ca("test", NOW)
TOKEN = make_token(bytes(range(32)), "ab" * 32)
KEY = make_key()


class Asked:
    """A Request of a stranger."""

    query = ""

    def __init__(self, method, path, body=b"", host="10.0.0.2"):
        self.method, self.path, self.raw_path = method, path, path
        self.headers = {}
        self.peer = Peer(host, 1)
        self._body = body

    async def body(self, limit_bytes):
        if len(self._body) > limit_bytes:
            raise RequestEntityTooLarge.of(limit_bytes)
        return self._body


def document():
    common = ClusterSettings(cluster_cidr="a", service_cidr="b", cluster_dns="c", cluster_domain="d")
    return ClusterDocument(
        cluster="test", id="i", ca=CA.certificate.decode(), servers=("https://10.0.0.1:6443",),
        version="1", time=NOW, settings=common,
    )  # fmt: skip


def open_door(**token):
    """(the door, what is behind it)."""
    api = FakeApi()
    token.setdefault("expires_at", NOW + 60)
    api.create_nowait(token_secret(TOKEN, **token))
    joining = Joining(
        JoiningParts(
            client=api,
            issuer=Issuer(CA, CA.certificate, wall_clock=lambda: NOW),
            document=document,
            leader_names=lambda: {"kubernetes", "10.0.0.1"},
            leader_node="b1",
            wall_clock=lambda: NOW,
        )
    )

    async def behind(request):
        return Response(200, (), (b"the API",))

    return Enrolment(behind, joining.doors()), api


def wish(node="b2", key=KEY, **more):
    request = make_request(key, f"system:node:{node}", ("system:nodes",)).decode()
    return JoinRequest(token=f"{TOKEN.id}.{TOKEN.secret}", node=node, request=request, **more)


async def post(door, path, message, host="10.0.0.2"):
    return await door(Asked("POST", path, msgspec.json.encode(message), host))


async def test_a_token_makes_a_node_and_its_key_renews(autojump_clock):
    door, api = open_door()
    answer = await post(door, JOIN, wish(addresses=("10.0.0.2", "10.0.0.1")))
    made = msgspec.json.decode(answer.chunks[0], type=Certificates)
    assert facts_of(made.serving.encode()).names == {
        "b2",
        "10.0.0.2",
    }  # the leader's address is not for a board
    node = await api.get(Node, "b2")
    assert node.metadata.annotations[KEY_ANNOTATION] == key_hash(KEY)
    renewed = await post(door, RENEW, RenewRequest(node="b2", request=wish().request))
    assert renewed.status == 200
    with pytest.raises(Forbidden, match="no longer the node b2"):
        await post(door, RENEW, RenewRequest(node="b2", request=wish(key=make_key()).request))
    await api.delete(Node, "b2")
    with pytest.raises(Forbidden, match="no longer the node b2"):
        await post(door, RENEW, RenewRequest(node="b2", request=wish().request))


async def test_the_answer_that_was_lost_is_asked_for_again_and_counts_once(autojump_clock):
    door, _ = open_door(uses=1)
    assert (await post(door, JOIN, wish())).status == 201
    with pytest.raises(Unauthorized, match="as often as it may be"):
        await post(door, JOIN, wish("b3", make_key()))


async def test_a_name_is_given_once(autojump_clock):
    door, _ = open_door()
    await post(door, JOIN, wish())
    with pytest.raises(AlreadyExists, match="another board called b2"):
        await post(door, JOIN, wish(key=make_key()))


async def test_a_request_that_its_key_did_not_sign_is_refused(autojump_clock):
    door, api = open_door()
    forged = wish().request.replace("MIH", "MIG", 1)
    for request in (
        forged,
        "",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
    ):
        with pytest.raises(BadRequest):
            await post(door, JOIN, msgspec.structs.replace(wish(), request=request))
    assert (await api.list(Node)).items == []


async def test_everything_else_goes_to_the_api(autojump_clock):
    door, _ = open_door()
    assert (await door(Asked("GET", "/api/v1/nodes"))).chunks == (b"the API",)
    with pytest.raises(PathNotFound):
        await door(Asked("GET", "/enrol/v1/secrets"))
    with pytest.raises(MethodNotAllowed):
        await door(Asked("GET", JOIN))
    assert json.loads((await door(Asked("GET", CLUSTER))).chunks[0])["cluster"] == "test"


async def test_bodies_are_bounded(autojump_clock):
    door, _ = open_door()
    with pytest.raises(RequestEntityTooLarge):
        await door(Asked("POST", JOIN, b"x" * (REQUEST_BYTES + 1)))


async def test_one_stranger_who_knocks_too_often_does_not_keep_others_out(autojump_clock):
    door, _ = open_door()
    for _ in range(KNOCKS):
        await door(Asked("GET", CLUSTER, host="10.0.0.66"))
    for _ in range(2 * ALL_KNOCKS):
        with pytest.raises(TooManyRequests):
            await door(Asked("GET", CLUSTER, host="10.0.0.66"))
    assert (await door(Asked("GET", CLUSTER, host="10.0.0.2"))).status == 200


def test_addresses_that_knocked_are_not_remembered_for_ever():
    limit = RateLimit(1, 1, 1e9, 1e9)
    for number in range(3 * MAX_ADDRESSES):
        assert limit.may_pass(str(number), 0.0)
    assert len(limit._buckets) == MAX_ADDRESSES


def test_a_bucket_fills_again():
    limit = RateLimit(2, 1, 100, 100)
    assert [limit.may_pass("a", 0.0) for _ in range(3)] == [True, True, False]
    assert limit.may_pass("a", 1.0) and not limit.may_pass("a", 1.0)
    assert not limit.may_pass("a", 1.0 - 50)  # a clock that stands still or runs back gives nothing


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.fixed_dictionaries(
    {
        "token": st.sampled_from([f"{TOKEN.id}.{TOKEN.secret}", "x", "a.b"]) | st.text(max_size=300),
        "node": st.sampled_from(["b2", "kubernetes", "../x", "b1"]) | st.text(max_size=300),
        "request": st.sampled_from([wish().request]) | st.text(max_size=200),
    },
    optional={"labels": JSON, "taints": JSON, "addresses": JSON, "machine": JSON, "replace": JSON},
)
BODIES = (
    st.binary(max_size=200)
    | JSON.map(lambda v: json.dumps(v).encode())
    | FIELDS.map(lambda v: json.dumps(v).encode())
)


@examples(150, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["GET", "POST", "PUT", "DELETE"]), st.sampled_from([CLUSTER, JOIN, RENEW]), BODIES)
def test_whatever_comes_is_answered_or_refused_and_makes_no_node_without_the_token(method, path, body):
    async def knock():
        door, api = open_door()
        status = 0
        try:
            status = (await door(Asked(method, path, body))).status
        except ApiError as error:
            assert 400 <= error.code < 500, error
            assert TOKEN.secret not in error.message
        nodes = (await api.list(Node)).items
        if nodes:
            assert status == 201 and TOKEN.secret.encode() in body
        assert status in (0, 200, 201)

    trio.run(knock)
