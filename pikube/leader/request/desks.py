"""Pure: paths below /pikube/v1/: which desk answers, by the first part of the path after it."""

from __future__ import annotations

from collections.abc import Mapping

from pikube.api.errors import PathNotFound
from pikube.leader.request.context import User
from pikube.leader.request.handler import DESKS, Desk
from pikube.leader.request.route import Route
from pikube.wire.messages import Answer, Request


class Desks:
    """Implements the handler's Desk for all of them."""

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        self._desks = desks

    async def answer(self, route: Route, request: Request, user: User) -> Answer:
        """PathNotFound, and whatever the desk raises."""
        desk = self._desks.get(route.path.removeprefix(DESKS).partition("/")[0])
        if desk is None:
            raise PathNotFound()
        return await desk.answer(route, request, user)
