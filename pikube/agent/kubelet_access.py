"""Shell: who may ask the kubelet API of this board what.

The leader, known by its certificate, may ask everything: it has asked its own authorizer. Whoever else shows a token
(Prometheus, metrics-server) is who the leader says that he is, and may what the leader says that he may of the
resource `nodes`, by the subresources of upstream's kubelet. Both answers are kept for a while. Source: kubernetes
pkg/kubelet/server/{auth,server}.go, pkg/kubelet/apis/config/v1beta1/defaults.go.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeVar

import trio

from pikube.api.client import Client, ConnectionLost
from pikube.api.errors import ServiceUnavailable
from pikube.api.kinds.authentication import TokenReview, TokenReviewSpec, UserInfo
from pikube.api.kinds.authorization import ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec
from pikube.wire.messages import Answer, Handler, Request, Response

KNOWN_S = 120.0  # kubelet's authentication.webhook.cacheTTL
ALLOWED_S, DENIED_S = 300.0, 30.0  # and authorization.webhook.cacheAuthorizedTTL, cacheUnauthorizedTTL
KEPT = 256  # answers of each kind; who comes with more begins anew

VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
OWN = {"stats": "stats", "metrics": "metrics", "logs": "log"}
FINER = {"pods": "pods", "runningpods": "pods", "healthz": "healthz", "configz": "configz"}


def asked(method: str, path: str) -> tuple[str, tuple[str, ...]]:
    """(verb, subresources of nodes, one of which is needed). Containers are entered by `create`, whatever the
    method: a GET would give a terminal to who may only read."""
    first = path.strip("/").split("/")[0]
    verb = VERBS.get(method, "")
    if first in OWN:
        return verb, (OWN[first],)
    if first in FINER:
        return verb, (FINER[first], "proxy")
    return ("create" if first in ("exec", "attach", "portForward", "run") else verb), ("proxy",)


@dataclass(frozen=True, slots=True)
class _Known:
    """An answer of the leader, and until when (by Trio's clock) it counts."""

    user: UserInfo | None = None
    is_allowed: bool = False
    until: float = 0.0

    def is_fresh(self) -> bool:
        return self.until > trio.current_time()


UNKNOWN = _Known()
K = TypeVar("K")
R = TypeVar("R", TokenReview, SubjectAccessReview)


class KubeletAccess:
    """Guards a handler; `leader_name` is in the leader's certificate."""

    def __init__(self, handler: Handler, client: Client, node_name: str, leader_name: str) -> None:
        self._handler = handler
        self._client = client
        self._node_name = node_name
        self._leader_name = leader_name
        self._users: dict[str, _Known] = {}
        self._rights: dict[tuple[str, ...], _Known] = {}

    async def __call__(self, request: Request) -> Answer:
        """The handler's answer, 401 or 403 in kubelet's words."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if request.peer.common_name == self._leader_name:
            return await self._handler(request)
        user = await self._user(token.strip()) if scheme.lower() == "bearer" and token.strip() else None
        if user is None:
            return _text(401, "Unauthorized")
        verb, subresources = asked(request.method, request.path)
        for subresource in subresources:
            if await self._may(user, verb, subresource):
                return await self._handler(request)
        words = f"Forbidden (user={user.username}, verb={verb}, resource=nodes, "
        return _text(403, f"{words}subresource(s)=[{' '.join(subresources)}])\n")

    async def _user(self, token: str) -> UserInfo | None:
        key = hashlib.sha256(token.encode()).hexdigest()
        known = self._users.get(key, UNKNOWN)
        if not known.is_fresh():
            status = (await self._ask(TokenReview(spec=TokenReviewSpec(token=token)))).status
            known = _Known(status.user if status.authenticated else None, until=trio.current_time() + KNOWN_S)
            _keep(self._users, key, known)
        return known.user

    async def _may(self, user: UserInfo, verb: str, subresource: str) -> bool:
        key = (user.username, *user.groups, "", verb, subresource)
        known = self._rights.get(key, UNKNOWN)
        if not known.is_fresh():
            wish = ResourceAttributes(
                verb=verb, version="v1", resource="nodes", subresource=subresource, name=self._node_name
            )
            spec = SubjectAccessReviewSpec(
                resource_attributes=wish,
                user=user.username,
                groups=user.groups,
                uid=user.uid,
                extra=user.extra,
            )
            is_allowed = (await self._ask(SubjectAccessReview(spec=spec))).status.allowed
            life_s = ALLOWED_S if is_allowed else DENIED_S
            known = _Known(is_allowed=is_allowed, until=trio.current_time() + life_s)
            _keep(self._rights, key, known)
        return known.is_allowed

    async def _ask(self, review: R) -> R:
        try:
            return await self._client.create(review)
        except ConnectionLost:
            raise ServiceUnavailable("the leader, who knows who may ask, does not answer") from None


def _keep(answers: dict[K, _Known], key: K, answer: _Known) -> None:
    if len(answers) >= KEPT:
        answers.clear()
    answers[key] = answer


def _text(status: int, words: str) -> Response:
    return Response(status, (("Content-Type", "text/plain; charset=utf-8"),), (words.encode(),))
