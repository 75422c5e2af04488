"""Shell: the paths that are no resource: version, health, discovery, OpenAPI.

Enter: a Route. Leave: cached documents with ETags. Documents are built when first asked for and kept as
bytes; the large ones in a worker thread, so that nobody else waits for them.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import trio

from pikube import __version__
from pikube.api import discovery
from pikube.api.aggregation import Extension
from pikube.api.errors import MethodNotAllowed, PathNotFound
from pikube.api.media_types import JSON, parse_accept
from pikube.api.scheme import Scheme
from pikube.leader.request.openapi_documents import OpenApiDocuments
from pikube.leader.request.route import Query, Route
from pikube.wire.messages import Answer, Headers, Request, Response
from pikube.wire.prometheus import CONTENT_TYPE

KUBERNETES_MINOR = 36
"""The API level that is served; kubectl warns when its own minor version is further than one away."""
DISCOVERY_GROUP = "apidiscovery.k8s.io"
HEALTH_PATHS = ("/healthz", "/livez", "/readyz")
READY_ONLY = {"informer-sync"}  # a leader that still fills its caches lives, and is not to be started anew

Health = Callable[[], Mapping[str, str]]
"""Name of each check → '' when it is well, else why not."""


class Documents:
    """Implements the handler's Documents."""

    def __init__(
        self,
        scheme: Scheme,
        address: str,
        health: Health,
        metrics: Callable[[], bytes] = bytes,
        extensions: Callable[[], tuple[Extension, ...]] = tuple,
        issuer: Mapping[str, Response] | None = None,
    ) -> None:
        """`extensions`: what others serve; another tuple whenever that changes. `issuer`: who issues the tokens of
        service accounts, by path."""
        self._issuer = dict(issuer or {})
        self._extensions = extensions
        self._shown: tuple[Extension, ...] = ()
        self._scheme = scheme
        self._address = address
        self._health = health
        self._metrics = metrics
        self._cache: dict[tuple[str, ...], tuple[bytes, str]] = {}
        self._generation = scheme.generation
        self._openapi = OpenApiDocuments(scheme)

    async def answer(self, route: Route, request: Request, query: Query) -> Answer:
        """One document; PathNotFound for everything else."""
        path = route.path.rstrip("/") or "/"
        if path.startswith(HEALTH_PATHS):
            return self._healthz(path, query)
        if route.verb not in ("get", "head"):
            raise MethodNotAllowed()
        if path == "/metrics":
            return Response(200, (("Content-Type", CONTENT_TYPE),), (self._metrics(),))
        if path == "/version":
            return _json(msgspec.json.format(discovery.encoded(version_info()), indent=2))
        if path in self._issuer:
            return self._issuer[path]
        if path == "/":
            return _json(discovery.encoded({"paths": self._paths()}))
        if path.startswith("/openapi/"):
            found = await trio.to_thread.run_sync(
                self._openapi.document, path, request.headers.get("accept", ""), self._extensions()
            )
            return _cached(request, *found, is_immutable=bool(query.get("hash")))
        return self._discovery(path, request)

    def _discovery(self, path: str, request: Request) -> Answer:
        if path in ("/api", "/apis"):
            version = _aggregated_version(request.headers.get("accept", ""))
            if version:
                body, etag = self._document(
                    (path, version),
                    lambda: discovery.aggregated(
                        self._scheme,
                        is_legacy=path == "/api",
                        version=version,
                        extensions=self._extensions(),
                    ),
                )
                kind = f"{JSON};g={DISCOVERY_GROUP};v={version};as=APIGroupDiscoveryList"
                return _cached(request, body, etag, kind)
        body, etag = self._document((path,), lambda: self._plain(path))
        return _cached(request, body, etag, JSON)

    def _plain(self, path: str) -> dict[str, Any]:
        parts = path.strip("/").split("/")
        found: dict[str, Any] | None = None
        match parts:
            case ["api"]:
                found = discovery.legacy_versions(self._address)
            case ["apis"]:
                found = discovery.group_list(self._scheme, self._extensions())
            case ["api", version]:
                found = discovery.resource_list(self._scheme, "", version)
            case ["apis", group]:
                found = discovery.group_document(self._scheme, group, self._extensions())
            case ["apis", group, version]:
                found = discovery.resource_list(self._scheme, group, version)
        if found is None:
            raise PathNotFound(is_page=True)
        return found

    def _document(self, key: tuple[str, ...], build: Callable[[], dict[str, Any]]) -> tuple[bytes, str]:
        shown = self._extensions()
        if self._generation != self._scheme.generation or self._shown is not shown:
            self._generation = self._scheme.generation
            self._shown = shown
            self._cache.clear()
        cached = self._cache.get(key)
        if cached is None:
            body = discovery.encoded(build())
            cached = self._cache[key] = body, discovery.etag_of(body)
        return cached

    def _paths(self) -> list[str]:
        paths = ["/api", "/api/v1", "/apis"]
        for group, versions in discovery.groups_of(self._scheme).items():
            if group:
                paths += [f"/apis/{group}", *(f"/apis/{group}/{version}" for version in versions)]
        return [
            *sorted(self._issuer),
            *paths,
            *HEALTH_PATHS,
            "/metrics",
            "/openapi/v2",
            "/openapi/v3",
            "/version",
        ]

    def _healthz(self, path: str, query: Query) -> Response:
        base, _, wanted = path.lstrip("/").partition("/")
        checks = dict(self._health())
        excluded = set(query.all("exclude"))
        if base == "livez":
            excluded |= READY_ONLY
        if wanted:
            if wanted not in checks:
                raise PathNotFound(is_page=True)
            checks = {wanted: checks[wanted]}
        checks = {name: why for name, why in checks.items() if name not in excluded}
        is_well = not any(checks.values())
        if is_well and "verbose" not in dict.fromkeys(_names(query)):
            return Response(200, _TEXT, (b"ok",))
        lines = [f"[-]{name} failed: {why}" if why else f"[+]{name} ok" for name, why in checks.items()]
        lines.append(f"{base} check {'passed' if is_well else 'failed'}")
        return Response(200 if is_well else 500, _TEXT, ("\n".join(lines).encode() + b"\n",))


_TEXT: Headers = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))


def _names(query: Query) -> list[str]:
    return ["verbose"] if query.all("verbose") else []


def _json(body: bytes) -> Response:
    return Response(200, (("Content-Type", JSON),), (body,))


def _cached(
    request: Request, body: bytes, etag: str, content_type: str, *, is_immutable: bool = False
) -> Response:
    """A document, or 304 when the client has it already."""
    lasting = "public, immutable" if is_immutable else "public"
    headers = [("ETag", etag), ("Vary", "Accept"), ("Cache-Control", lasting)]
    if etag in request.headers.get("if-none-match", ""):
        return Response(304, headers)
    return Response(200, [("Content-Type", content_type), *headers], (body,))


def _aggregated_version(accept: str) -> str:
    """v2 or v2beta1 if the client prefers aggregated discovery over plain JSON."""
    for media in parse_accept(accept):
        if media.name != JSON:
            continue
        if media.parameters.get("as") == "APIGroupDiscoveryList":
            if media.parameters.get("g") == DISCOVERY_GROUP and media.parameters.get("v") in (
                "v2",
                "v2beta1",
            ):
                return media.parameters["v"]
        elif not media.parameters:
            return ""
    return ""


def version_info() -> dict[str, str]:
    """/version, in the shape of Kubernetes' version.Info."""
    machine = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}.get(
        platform.machine(), platform.machine()
    )
    return {
        "major": "1",
        "minor": str(KUBERNETES_MINOR),
        "emulationMajor": "1",
        "emulationMinor": str(KUBERNETES_MINOR),
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": str(KUBERNETES_MINOR - 1),
        "gitVersion": f"v1.{KUBERNETES_MINOR}.0+pikube{__version__}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": "cpython",
        "platform": f"linux/{machine}",
    }
