"""Pure: who a request comes from: client certificate, bearer token, or nobody.

Enter: the TLS peer and the headers. Leaves: a User. Unauthorized for credentials that are
given but wrong; without any the user is anonymous. Called by the handler before anything else is read.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import unquote

from pikube.api.errors import Forbidden, InternalError, Resource, Unauthorized
from pikube.certs.tokens import ISSUER
from pikube.leader.request.context import ANONYMOUS, User
from pikube.wire.messages import Peer
from pikube.wire.upgrade import offered_protocols, wants_socket

AUTHENTICATED = "system:authenticated"
AUTHENTICATION = "authentication.k8s.io"
ACCOUNT = "system:serviceaccount:"
TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io."
PROTOCOLS = "sec-websocket-protocol"

Recognised = tuple[User, tuple[str, ...]]
"""A user, and for which of the audiences that were asked for."""

TokenReader = Callable[[str, Sequence[str]], Recognised]
"""(bearer token, audiences) → the user it names, if it is for one of them; raises Unauthorized."""

API_AUDIENCES = (ISSUER,)

CertificateReader = Callable[[Peer], User]
"""Verified client certificate → the user it names; raises Unauthorized when it counts no longer."""


def authenticate(
    peer: Peer,
    headers: Mapping[str, str],
    read_token: TokenReader,
    read_certificate: CertificateReader,
    *,
    may_be_anonymous: bool = True,
) -> User:
    """A token counts before a certificate, as upstream's union of authenticators does for clients that show
    both."""
    authorization = headers.get("authorization", "")
    if authorization:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized()
        return with_group(read_token(token.strip(), API_AUDIENCES)[0])
    if shows_token_as_protocol(headers):
        return with_group(read_token(_token_in_protocols(headers), API_AUDIENCES)[0])
    if peer.common_name:
        return with_group(read_certificate(peer))
    if not may_be_anonymous:
        raise Unauthorized()
    return ANONYMOUS


def shows_token_as_protocol(headers: Mapping[str, str]) -> bool:
    """Browsers name no Authorization for a WebSocket; they show a token as one of its protocols (kubernetes apiserver
    authentication/request/websocket/protocol.go)."""
    return wants_socket(headers) and TOKEN_PROTOCOL in headers.get(PROTOCOLS, "")


def without_token(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers of such a request, with the other protocols only."""
    others = [name for name in offered_protocols(headers) if not name.startswith(TOKEN_PROTOCOL)]
    return {**headers, PROTOCOLS: ", ".join(others)}


def _token_in_protocols(headers: Mapping[str, str]) -> str:
    offered = offered_protocols(headers)
    tokens = [name.removeprefix(TOKEN_PROTOCOL) for name in offered if name.startswith(TOKEN_PROTOCOL)]
    if len(tokens) != 1 or len(offered) == 1:
        raise Unauthorized()  # another one must be there, which is spoken
    text = tokens[0]
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise Unauthorized() from None


def with_group(user: User) -> User:
    """Everybody who was recognised belongs to system:authenticated."""
    if AUTHENTICATED in user.groups:
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))


def account_user(name: str) -> User:
    """The user that a service account is, by its whole name."""
    namespace = name.removeprefix(ACCOUNT).partition(":")[0]
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return with_group(User(name, groups))


MayImpersonate = Callable[[str, str, str, str, str], bool]
"""(group, resource, subresource, namespace, name) → whether he may be that."""
EXTRA = "impersonate-extra-"


def impersonated(user: User, headers: Mapping[str, str], may: MayImpersonate) -> User:
    """The user that `Impersonate-*` headers ask for; Forbidden unless `may` for each part
    (kubernetes apiserver endpoints/filters/impersonation.go)."""
    name = headers.get("impersonate-user", "").partition("\n")[0]
    asked = headers.get("impersonate-group")
    groups = tuple(asked.split("\n")) if asked is not None else ()  # so the server joins them: wire/incoming
    uid = headers.get("impersonate-uid", "").partition("\n")[0]
    extra = {
        unquote(key[len(EXTRA) :]).lower(): tuple(values.split("\n"))
        for key, values in headers.items()
        if key.startswith(EXTRA)
    }
    if not name:
        if groups or uid or extra:
            raise InternalError.of(
                "requested impersonation of groups, uid or extra without impersonating a user"
            )
        return user
    parts = name.split(":") if name.startswith(ACCOUNT) else []
    account = parts if len(parts) == 4 else []
    wanted = (
        [("", "serviceaccounts", "", account[2], account[3])] if account else [("", "users", "", "", name)]
    )
    wanted += [("", "groups", "", "", group) for group in groups]
    wanted += [(AUTHENTICATION, "uids", "", "", uid)] if uid else []
    wanted += [
        (AUTHENTICATION, "userextras", key, "", value) for key, values in extra.items() for value in values
    ]
    for group, resource, subresource, namespace, value in wanted:
        if not may(group, resource, subresource, namespace, value):
            what = f"{resource}/{subresource}" if subresource else resource
            where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            raise Forbidden.of(
                Resource(group, resource),
                value,
                f'User "{user.name}" cannot impersonate resource "{what}" in API group "{group}" {where}',
            )
    if account and not groups:
        groups = account_user(name).groups
    if name == ANONYMOUS.name and ANONYMOUS.groups[0] not in groups:
        groups = (*groups, *ANONYMOUS.groups)
    made = User(name, groups, uid, extra)
    return made if ANONYMOUS.groups[0] in groups else with_group(made)
