"""Shell: the one door that is open to strangers: requests under /enrol/ before anybody is authenticated.

Enter: any request. Leaves: the answer of a route of this door, or what the API answers to everything else. Bodies
are bounded, knocks are counted, and what goes wrong inside tells nothing. Built by run.py from the routes of
joining and pairing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec
import trio

from pikube.api.errors import BadRequest, MethodNotAllowed, PathNotFound, TooManyRequests
from pikube.certs.enrolment import BASE, REQUEST_BYTES, Wire
from pikube.leader.rate_limit import RateLimit
from pikube.wire.messages import Answer, Handler, Request, Response

log = logging.getLogger("pikube.enrolment")

W = TypeVar("W", bound=Wire)

Door = Callable[[Request], Awaitable[Answer]]
Doors = Mapping[tuple[str, str], Door]
"""(method, path) → what answers it; a path that ends in / stands for everything below it."""

KNOCKS, KNOCKS_A_S = 20, 2.0  # one board that joins knocks three times
ALL_KNOCKS, ALL_KNOCKS_A_S = 400, 50.0  # a hundred boards that join at once; each join costs some 3 ms


class Enrolment:
    """Implements pikube.wire.messages.Handler in front of the API."""

    def __init__(self, api: Handler, doors: Doors) -> None:
        self._api = api
        self._doors = doors
        self._limit = RateLimit(KNOCKS, KNOCKS_A_S, ALL_KNOCKS, ALL_KNOCKS_A_S)

    async def __call__(self, request: Request) -> Answer:
        """See Handler."""
        if not request.path.startswith(BASE):
            return await self._api(request)
        if not self._limit.may_pass(request.peer.host, trio.current_time()):
            raise TooManyRequests("too many requests, please try again later", retry_after_s=1)
        return await self._door(request)(request)

    def _door(self, request: Request) -> Door:
        paths = {path for _, path in self._doors if _matches(path, request.path)}
        if not paths:
            raise PathNotFound()
        door = self._doors.get((request.method, max(paths, key=len)))
        if door is None:
            raise MethodNotAllowed()
        return door


def _matches(path: str, asked: str) -> bool:
    return asked.startswith(path) if path.endswith("/") else asked == path


async def read_message(request: Request, cls: type[W]) -> W:
    """The body as a message. BadRequest, RequestEntityTooLarge; nothing of the body is repeated."""
    body = await request.body(REQUEST_BYTES)
    try:
        return msgspec.json.decode(body, type=cls)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest(f"the body is no {cls.__name__}") from None


def message(answer: Wire, status: int = 200) -> Response:
    """A message as an answer."""
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Response(status, headers, (msgspec.json.encode(answer),))
