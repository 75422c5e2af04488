"""Shell: the leader's authority at work: what is trusted now, and signatures on the requests of boards and people.

Enter: the directory of the leader's certificates. Leave: PEM. Every signature of the cluster is made here, so that
a change of authority is one assignment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from pikube.certs.authority import KeyPair, sign_as_asked, sign_request
from pikube.certs.profiles import NODE_CLIENT, NODE_SERVING, Profile


class Issuer:
    """`ca` signs; `bundle` is what boards and clients are told to trust."""

    def __init__(self, ca: KeyPair, bundle: bytes, *, wall_clock: Callable[[], float] = time.time) -> None:
        self.ca = ca
        self.bundle = bundle
        self._now = wall_clock

    def sign_node(self, request: bytes, node: str, names: Iterable[str]) -> tuple[bytes, bytes]:
        """(client, serving) certificates of a node for the key of its request. ValueError for a bad request."""
        client = self.sign(NODE_CLIENT, request, (), node=node)
        return client, self.sign(NODE_SERVING, request, names, node=node)

    def sign_as_asked(self, profile: Profile, request: bytes) -> bytes:
        """One certificate for the subject and names of the request. ValueError for a bad request."""
        return sign_as_asked(self.ca, profile, request, self._now())

    def sign(self, profile: Profile, request: bytes, names: Iterable[str], *, node: str = "") -> bytes:
        """One certificate by profile. ValueError for a bad request."""
        return sign_request(self.ca, profile, request, names, self._now(), node=node)
