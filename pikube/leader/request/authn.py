"""Pure: who a request comes from: client certificate, bearer token, or nobody.

Enter: the TLS peer and the Authorization header. Leaves: a User. Unauthorized for credentials that are
given but wrong; without any the user is anonymous. Called by the handler before anything else is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from pikube.api.errors import Forbidden, Unauthorized
from pikube.leader.request.context import ANONYMOUS, User
from pikube.wire.messages import Peer

AUTHENTICATED = "system:authenticated"

TokenReader = Callable[[str], User]
"""Bearer token → the user it names; raises Unauthorized."""

CertificateReader = Callable[[Peer], User]
"""Verified client certificate → the user it names; raises Unauthorized when it counts no longer."""


def authenticate(
    peer: Peer, headers: Mapping[str, str], read_token: TokenReader, read_certificate: CertificateReader
) -> User:
    """A token counts before a certificate, as upstream's union of authenticators does for clients that show
    both."""
    authorization = headers.get("authorization", "")
    if authorization:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized()
        return with_group(read_token(token.strip()))
    if peer.common_name:
        return with_group(read_certificate(peer))
    return ANONYMOUS


def with_group(user: User) -> User:
    """Everybody who was recognised belongs to system:authenticated."""
    if AUTHENTICATED in user.groups:
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))


def impersonated(user: User, headers: Mapping[str, str], may: Callable[[str, str], bool]) -> User:
    """The user that `Impersonate-*` headers ask for; Forbidden unless `may(resource, name)` for each part."""
    name = headers.get("impersonate-user", "")
    groups = tuple(g.strip() for g in headers.get("impersonate-group", "").split(",") if g.strip())
    if not name:
        return user
    kind = "serviceaccounts" if name.startswith("system:serviceaccount:") else "users"
    for resource, wanted in ((kind, name), *(("groups", group) for group in groups)):
        if not may(resource, wanted):
            raise Forbidden(
                f'{resource} "{wanted}" is forbidden: User "{user.name}" cannot impersonate resource '
                f'"{resource}" in API group "" at the cluster scope'
            )
    if kind == "serviceaccounts" and not groups:
        namespace = name.split(":")[2]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return with_group(User(name, groups))
