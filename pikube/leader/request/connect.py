"""Pure: what admission sees of a request that connects to a pod, a Service or a node: the options of its query.

Enter: a Route and its query. Leaves: a document such as PodExecOptions. Called by the handler before it hands a
stream over. Source: kubernetes pkg/registry/core/pod/rest/subresources.go, core/v1 conversion of url.Values.
"""

from __future__ import annotations

from typing import Any

from pikube.api.discovery import OPTIONS
from pikube.leader.request.route import Query, Route

FLAGS = ("stdin", "stdout", "stderr", "tty")


def options_kind(route: Route, kind: str) -> str:
    """`PodExecOptions`, `ServiceProxyOptions` …; `kind` is that of the connected object."""
    return OPTIONS.get(route.subresource, f"{kind}ProxyOptions")


def connect_options(route: Route, query: Query, kind: str) -> dict[str, Any]:
    """What was asked for, as the object of the request."""
    document: dict[str, Any] = {"kind": options_kind(route, kind), "apiVersion": "v1"}
    if route.subresource == "proxy":
        path = route.path.partition("/proxy")[2]
        return {**document, "path": path} if path else document
    if route.subresource == "portforward":
        ports = [int(port) for port in query.all("ports") if port.isdigit()]
        return {**document, "ports": ports} if ports else document
    document |= {flag: True for flag in FLAGS if query.all(flag) and query.flag(flag)}
    if query.get("container"):
        document["container"] = query.get("container")
    if route.subresource == "exec":
        document["command"] = query.all("command")
    return document
