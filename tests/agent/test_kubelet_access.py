"""Who may ask a board's kubelet API what: by certificate, by token, and how long an answer of the leader counts."""

from types import SimpleNamespace

import pytest
import trio

from pikube.agent.kubelet_access import ALLOWED_S, DENIED_S, KNOWN_S, KubeletAccess, asked
from pikube.api.client import ConnectionLost
from pikube.api.errors import ServiceUnavailable
from pikube.api.kinds.authentication import TokenReview, TokenReviewStatus, UserInfo
from pikube.api.kinds.authorization import SubjectAccessReview, SubjectAccessReviewStatus
from pikube.wire.messages import Peer, Response


@pytest.mark.parametrize(
    ("method", "path", "verb", "subresources"),
    [
        ("GET", "/metrics/cadvisor", "get", ("metrics",)),
        ("GET", "/stats/summary", "get", ("stats",)),
        ("GET", "/logs/", "get", ("log",)),
        ("GET", "/pods", "get", ("pods", "proxy")),
        ("GET", "/runningpods/", "get", ("pods", "proxy")),
        ("GET", "/configz", "get", ("configz", "proxy")),
        ("GET", "/healthz", "get", ("healthz", "proxy")),
        ("GET", "/containerLogs/n/p/c", "get", ("proxy",)),
        ("GET", "/metricsx", "get", ("proxy",)),
        ("POST", "/exec/n/p/c", "create", ("proxy",)),
        ("GET", "/exec/n/p/c", "create", ("proxy",)),
        ("GET", "//attach/n/p/c", "create", ("proxy",)),
        ("OPTIONS", "/metrics", "", ("metrics",)),
    ],
)
def test_each_path_is_a_subresource_of_nodes(method, path, verb, subresources):
    assert asked(method, path) == (verb, subresources)


class Leader:
    """Knows one token, and what its owner may; `is_away` hangs up."""

    def __init__(self):
        self.may, self.questions, self.is_away = {"metrics"}, [], False

    async def create(self, review):
        self.questions.append(type(review))
        if self.is_away:
            raise ConnectionLost("gone")
        match review:
            case TokenReview():
                is_known = review.spec.token == "good"
                status = TokenReviewStatus(
                    authenticated=is_known, user=UserInfo(username="ann", groups=("g",))
                )
            case SubjectAccessReview():
                wish = review.spec.resource_attributes
                assert (review.spec.user, review.spec.groups, wish.resource, wish.name) == (
                    "ann",
                    ("g",),
                    "nodes",
                    "b1",
                )
                status = SubjectAccessReviewStatus(allowed=wish.subresource in self.may)
        review.status = status
        return review


@pytest.fixture
def leader():
    return Leader()


@pytest.fixture
def ask(leader):
    async def answer(request):
        return Response(200)

    access = KubeletAccess(answer, leader, "b1", "the-leader")

    async def ask(path, token="", peer=""):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        request = SimpleNamespace(method="GET", path=path, headers=headers, peer=Peer("192.0.2.1", 1, peer))
        found = await access(request)
        return found.status, b"".join(found.chunks).decode()

    return ask


async def test_the_leader_may_everything_and_another_certificate_is_none(ask, leader):
    assert await ask("/pods", peer="the-leader") == (200, "")
    assert await ask("/pods", peer="system:node:b2") == (401, "Unauthorized")
    assert await ask("/pods") == await ask("/pods", token="bad") == (401, "Unauthorized")
    assert leader.questions == [TokenReview]


async def test_a_token_may_what_its_owner_may(ask, leader):
    assert await ask("/metrics", token="good") == (200, "")
    words = "Forbidden (user=ann, verb=get, resource=nodes, subresource(s)=[pods proxy])\n"
    assert await ask("/pods", token="good") == (403, words)
    leader.may = {"proxy"}
    assert (await ask("/configz", token="good"))[0] == 403, "what was denied a moment ago still is"


async def test_answers_are_kept_as_long_as_kubelet_keeps_them(ask, leader, mock_clock):
    await ask("/metrics", token="good")
    leader.may = set()
    assert (await ask("/metrics", token="good"))[0] == 200
    assert leader.questions == [TokenReview, SubjectAccessReview]
    mock_clock.jump(KNOWN_S)
    assert (await ask("/metrics", token="good"))[0] == 200
    assert leader.questions == [TokenReview, SubjectAccessReview, TokenReview]
    mock_clock.jump(ALLOWED_S)
    assert (await ask("/metrics", token="good"))[0] == 403
    leader.may = {"metrics"}
    mock_clock.jump(DENIED_S)
    assert (await ask("/metrics", token="good"))[0] == 200


async def test_a_leader_that_is_away_is_said(ask, leader):
    leader.is_away = True
    with trio.fail_after(1), pytest.raises(ServiceUnavailable):
        await ask("/metrics", token="good")
