"""Shell: who a client certificate speaks for, and whether it still may: expiry, and for boards their key.

Enter: the TLS peer. Leaves: a User. A node's certificate counts as long as its Node carries the same key: deleting
or replacing a Node revokes its board at once, without revocation lists.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, ParamSpec

import trio

from pikube.api.errors import Unauthorized
from pikube.api.kinds.core_node import Node
from pikube.certs.authority import expiry_of, key_hash_of_certificate
from pikube.certs.enrolment import KEY_ANNOTATION
from pikube.certs.profiles import NODE_PREFIX, NODES
from pikube.leader.request.authn import with_group
from pikube.leader.request.context import User
from pikube.leader.store.contract import Item, Key, Store
from pikube.wire.messages import Answer, Handler, Peer, Request, Response, StreamResponse

P = ParamSpec("P")
REMEMBERED = 512  # certificates; each costs a few hundred bytes and saves 40 µs a request

EXPIRED = "the client certificate has expired"
REVOKED = "the node of this certificate was deleted or replaced"

CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"
Facts = tuple[str, float, User]
"""Of a certificate: its key's hash, when it expires, whom it names."""
Decode = Callable[[type[Any], Item], Any]


class BoardKeys:
    """Reads the store's memory only."""

    def __init__(self, store: Store, decode: Decode, wall_clock: Callable[[], float]) -> None:
        self._store = store
        self._decode = decode
        self._now = wall_clock
        self._certificates: OrderedDict[bytes, Facts] = OrderedDict()
        self._nodes: dict[str, tuple[int, str]] = {}
        self._streams: dict[str, set[trio.CancelScope]] = {}

    def user_of(self, peer: Peer) -> User:
        """The user of a verified client certificate. Unauthorized when it has expired or its board is revoked."""
        if not peer.certificate_der:
            return User(peer.common_name, peer.organizations)
        key, expires_at, user = self._facts(peer)
        if self._now() >= expires_at:
            raise Unauthorized(EXPIRED)
        if NODES in peer.organizations or peer.common_name.startswith(NODE_PREFIX):
            name = peer.common_name.removeprefix(NODE_PREFIX)
            if name == peer.common_name or self.key_of(name) != key:
                raise Unauthorized(REVOKED)
        return user

    def key_of(self, name: str) -> str:
        """The hash of the key that may speak for a node; '' for none."""
        item = self._store.get(Key(Node.names.resource, "", name))
        if item is None:
            self._nodes.pop(name, None)
            return ""
        known = self._nodes.get(name)
        if known is None or known[0] != item.revision:
            node: Node = self._decode(Node, item)
            known = (item.revision, node.metadata.annotations.get(KEY_ANNOTATION, ""))
            self._nodes[name] = known
        return known[1]

    def changed(self, old: Node | None, new: Node | None) -> None:
        """A Node as the informer brings it: a board whose key is gone is cut off in the middle of a word."""
        if old is None:
            return
        before = old.metadata.annotations.get(KEY_ANNOTATION, "")
        if new is None or new.metadata.annotations.get(KEY_ANNOTATION, "") != before:
            for scope in self._streams.get(old.metadata.name, ()):
                scope.cancel()

    @contextmanager
    def speaking(self, node: str) -> Iterator[None]:
        """What lasts while a board may speak: watches, above all."""
        scopes = self._streams.setdefault(node, set())
        with trio.CancelScope() as scope:
            scopes.add(scope)
            try:
                yield
            finally:
                scopes.discard(scope)
                if not scopes and self._streams.get(node) is scopes:
                    del self._streams[node]

    def _facts(self, peer: Peer) -> Facts:
        """Audits know the user by the certificate's hash (kubernetes apiserver pkg/authentication/request/x509)."""
        der = peer.certificate_der
        known = self._certificates.get(der)
        if known is None:
            extra = {CREDENTIAL_ID: (f"X509SHA256={sha256(der).hexdigest()}",)}
            user = with_group(User(peer.common_name, peer.organizations, extra=extra))
            known = key_hash_of_certificate(der), expiry_of(der), user
            self._certificates[der] = known
            if len(self._certificates) > REMEMBERED:
                self._certificates.popitem(last=False)
        return known


def while_they_may(api: Handler, keys: BoardKeys) -> Handler:
    """The API, whose streams to a board end when the board is revoked."""

    def during(node: str, run: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
        async def run_while(*arguments: P.args, **named: P.kwargs) -> None:
            with keys.speaking(node):
                await run(*arguments, **named)

        return run_while

    async def answer(request: Request) -> Answer:
        made = await api(request)
        name = request.peer.common_name
        if not isinstance(made, Response) and name.startswith(NODE_PREFIX):
            node = name.removeprefix(NODE_PREFIX)
            if isinstance(made, StreamResponse):
                made.run = during(node, made.run)
            else:
                made.run = during(node, made.run)
        return made

    return answer
