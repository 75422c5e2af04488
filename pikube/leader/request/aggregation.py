"""Shell: APIServices whose API a Service serves: requests are handed on, and the Service is asked how it is.

Enter: APIServices from the store's memory, requests with their user. Leave: the extension API server's answers, as it
gave them; conditions on the APIServices; what discovery shows of them. The leader shows the certificate
`front-proxy-client` and names the user in headers. Called by the handler after authorization; `run` is a task of
run.py. Sources: kubernetes kube-aggregator pkg/apiserver/handler_proxy.go, pkg/controllers/status/remote.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import trio
from msgspec import structs

from pikube.api.aggregation import Extension, passed_headers, user_headers
from pikube.api.client import Client
from pikube.api.errors import ApiError, ServerTimeout, ServiceUnavailable
from pikube.api.kinds.apiregistration import APIService, APIServiceCondition, APIServiceStatus
from pikube.api.times import render_time
from pikube.leader.request.context import User
from pikube.leader.request.extensions import UNREADABLE, ExtensionDoor, host_of, with_documents
from pikube.leader.request.route import Route
from pikube.leader.service_route import NoRoute, ServiceRoutes
from pikube.leader.store.contract import Item, Key, Store
from pikube.wire.messages import Answer, Request
from pikube.wire.sockets import Address
from pikube.wire.tunnel import relay, relay_upgrade, upload_of

log = logging.getLogger("pikube.aggregation")

ANSWER_S = 600.0  # watches begin at once, but a webhook or a long poll behind an extension may take its time
LOOK_S = 30.0  # how often an extension that is well is asked
RETRY_S = 5.0
CHECK_S = 5.0  # available_controller.go: a discovery check that takes longer has failed

Decode = Callable[[type[Any], Item], Any]
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Look:
    """How a Service was found, and its condition's reason and message."""

    service: APIService
    extension: Extension
    reason: str
    message: str


class Aggregator:
    """`known` is what discovery shows; it is another tuple whenever something changed."""

    def __init__(
        self, store: Store, decode: Decode, client: Client, front_proxy: Path, wall_clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._decode = decode
        self._client = client
        self._now = wall_clock
        self._door = ExtensionDoor(ServiceRoutes(store, decode), front_proxy)
        self._services: dict[Key, tuple[int, APIService]] = {}
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
            address = self._door.address(service)
        except NoRoute:
            raise ServiceUnavailable("service unavailable") from None
        context = self._door.context(service)
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
            looks = await _of_all(self._look, services)
            self._show(tuple(look.extension for look in looks))
            await _of_all(self._tell, looks)  # who waits for the condition finds the kinds
            self._show(await _of_all(self._with_documents, looks))
            pause_s = LOOK_S if all(look.extension.is_current for look in looks) else RETRY_S
            with trio.move_on_after(pause_s if services else float("inf")):
                await self._wait_for_another(revision, [service.spec for service in services])

    def _show(self, extensions: tuple[Extension, ...]) -> None:
        if extensions != self.known:
            self.known = extensions

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

    async def _look(self, service: APIService) -> Look:
        """What the extension says of itself, beside the documents that were known of it."""
        spec = service.spec
        before = next((e for e in self.known if (e.group, e.version) == (spec.group, spec.version)), None)
        known = before if before is not None else Extension(spec.group, spec.version)
        try:
            resources = await self._resources(service)
        except Unavailable as why:
            ill = replace(known, is_current=False, openapi="")
            return Look(service, ill, why.reason, str(why))
        well = replace(known, resources=resources, is_current=True)
        return Look(service, well, "Passed", "all checks passed")

    async def _with_documents(self, look: Look) -> Extension:
        extension = look.extension
        return (
            await with_documents(self._door, look.service, extension) if extension.is_current else extension
        )

    async def _resources(self, service: APIService) -> tuple[dict[str, Any], ...]:
        """Raises Unavailable."""
        assert service.spec.service is not None
        where = service.spec.service
        named = f'service/{where.name} in "{where.namespace}"'
        try:
            address = self._door.address(service)
        except NoRoute as error:
            if "not found" in str(error):
                raise Unavailable("ServiceNotFound", f"{named} is not present") from None
            raise Unavailable("MissingEndpoints", f"endpoints for {named} have no addresses") from None
        path = f"/apis/{service.spec.group}/{service.spec.version}"
        failed = f"failing or missing response from https://{address[0]}:{address[1]}{path}: "
        with trio.move_on_after(CHECK_S):
            try:
                return await self._discover(service, address, path)
            except UNREADABLE as error:
                raise Unavailable("FailedDiscoveryCheck", failed + str(error)) from None
        raise Unavailable("FailedDiscoveryCheck", f"{failed}context deadline exceeded")

    async def _discover(self, service: APIService, address: Address, path: str) -> tuple[dict[str, Any], ...]:
        document = await self._door.fetch(service, address, path, answer_s=CHECK_S)
        resources = document.get("resources") if isinstance(document, dict) else None
        return tuple(one for one in resources or () if isinstance(one, dict))

    async def _tell(self, look: Look) -> None:
        """Write the condition, when it is another."""
        service, reason, message = look.service, look.reason, look.message
        status = "True" if look.extension.is_current else "False"
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


class Unavailable(Exception):
    """An extension does not answer as it should; `reason` is the condition's."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason = reason


def group_version(path: str) -> tuple[str, str]:
    """Of `/apis/GROUP/VERSION` and `/openapi/v3/apis/GROUP/VERSION`; ('', '') for other paths."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["openapi", "v3"]:
        parts = parts[2:]
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == "apis" else ("", "")


async def _of_all(function: Callable[[A], Awaitable[B]], items: Sequence[A]) -> tuple[B, ...]:
    """At once, so that one that is slow holds up nobody else; in order."""
    found: dict[int, B] = {}

    async def one(index: int, item: A) -> None:
        found[index] = await function(item)

    async with trio.open_nursery() as nursery:
        for index, item in enumerate(items):
            nursery.start_soon(one, index, item)
    return tuple(found[index] for index in range(len(items)))
