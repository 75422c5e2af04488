"""Paths of pikube's own: nobody but an administrator comes near them."""

import pytest

from pikube.api.errors import PathNotFound
from pikube.leader.request.context import User
from pikube.leader.request.desks import Desks
from pikube.leader.request.route import Query, parse_route
from pikube.wire.messages import Peer, Response


@pytest.mark.parametrize(
    "path", ["/pikube/v1/pairings", "/pikube/v1/pairings/b2/approve", "/pikube/v1/backup"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "peer",
    [
        Peer("192.0.2.9", 1),
        Peer("192.0.2.9", 1, "ann", ("team",)),
        Peer("192.0.2.9", 1, "system:node:b2", ("system:nodes",)),
    ],
)
async def test_strangers_people_and_boards_are_refused(api, path, method, peer):
    status, answer = await api(method, path, {} if method == "POST" else None, peer=peer)
    assert status == 403 and f'cannot {method.lower()} path "{path}"' in answer["message"]


async def test_each_path_has_its_desk():
    class Desk:
        async def answer(self, route, request, user):
            return Response(200, (), (route.path.encode(),))

    desks = Desks({"backup": Desk()})
    answer = await desks.answer(parse_route("GET", "/pikube/v1/backup/x", Query("")), None, User("a"))
    assert answer.chunks == (b"/pikube/v1/backup/x",)
    for path in ("/pikube/v1/", "/pikube/v1/other"):
        with pytest.raises(PathNotFound):
            await desks.answer(parse_route("GET", path, Query("")), None, User("a"))
