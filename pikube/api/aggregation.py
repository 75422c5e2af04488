"""Pure: APIs that others serve, as a part of this one: how discovery shows them, how they hear who asks.

Enter: what an extension API server says of itself, discovery documents, a user. Leave: documents with the extension's
groups in them, headers. Called by the leader's aggregation and its documents. Sources: kubernetes kube-aggregator
pkg/apiserver/handler_discovery.go, apiserver pkg/authentication/request/headerrequest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Extension:
    """A group and version that a Service serves.

    `resources` is as its APIResourceList says; `openapi` where its document is, '' when it has none; not `is_current`
    when it does not answer now. `part` is what it adds to the OpenAPI document of version 2, JSON packed by zlib, b''
    for nothing: of a document with the ETag `part_etag`, and perhaps not of the one that it has now (`is_part_old`).
    """

    group: str
    version: str
    resources: tuple[Mapping[str, Any], ...] = ()
    is_current: bool = True
    openapi: str = ""
    part: bytes = b""
    part_etag: str = ""
    is_part_old: bool = True


def document_path(group: str, version: str) -> str:
    """Of a group and version in the index of OpenAPI documents: `apis/GROUP/VERSION`."""
    return f"apis/{group}/{version}"


def document_url(index: Any, group: str, version: str) -> str:
    """Where the index of an extension says that its document is; '' for one that it does not have, or that is not
    where requests for it are handed on."""
    found = index.get("paths") if isinstance(index, Mapping) else None
    entry = found.get(document_path(group, version)) if isinstance(found, Mapping) else None
    url = entry.get("serverRelativeURL") if isinstance(entry, Mapping) else None
    path = f"/openapi/v3/{document_path(group, version)}"
    return url if isinstance(url, str) and url.partition("?")[0] == path else ""


def versions_of(group: str, extensions: Sequence[Extension]) -> list[str]:
    return [extension.version for extension in extensions if extension.group == group]


def with_extensions(
    groups: Mapping[str, Sequence[str]], extensions: Sequence[Extension]
) -> dict[str, list[str]]:
    """Versions by group, with those that extensions add behind our own."""
    found = {group: list(versions) for group, versions in groups.items()}
    for extension in extensions:
        versions = found.setdefault(extension.group, [])
        if extension.version not in versions:
            versions.append(extension.version)
    return found


def discovered(extension: Extension) -> dict[str, Any]:
    """A version of an aggregated discovery document."""
    kinds: dict[str, dict[str, Any]] = {}
    for resource in extension.resources:
        name, _, subresource = str(resource.get("name", "")).partition("/")
        if not subresource:
            kinds[name] = {
                "resource": name,
                "responseKind": _kind(resource, extension),
                "scope": "Namespaced" if resource.get("namespaced") else "Cluster",
                "singularResource": resource.get("singularName") or "",
                "verbs": list(resource.get("verbs") or ()),
                **{word: resource[word] for word in ("shortNames", "categories") if resource.get(word)},
            }
        elif name in kinds:
            kinds[name].setdefault("subresources", []).append(
                {
                    "subresource": subresource,
                    "responseKind": _kind(resource, extension),
                    "verbs": list(resource.get("verbs") or ()),
                }
            )
    return {
        "version": extension.version,
        "resources": list(kinds.values()),
        "freshness": "Current" if extension.is_current else "Stale",
    }


def _kind(resource: Mapping[str, Any], extension: Extension) -> dict[str, str]:
    return {
        "group": str(resource.get("group") or extension.group),
        "version": str(resource.get("version") or extension.version),
        "kind": str(resource.get("kind") or ""),
    }


KEPT_TO_OURSELVES = frozenset((
    "host", "content-length", "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
    "upgrade", "expect", "authorization", "x-forwarded-for",
))  # fmt: skip
"""What does not pass: it concerns this connection only, or is a credential for us."""
OURS = ("x-remote-", "impersonate-")
"""Who asks is for us alone to say."""


def passed_headers(headers: Mapping[str, str], address: str) -> list[tuple[str, str]]:
    """A request's own headers, as the extension is to see them."""
    passed = [
        (name, value)
        for name, value in headers.items()
        if name not in KEPT_TO_OURSELVES and not name.startswith(OURS)
    ]
    before = headers.get("x-forwarded-for", "")
    return [*passed, ("X-Forwarded-For", f"{before}, {address}" if before else address)]


def user_headers(
    name: str, uid: str, groups: Sequence[str], extra: Mapping[str, Sequence[str]]
) -> list[tuple[str, str]]:
    """Who asks, in the headers that kube-system/extension-apiserver-authentication names."""
    return [
        ("X-Remote-User", name),
        *((("X-Remote-Uid", uid),) if uid else ()),
        *(("X-Remote-Group", group) for group in groups),
        *((f"X-Remote-Extra-{quote(key, safe='')}", value) for key, values in extra.items() for value in values),
    ]  # fmt: skip
