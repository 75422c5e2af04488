"""Declaration: what authorization is, and the words of its refusal."""

from __future__ import annotations

from typing import Protocol

from pikube.api.errors import Forbidden, Resource
from pikube.leader.request.context import User
from pikube.leader.request.route import Route


class Authorizer(Protocol):
    def may(self, user: User, route: Route) -> bool:
        """Whether the user may do what the route says. Quick, from memory."""
        ...

    def why_not(self, user: User, route: Route) -> str:
        """What there is to say about a refusal; '' when it is simply not allowed."""
        ...


class Either:
    """Several authorizers: what one of them allows is allowed."""

    def __init__(self, *authorizers: Authorizer) -> None:
        self._authorizers = authorizers

    def may(self, user: User, route: Route) -> bool:
        """See Authorizer."""
        return any(authorizer.may(user, route) for authorizer in self._authorizers)

    def why_not(self, user: User, route: Route) -> str:
        """See Authorizer; a line of each."""
        return "\n".join(filter(None, (one.why_not(user, route) for one in self._authorizers)))


def refuse(user: User, route: Route, why: str = "") -> Forbidden:
    """The answer of kubernetes apiserver endpoints/handlers/responsewriters/errors.go:forbiddenMessage."""
    more = f": {why}" if why else ""
    if not route.is_resource:
        return Forbidden(f'forbidden: User "{user.name}" cannot {route.verb} path "{route.path}"{more}')
    resource = Resource(route.group, route.resource)
    what = f"{route.resource}/{route.subresource}" if route.subresource else route.resource
    where = f'in the namespace "{route.namespace}"' if route.namespace else "at the cluster scope"
    return Forbidden.of(
        resource,
        route.name,
        f'User "{user.name}" cannot {route.verb} resource "{what}" in API group "{route.group}" {where}{more}',
    )
