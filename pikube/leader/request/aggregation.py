"""Shell: APIServices whose API a Service serves: requests are handed on, and the Service is asked how it is.

Enter: APIServices from the store's memory, requests with their user. Leave: the extension API server's answers, as it
gave them; conditions on the APIServices; what discovery shows of them. The leader shows the certificate
`front-proxy-client` and names the user in headers. Called by the handler after authorization; `run` is a task of
run.py. Sources: kubernetes kube-aggregator pkg/apiserver/handler_proxy.go, pkg/controllers/status/remote.
"""

from __future__ import annotations

import base64
import binascii
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import trio
from msgspec import structs

from pikube.api.aggregation import Extension, document_url, passed_headers, user_headers
from pikube.api.client import Client
from pikube.api.errors import ApiError, ServerTimeout, ServiceUnavailable
from pikube.api.kinds.apiregistration import APIService, APIServiceCondition, APIServiceStatus
from pikube.api.times import render_time
from pikube.leader.request.context import MASTERS, User
from pikube.leader.request.route import Route
from pikube.leader.service_route import NoRoute, ServiceRoutes
from pikube.leader.store.contract import Item, Key, Store
from pikube.wire.exchange import Exchange, PeerLost
from pikube.wire.messages import Answer, Request
from pikube.wire.named_context import NamedContext
from pikube.wire.sockets import Address
from pikube.wire.tunnel import open_answer, relay, relay_upgrade, upload_of

log = logging.getLogger("pikube.aggregation")

ANSWER_S = 600.0  # watches begin at once, but a webhook or a long poll behind an extension may take its time
LOOK_S = 30.0  # how often an extension that is well is asked
RETRY_S = 5.0
CHECK_S = 5.0  # available_controller.go: a discovery check that takes longer has failed
DISCOVERY_BYTES = 4 * 1024 * 1024
OURSELVES = User("system:kube-aggregator", (MASTERS,))
KEPT = 32  # TLS contexts

Decode = Callable[[type[Any], Item], Any]


class Aggregator:
    """`known` is what discovery shows; it is another tuple whenever something changed."""

    def __init__(
        self, store: Store, decode: Decode, client: Client, front_proxy: Path, wall_clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._decode = decode
        self._client = client
        self._front_proxy = front_proxy
        self._now = wall_clock
        self._routes = ServiceRoutes(store, decode)
        self._services: dict[Key, tuple[int, APIService]] = {}
        self._contexts: dict[tuple[Any, ...], ssl.SSLContext] = {}
        self.known: tuple[Extension, ...] = ()

    def service_of(self, route: Route) -> APIService | None:
        """Who serves this path, when it is not this server. The core group is always our own."""
        group, version = (route.group, route.version) if route.is_resource else group_version(route.path)
        if not group:
            return None
        item = self._store.get(Key(APIService.names.resource, "", f"{version}.{group}"))
        service = self._known_service(item) if item is not None else None
        return service if service is not None and service.spec.service is not None else None

    async def answer(self, service: APIService, request: Request, user: User) -> Answer:
        """Hand a request on. ServiceUnavailable when nobody answers."""
        try:
            address = self._address(service)
        except NoRoute:
            raise ServiceUnavailable("service unavailable") from None
        context = self._context(service)
        target = f"{request.raw_path}?{request.query}" if request.query else request.raw_path
        headers = [
            ("Host", host_of(service)),
            *passed_headers(request.headers, request.peer.host),
            *user_headers(user.name, user.uid, user.groups, user.extra),
        ]
        try:
            if "upgrade" in request.headers.get("connection", "").lower() and "upgrade" in request.headers:
                return await relay_upgrade(address, context, request.method, target, request.headers, headers)
            body = upload_of(request)
            return await relay(address, context, request.method, target, headers, body, answer_s=ANSWER_S)
        except (ServiceUnavailable, ServerTimeout) as error:
            raise ServiceUnavailable(f"error trying to reach service: {error.message}") from error

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Ask each Service again and again how it is; without any, wait for one."""
        task_status.started()
        while True:
            revision = self._store.revision
            services = self._remote()
            found = [await self._look(service) for service in services]
            if tuple(found) != self.known:
                self.known = tuple(found)
            pause_s = LOOK_S if all(extension.is_current for extension in found) else RETRY_S
            with trio.move_on_after(pause_s if services else float("inf")):
                await self._wait_for_another(revision, [service.spec for service in services])

    async def _wait_for_another(self, revision: int, specs: list[Any]) -> None:
        """Until other Services serve APIs, or otherwise."""
        resource = APIService.names.resource
        try:
            async with self._store.watch(resource, after_revision=revision) as events:
                async for _ in events:
                    if [service.spec for service in self._remote()] != specs:
                        return
        except ApiError:
            return  # the history is gone: look at once

    def _remote(self) -> list[APIService]:
        found = (self._known_service(item) for item in self._store.list(APIService.names.resource).items)
        return [service for service in found if service.spec.service is not None]

    def _known_service(self, item: Item) -> APIService:
        known = self._services.get(item.key)
        if known is None or known[0] != item.revision:
            known = self._services[item.key] = item.revision, self._decode(APIService, item)
        return known[1]

    async def _look(self, service: APIService) -> Extension:
        """What the extension says of itself; its condition is written when it is another."""
        spec = service.spec
        before = next((e for e in self.known if (e.group, e.version) == (spec.group, spec.version)), None)
        try:
            resources = await self._resources(service)
        except Unavailable as why:
            await self._tell(service, "False", why.reason, str(why))
            kept = before.resources if before is not None else ()
            return Extension(spec.group, spec.version, kept, is_current=False)
        openapi = await self._openapi(service, before)
        await self._tell(service, "True", "Passed", "all checks passed")
        return Extension(spec.group, spec.version, resources, openapi=openapi)

    async def _openapi(self, service: APIService, before: Extension | None) -> str:
        """Where its OpenAPI document is, with the hash that tells clients of another one; what was known when it
        takes too long to say. Not to have one is no illness."""
        spec = service.spec
        with trio.move_on_after(CHECK_S):
            try:
                index = await self._fetch(service, self._address(service), "/openapi/v3")
                return document_url(index, spec.group, spec.version)
            except (ApiError, PeerLost, NoRoute, ssl.SSLError, OSError, ValueError):
                return ""
        return before.openapi if before is not None else ""

    async def _resources(self, service: APIService) -> tuple[dict[str, Any], ...]:
        """Raises Unavailable."""
        assert service.spec.service is not None
        where = service.spec.service
        named = f'service/{where.name} in "{where.namespace}"'
        try:
            address = self._address(service)
        except NoRoute as error:
            if "not found" in str(error):
                raise Unavailable("ServiceNotFound", f"{named} is not present") from None
            raise Unavailable("MissingEndpoints", f"endpoints for {named} have no addresses") from None
        path = f"/apis/{service.spec.group}/{service.spec.version}"
        failed = f"failing or missing response from https://{address[0]}:{address[1]}{path}: "
        with trio.move_on_after(CHECK_S):
            try:
                return await self._discover(service, address, path)
            except (ApiError, PeerLost, ssl.SSLError, OSError, ValueError) as error:
                raise Unavailable("FailedDiscoveryCheck", failed + str(error)) from None
        raise Unavailable("FailedDiscoveryCheck", f"{failed}context deadline exceeded")

    async def _discover(self, service: APIService, address: Address, path: str) -> tuple[dict[str, Any], ...]:
        document = await self._fetch(service, address, path)
        resources = document.get("resources") if isinstance(document, dict) else None
        return tuple(one for one in resources or () if isinstance(one, dict))

    async def _fetch(self, service: APIService, address: Address, path: str) -> Any:
        """A document in JSON; ValueError for another status, and for what is none."""
        headers = [
            ("Host", host_of(service)),
            ("Accept", "application/json"),
            ("Connection", "close"),
            *user_headers(OURSELVES.name, "", OURSELVES.groups, {}),
        ]
        exchange = await open_answer(
            address, self._context(service), "GET", path, headers, b"", answer_s=CHECK_S
        )
        try:
            body = await _body(exchange)
        finally:
            await exchange.close()
        if exchange.status != 200:
            raise ValueError(f"bad status from https://{address[0]}:{address[1]}{path}: {exchange.status}")
        return msgspec.json.decode(body)

    async def _tell(self, service: APIService, status: str, reason: str, message: str) -> None:
        old = next((c for c in service.status.conditions if c.type == "Available"), None)
        if old is not None and (old.status, old.reason, old.message) == (status, reason, message):
            return
        since = render_time(self._now())
        if old is not None and old.status == status:
            since = old.last_transition_time
        condition = APIServiceCondition(
            type="Available", status=status, reason=reason, message=message, last_transition_time=since
        )
        kept = tuple(c for c in service.status.conditions if c.type != "Available")
        new = structs.replace(service, status=APIServiceStatus(conditions=(*kept, condition)))
        try:
            await self._client.update(new, subresource="status")
        except ApiError as error:
            log.debug("event=condition_not_written service=%s why=%r", service.metadata.name, str(error))

    def _address(self, service: APIService) -> Address:
        assert service.spec.service is not None
        where = service.spec.service
        return self._routes.address(where.namespace, where.name, where.port or 443)

    def _context(self, service: APIService) -> ssl.SSLContext:
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


class Unavailable(Exception):
    """An extension does not answer as it should; `reason` is the condition's."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason = reason


def host_of(service: APIService) -> str:
    """How its certificate and its virtual hosts call it."""
    assert service.spec.service is not None
    where = service.spec.service
    return f"{where.name}.{where.namespace}.svc:{where.port or 443}"


def group_version(path: str) -> tuple[str, str]:
    """Of `/apis/GROUP/VERSION` and `/openapi/v3/apis/GROUP/VERSION`; ('', '') for other paths."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["openapi", "v3"]:
        parts = parts[2:]
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == "apis" else ("", "")


async def _body(exchange: Exchange) -> bytes:
    body = b""
    while chunk := await exchange.chunk():
        body += chunk
        if len(body) > DISCOVERY_BYTES:
            raise ValueError("the discovery document is too large")
    return body
