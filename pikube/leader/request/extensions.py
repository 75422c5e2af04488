"""Shell: what extension API servers are asked for: documents, over TLS, as the front proxy.

Enter: an APIService with a Service. Leave: documents; what the extension adds to the OpenAPI documents. Whatever it
answers breaks nothing of ours. Called by the aggregation. Source: kubernetes kube-aggregator
pkg/controllers/openapi/aggregator.
"""

from __future__ import annotations

import base64
import binascii
import logging
import ssl
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import trio

from pikube.api.aggregation import Extension, document_url, user_headers
from pikube.api.errors import ApiError
from pikube.api.kinds.apiregistration import APIService
from pikube.api.openapi_merge import part_of
from pikube.leader.request.context import MASTERS, User
from pikube.leader.service_route import NoRoute, ServiceRoutes
from pikube.wire.exchange import Exchange, PeerLost
from pikube.wire.messages import Headers
from pikube.wire.named_context import NamedContext
from pikube.wire.sockets import Address
from pikube.wire.tunnel import open_answer

log = logging.getLogger("pikube.aggregation")

OURSELVES = User("system:kube-aggregator", (MASTERS,))
INDEX_S = 5.0
PART_S = 20.0  # aggregator.go:specDownloadTimeout is a minute; what is late is there at the next look
DOCUMENT_BYTES = 8 * 1024 * 1024  # all of Kubernetes' own has 4
KEPT = 32  # TLS contexts
UNREADABLE = (ApiError, PeerLost, NoRoute, ssl.SSLError, OSError, ValueError)


class ExtensionDoor:
    """The way to them. What fails is one of UNREADABLE."""

    def __init__(self, routes: ServiceRoutes, front_proxy: Path) -> None:
        self._routes = routes
        self._front_proxy = front_proxy
        self._contexts: dict[tuple[Any, ...], ssl.SSLContext] = {}

    async def fetch(self, service: APIService, address: Address, path: str, *, answer_s: float) -> Any:
        """A document in JSON; ValueError for another status, and for what is none."""
        exchange, body = await self.ask(service, address, path, (), answer_s=answer_s)
        check_status(exchange, address, path)
        return decoded(body)

    async def ask(
        self, service: APIService, address: Address, path: str, more: Headers, *, answer_s: float
    ) -> tuple[Exchange, bytes]:
        """An answer of any status."""
        headers = [
            ("Host", host_of(service)),
            ("Accept", "application/json"),
            ("Connection", "close"),
            *more,
            *user_headers(OURSELVES.name, "", OURSELVES.groups, {}),
        ]
        exchange = await open_answer(
            address, self.context(service), "GET", path, headers, b"", answer_s=answer_s
        )
        try:
            return exchange, await _body(exchange)
        finally:
            await exchange.close()

    def address(self, service: APIService) -> Address:
        assert service.spec.service is not None
        where = service.spec.service
        return self._routes.address(where.namespace, where.name, where.port or 443)

    def context(self, service: APIService) -> ssl.SSLContext:
        spec = service.spec
        assert spec.service is not None
        name = f"{spec.service.name}.{spec.service.namespace}.svc"
        try:
            ca = base64.b64decode(spec.ca_bundle or "")
        except binascii.Error:
            ca = b""
        changed_at = self._front_proxy.stat().st_mtime_ns if self._front_proxy.exists() else 0
        key = (ca, name, spec.insecure_skip_tls_verify, changed_at)
        context = self._contexts.get(key)
        if context is None:
            if len(self._contexts) >= KEPT:
                self._contexts.clear()
            context = NamedContext.trusting(ca, name)
            if spec.insecure_skip_tls_verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if changed_at:
                context.load_cert_chain(self._front_proxy)
            self._contexts[key] = context
        return context


async def with_documents(door: ExtensionDoor, service: APIService, known: Extension) -> Extension:
    """An extension with where its OpenAPI document is, and with its part of the document of version 2. What takes too
    long to say stays as it was known; not to have one is no illness."""
    with trio.move_on_after(INDEX_S):
        known = await _with_index(door, service, known)
    with trio.move_on_after(PART_S):
        return await _with_part(door, service, known)
    return known


async def _with_index(door: ExtensionDoor, service: APIService, known: Extension) -> Extension:
    """With the hash that tells clients of another document."""
    try:
        index = await door.fetch(service, door.address(service), "/openapi/v3", answer_s=INDEX_S)
    except UNREADABLE:
        index = None
    url = document_url(index, known.group, known.version)
    if url and url == known.openapi and "?hash=" in url:
        return known
    return replace(known, openapi=url, is_part_old=True)


async def _with_part(door: ExtensionDoor, service: APIService, known: Extension) -> Extension:
    """Read anew when the index has another hash, unless its ETag is the same; what cannot be read leaves what was
    known (aggregator.go keeps the last success)."""
    if not known.is_part_old:
        return known
    condition = (("If-None-Match", known.part_etag),) if known.part_etag else ()
    path = "/openapi/v2"
    try:
        address = door.address(service)
        exchange, body = await door.ask(service, address, path, condition, answer_s=PART_S)
        if exchange.status == 304 and known.part_etag:
            return replace(known, is_part_old=False)
        check_status(exchange, address, path)
        part = await trio.to_thread.run_sync(_packed, body, known.group, known.version)
    except UNREADABLE as error:
        log.debug("event=openapi_not_read service=%s why=%r", service.metadata.name, str(error))
        return known
    etag = next((value for name, value in exchange.headers if name.lower() == "etag"), "")
    return replace(known, part=part, part_etag=etag, is_part_old=False)


def host_of(service: APIService) -> str:
    """How its certificate and its virtual hosts call it."""
    assert service.spec.service is not None
    where = service.spec.service
    return f"{where.name}.{where.namespace}.svc:{where.port or 443}"


def check_status(exchange: Exchange, address: Address, path: str) -> None:
    """ValueError for an answer that is no document."""
    if exchange.status != 200:
        raise ValueError(f"bad status from https://{address[0]}:{address[1]}{path}: {exchange.status}")


def decoded(body: bytes) -> Any:
    """ValueError for what is no JSON, or far too deep."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None


def _packed(body: bytes, group: str, version: str) -> bytes:
    """In a worker thread: such documents take long to read."""
    return zlib.compress(msgspec.json.encode(part_of(decoded(body), group, version)))


async def _body(exchange: Exchange) -> bytes:
    body = b""
    while chunk := await exchange.chunk():
        body += chunk
        if len(body) > DOCUMENT_BYTES:
            raise ValueError("the document is too large")
    return body
