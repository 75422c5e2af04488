"""Shell: the API as a Handler: from a request to an answer, through authentication, authorization and the
verbs.

    route → who → may → kind → verb or subresource → answer

Built by run.py. Everything that is no resource (health, discovery, OpenAPI) is in `documents`, everything
that a board must answer (logs, exec) in `streams`.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import trio

from pikube.api.custom.objects import CustomObject
from pikube.api.errors import (
    ApiError,
    BadRequest,
    MethodNotAllowed,
    PathNotFound,
    ServiceUnavailable,
    TooManyRequests,
)
from pikube.api.kinds.core_config import ComponentStatus
from pikube.api.kinds.core_pod import Binding, Pod
from pikube.api.media_types import Accepted, check_streamable, negotiate
from pikube.api.options import MANAGER_BYTES, check_write_options
from pikube.api.scheme import KindInfo, Scheme, Subresource
from pikube.leader.request import answers, reads, writes
from pikube.leader.request.aggregation import Aggregator
from pikube.leader.request.authn import (
    CertificateReader,
    MayImpersonate,
    TokenReader,
    authenticate,
    impersonated,
    shows_token_as_protocol,
    without_token,
)
from pikube.leader.request.authz import Authorizer, refuse
from pikube.leader.request.component_status import answer_component_statuses
from pikube.leader.request.connect import connect_options
from pikube.leader.request.context import MASTERS, NODES, Context, User
from pikube.leader.request.counts import RequestCounts
from pikube.leader.request.deadline import deadline_s, too_late
from pikube.leader.request.metadata import match_namespace
from pikube.leader.request.registry import Registry
from pikube.leader.request.route import RELAYED, Query, Route, parse_route
from pikube.leader.request.scale import patch_scale, put_scale
from pikube.leader.request.subresources import Subresources
from pikube.leader.request.turns import Turns
from pikube.wire.messages import Answer, Request, Response, UpgradeResponse
from pikube.wire.request import RelayedRequest
from pikube.wire.upgrade import wants_socket

log = logging.getLogger("pikube.api")


class Documents(Protocol):
    async def answer(self, route: Route, request: Request, query: Query) -> Answer:
        """Paths that are no resource; PathNotFound."""
        ...


class Streams(Protocol):
    async def answer(self, route: Route, request: Request, query: Query, user: User) -> Answer:
        """Subresources that a board answers: log, exec, attach, portforward, proxy."""
        ...


class Measured(Protocol):
    async def answer(
        self, info: KindInfo, route: Route, query: Query, accepted: Accepted, now: float
    ) -> Answer:
        """Get and list of kinds that boards measure."""
        ...


class Desk(Protocol):
    async def answer(self, route: Route, request: Request, user: User) -> Answer:
        """Paths below DESKS, for people whom the authorizer lets through; PathNotFound."""
        ...


DESKS = "/pikube/v1/"
"""What people decide that is no object of Kubernetes."""

Review = Callable[[KindInfo, Route, Any, User], Awaitable[Any] | Any]
"""Answers kinds that are asked and never stored (TokenReview, SubjectAccessReview …)."""

Audit = Callable[[Request, Route, User | None, int, float, float, Mapping[str, str]], None]
"""(request, route, who or None, code, begun at, ended at, annotations): told of every finished request."""

DECISION = "authorization.k8s.io/decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """What the handler is built of."""

    scheme: Scheme
    registry: Registry
    subresources: Subresources
    documents: Documents
    streams: Streams
    measured: Measured | None
    desk: Desk | None
    authorizer: Authorizer
    read_token: TokenReader
    read_certificate: CertificateReader
    review: Review
    wall_clock: Callable[[], float]
    counts: RequestCounts
    may_be_anonymous: bool = True
    turns: Turns | None = None
    aggregator: Aggregator | None = None
    audit: Audit | None = None


@dataclass(slots=True)
class Asked:
    """What becomes known of a request on its way: who asks, and what is to be noted of it."""

    user: User | None = None
    notes: dict[str, str] = field(default_factory=dict)


class ApiHandler:
    """Implements pikube.wire.messages.Handler."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts

    async def __call__(self, request: Request) -> Answer:
        """Answer one request; raises ApiError for everything that is refused."""
        parts = self._parts
        query = Query(request.query)
        route = parse_route(request.method, request.path, query)
        began = time.perf_counter()
        code = 500
        asked = Asked()
        is_full = parts.counts.is_full(route) and not _must_pass(request, route)
        parts.counts.begin(route)
        try:
            limit_s = deadline_s(query, route)
            if is_full:
                raise too_many()
            if limit_s == math.inf:
                answer = await self._seated(request, query, route, asked)
            else:
                with trio.move_on_after(limit_s) as scope:
                    answer = await self._seated(request, query, route, asked)
                if scope.cancelled_caught:
                    raise too_late()
            code = answer.status
            return answer
        except ApiError as error:
            code = error.code
            error.is_for_people = _is_read_by_people(request, query)
            raise
        finally:
            took_s = time.perf_counter() - began
            info = parts.scheme.by_url(route.group, route.version, route.resource)
            parts.counts.end(route, code, took_s, is_known=not route.is_resource or info is not None)
            if parts.audit is not None:
                now = parts.wall_clock()
                parts.audit(request, route, asked.user, code, now - took_s, now, asked.notes)

    async def _seated(self, request: Request, query: Query, route: Route, asked: Asked) -> Answer:
        """The answer, once it is the user's turn. Who he is costs little; everything else waits for that."""
        parts = self._parts
        user = authenticate(
            request.peer,
            request.headers,
            parts.read_token,
            parts.read_certificate,
            may_be_anonymous=parts.may_be_anonymous,
        )
        if shows_token_as_protocol(request.headers):
            # nobody else is to see it, and it is no protocol that could be spoken
            headers = without_token(request.headers)
            request = RelayedRequest(request, request.path, request.raw_path, request.query, headers)
        sits = user.name
        if any(name.startswith("impersonate-") for name in request.headers):
            user = impersonated(user, request.headers, self._may_impersonate(user))
        asked.user = user
        if parts.turns is not None:
            await parts.turns.take(sits)
        if _must_pass(request, route):
            return await self._answer(request, query, route, user, asked.notes)
        if not parts.counts.seat(route, sits):
            raise too_many()
        try:
            return await self._answer(request, query, route, user, asked.notes)
        finally:
            parts.counts.leave(route, sits)

    async def _answer(
        self, request: Request, query: Query, route: Route, user: User, notes: dict[str, str]
    ) -> Answer:
        parts = self._parts
        is_allowed = parts.authorizer.may(user, route)
        notes[DECISION] = "allow" if is_allowed else "forbid"
        if not is_allowed:
            raise refuse(user, route, parts.authorizer.why_not(user, route))
        if not route.is_resource and parts.desk is not None and route.path.startswith(DESKS):
            return await parts.desk.answer(route, request, user)
        if parts.aggregator is not None and (service := parts.aggregator.service_of(route)) is not None:
            return await parts.aggregator.answer(service, request, user)
        if not route.is_resource:
            document = await parts.documents.answer(route, request, query)
            is_pretty = not route.path.startswith("/openapi/") and _is_read_by_people(request, query)
            return answers.indented(document) if is_pretty else document
        info = parts.scheme.by_url(route.group, route.version, route.resource)
        if info is None:
            is_served = (route.group, route.version) in parts.scheme.group_versions()
            raise PathNotFound(is_page=not is_served)
        check_place(info, route)
        if request.method == "HEAD" and route.subresource != "proxy":
            raise MethodNotAllowed()  # upstream's router knows of GET only, which authorization is asked for
        if route.subresource in RELAYED and info.subresource(route.subresource) is not None:
            if route.subresource != "log":
                options = connect_options(route, query, info.names.kind)
                context = Context(user, parts.wall_clock(), notes=notes)
                await parts.registry.connect(
                    info, route.namespace, route.name, route.subresource, options, context
                )
            return await parts.streams.answer(route, request, query, user)
        answer = await self._resource(info, route, request, query, user, notes)
        if _is_read_by_people(request, query):
            answer = answers.indented(answer)
        return _with_deprecation(answer, info)

    def _may_impersonate(self, user: User) -> MayImpersonate:
        def may(group: str, resource: str, subresource: str, namespace: str, name: str) -> bool:
            wish = Route("impersonate", "", True, group, "v1", namespace, resource, name, subresource)
            return self._parts.authorizer.may(user, wish)

        return may

    async def _resource(
        self,
        info: KindInfo,
        route: Route,
        request: Request,
        query: Query,
        user: User,
        notes: dict[str, str],
    ) -> Answer:
        has_protobuf = not issubclass(info.cls, CustomObject)
        accepted = negotiate(request.headers.get("accept", ""), has_protobuf, has_table=not info.is_review)
        now = self._parts.wall_clock()
        if info.is_review:
            if route.verb != "create":
                raise MethodNotAllowed()
            body, _ = await writes.read_object(request, query, info.cls)
            if isinstance(body, Binding):
                return await self._bind(
                    body, route, self._context(route, request, query, user, now, notes), accepted
                )
            answer = self._parts.review(info, route, body, user)
            return answers.document(await answer if isinstance(answer, Awaitable) else answer, accepted, 201)
        if route.subresource:
            return await self._subresource(info, route, request, query, user, accepted, notes)
        if route.verb not in info.verbs:
            raise MethodNotAllowed()
        if info.cls is ComponentStatus:
            return answer_component_statuses(info, route, query, accepted, now)
        if info.is_measured:
            if self._parts.measured is None:
                raise ServiceUnavailable("nobody measures here")
            return await self._parts.measured.answer(info, route, query, accepted, now)
        registry = self._parts.registry
        if route.verb == "get":
            return await reads.get(registry, info, route, query, accepted, now)
        if route.verb == "list":
            return await reads.list_(registry, info, route, query, accepted, now)
        if route.verb == "watch":
            check_streamable(accepted, has_protobuf)
            run = reads.WatchRun(registry, info, route, query, accepted, self._parts.wall_clock)
            if wants_socket(request.headers):
                return run.answer_over_socket(request.headers)
            return run.answer()
        context = self._context(route, request, query, user, now, notes)
        write = {
            "create": writes.create,
            "update": writes.update,
            "patch": writes.patch,
            "delete": writes.delete,
            "deletecollection": writes.delete_collection,
        }[route.verb]
        if route.verb == "create" and route.name:
            raise MethodNotAllowed()
        if route.verb == "update" and self._makes(info, route, user):
            write = writes.create
        return await _warned(write(registry, info, route, request, query, accepted, context), context)

    async def _bind(self, body: Binding, route: Route, context: Context, accepted: Accepted) -> Response:
        """POST to bindings: as to the binding of the pod that it names."""
        match_namespace(self._parts.scheme.by_class(Binding), body, route.namespace)
        pods = self._parts.scheme.by_class(Pod)
        if not body.metadata.name:
            raise BadRequest("name must be provided")
        made = await self._parts.subresources.bind(pods, route.namespace, body.metadata.name, body, context)
        return answers.document(made, accepted.whole, 201)

    def _makes(self, info: KindInfo, route: Route, user: User) -> bool:
        """Whether a PUT is to make an object. Forbidden when the user may replace it and not make it."""
        registry = self._parts.registry
        if not info.is_made_by_update or registry.find(info, route.namespace, route.name) is not None:
            return False
        wish = replace(route, verb="create")
        if not self._parts.authorizer.may(user, wish):
            raise refuse(user, wish)
        return True

    async def _subresource(
        self,
        info: KindInfo,
        route: Route,
        request: Request,
        query: Query,
        user: User,
        accepted: Accepted,
        notes: dict[str, str],
    ) -> Answer:
        found = info.subresource(route.subresource)
        if found is None:
            raise PathNotFound()
        if route.verb not in found.verbs:
            raise MethodNotAllowed()
        parts = self._parts
        now = parts.wall_clock()
        context = self._context(route, request, query, user, now, notes)
        if route.verb == "get" and route.subresource != "scale":
            return await reads.get(parts.registry, info, route, query, accepted, now)
        change = self._changed_through(found, info, route, request, query, accepted, context)
        return await _warned(change, context)

    async def _changed_through(
        self,
        found: Subresource,
        info: KindInfo,
        route: Route,
        request: Request,
        query: Query,
        accepted: Accepted,
        context: Context,
    ) -> Response:
        parts = self._parts
        if route.subresource == "scale":
            return await self._scale(info, route, request, query, accepted, context)
        if route.verb == "create":
            assert found.cls is not None
            body, warnings = await writes.read_object(request, query, found.cls)
            made = await parts.subresources.create(
                info, route.namespace, route.name, route.subresource, body, context
            )
            response = answers.document(made, accepted.whole, 201)
            return writes.with_warnings(response, warnings)
        if route.verb == "patch":
            return await writes.patch(parts.registry, info, route, request, query, accepted, context)
        return await writes.update(parts.registry, info, route, request, query, accepted, context)

    async def _scale(
        self,
        info: KindInfo,
        route: Route,
        request: Request,
        query: Query,
        accepted: Accepted,
        context: Context,
    ) -> Response:
        parts = self._parts
        if route.verb == "get":
            obj = parts.registry.decode(info, parts.registry.get(info, route.namespace, route.name))
            scale = parts.subresources.scale_of(obj)
        elif route.verb == "update":
            scale = await put_scale(parts.subresources, info, route, request, query, context)
        else:
            scale = await patch_scale(parts.subresources, info, route, request, query, context)
        return answers.scale(scale, accepted, context.now)

    def _context(
        self,
        route: Route,
        request: Request,
        query: Query,
        user: User,
        now: float,
        notes: dict[str, str],
    ) -> Context:
        manager = query.get("fieldManager")
        dry_run = [word for word in query.all("dryRun") if word]
        is_apply = request.headers.get("content-type", "").startswith(writes.APPLY_PATCH)
        check_write_options(
            OPTION_KINDS.get(route.verb, "UpdateOptions"),
            dry_run=dry_run,
            manager=manager,
            validation=query.get("fieldValidation"),
            is_apply=is_apply and route.verb == "patch",
            is_forced=query.flag("force") if query.all("force") else None,
        )
        if not manager:
            manager = request.headers.get("user-agent", "").partition("/")[0][:MANAGER_BYTES] or "unknown"
        return Context(user, now, manager, bool(dry_run), notes=notes)


OPTION_KINDS = {
    "create": "CreateOptions",
    "patch": "PatchOptions",
    "delete": "DeleteOptions",
    "deletecollection": "DeleteOptions",
}


def check_place(info: KindInfo, route: Route) -> None:
    """Whether there is such a path, and whether the verb can be meant there. PathNotFound, MethodNotAllowed."""
    is_everywhere = info.names.namespaced and not route.namespace
    if not info.names.namespaced and route.namespace and info.names.plural != "namespaces":
        raise PathNotFound()
    if is_everywhere and (route.name or route.subresource):
        raise PathNotFound()
    if is_everywhere and route.verb not in ("list", "watch"):
        raise MethodNotAllowed()
    if not route.name and route.verb in ("update", "patch"):
        raise MethodNotAllowed()


async def _warned(write: Awaitable[Response], context: Context) -> Response:
    """The answer or error of a write, with what admission warned of."""
    try:
        response = await write
    except ApiError as error:
        error.warnings = (*error.warnings, *(w for w in context.warnings if w not in error.warnings))
        raise
    return writes.with_warnings(response, context.warnings)


def too_many() -> TooManyRequests:
    """Clients wait a second and come again, by themselves."""
    return TooManyRequests("Too many requests, please try again later.", retry_after_s=1)


def _must_pass(request: Request, route: Route) -> bool:
    """Under overload boards still report, administrators still help, and monitors still see that we live."""
    return not {MASTERS, NODES}.isdisjoint(request.peer.organizations) or not route.is_resource


def _is_read_by_people(request: Request, query: Query) -> bool:
    return answers.is_pretty(query.get("pretty"), request.headers.get("user-agent", ""))


def _with_deprecation(answer: Answer, info: KindInfo) -> Answer:
    if info.deprecation and not isinstance(answer, UpgradeResponse):
        answer.headers = (*answer.headers, ("Warning", f'299 - "{info.deprecation}"'))
    return answer
