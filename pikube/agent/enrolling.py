"""Shell: a board's side of joining: whom it talks to, its request, and the answer.

Enter: URLs, a token. Leave: a ClusterDocument that was checked, Certificates; the errors of pikube.api.errors, or
ConnectionLost. Called by the commands join and agent.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec
import trio

from pikube.api.client import ConnectionLost
from pikube.api.errors import TooManyRequests
from pikube.certs.authority import fingerprint, make_request, split_bundle
from pikube.certs.contexts import blind_context, client_context
from pikube.certs.enrolment import (
    CLUSTER,
    JOIN,
    RENEW,
    Certificates,
    ClusterDocument,
    JoinRequest,
    RenewRequest,
    Wire,
)
from pikube.certs.profiles import LEADER_NAME, NODE_PREFIX, NODES
from pikube.wire.client import ApiConnection, open_api_connection

W = TypeVar("W", bound=Wire)

ANSWER_BYTES = 256 * 1024  # certificates and a few settings; who answers may be a stranger
RETRY_S, RETRIES = 1.0, 15  # a leader lets twenty strangers' requests of one address in, then two a second


class OtherCluster(Exception):
    """Whoever answered has another authority than the one that was expected."""

    def __init__(self, found: ClusterDocument) -> None:
        super().__init__(found.cluster)
        self.found = found


async def ask_cluster(urls: Sequence[str], tls: ssl.SSLContext | None = None) -> ClusterDocument:
    """What the cluster says of itself. Without `tls` the answer proves nothing. ConnectionLost."""
    async with open_api_connection(urls, tls or blind_context(), most_bytes=ANSWER_BYTES) as connection:
        return decoded(await asked(connection, "GET", CLUSTER), ClusterDocument)


async def asked(connection: ApiConnection, method: str, path: str, body: bytes = b"") -> bytes:
    """The answer of a leader that lets strangers in one by one: who is told to come again does so, for a while.
    TooManyRequests then, and what `request` raises."""
    for _ in range(RETRIES):
        with suppress(TooManyRequests):
            return await connection.request(method, path, body=body)
        await trio.sleep(RETRY_S)
    return await connection.request(method, path, body=body)


def trusted_authority(document: ClusterDocument, ca_hash: str) -> str:
    """The authority of the document that has this hash, PEM. Raises: OtherCluster."""
    try:
        for certificate in split_bundle(document.ca.encode()):
            if fingerprint(certificate) == ca_hash:
                return certificate.decode()
    except ValueError:
        pass
    raise OtherCluster(document)


async def join(urls: Sequence[str], authority: str, wish: JoinRequest) -> Certificates:
    """Ask for membership over a connection that only the owner of `authority` can answer."""
    tls = client_context(ca_data=authority, server_name=LEADER_NAME)
    async with open_api_connection(urls, tls, most_bytes=ANSWER_BYTES) as connection:
        return decoded(await asked(connection, "POST", JOIN, msgspec.json.encode(wish)), Certificates)


async def renew(urls: Sequence[str], tls: ssl.SSLContext, wish: RenewRequest) -> Certificates:
    """New certificates for a known key; `tls` shows none: the old one may have expired."""
    async with open_api_connection(urls, tls, most_bytes=ANSWER_BYTES) as connection:
        return decoded(await asked(connection, "POST", RENEW, msgspec.json.encode(wish)), Certificates)


def request_for(key: bytes, node: str) -> str:
    """The certificate request of a node for the board's key, PEM."""
    return make_request(key, NODE_PREFIX + node, (NODES,)).decode()


def decoded(body: bytes, cls: type[W]) -> W:
    """A message. ConnectionLost when it is none: then nobody of ours is there."""
    try:
        return msgspec.json.decode(body, type=cls)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ConnectionLost("what answered is no pikube leader") from None
