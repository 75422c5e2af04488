"""Pure: what a URL and a method ask for (kubernetes apiserver endpoints/request/requestinfo.go).

Enter: method, percent-decoded path, query. Leaves: `Route`. Called first for every request; authorization
and the handlers work on the Route.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from pikube.api.options import parse_int64
from pikube.wire.incoming import is_encoded

NAMESPACE_SUBRESOURCES = ("status", "finalize")
RELAYED = (
    "log",
    "exec",
    "attach",
    "portforward",
    "proxy",
)  # to a board, or to a pod: these last as long as they last
VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Query:
    """Query parameters; the first of a repeated one counts, `all` gives every one. What is no percent-encoding
    or has a semicolon is as if it were not there (Go's url.ParseQuery)."""

    __slots__ = ("_pairs",)

    def __init__(self, text: str) -> None:
        if "%" in text or ";" in text:
            text = "&".join(part for part in text.split("&") if ";" not in part and is_encoded(part))
        self._pairs = parse_qsl(text, keep_blank_values=True) if text else []

    def get(self, name: str, default: str = "") -> str:
        return next((value for key, value in self._pairs if key == name), default)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]

    def flag(self, name: str) -> bool:
        """Go's ParseBool: present and not false."""
        value = self.get(name, "false").lower()
        return value not in ("false", "0", "f")

    def number(self, name: str) -> int | None:
        """An integer, None when absent. BadRequest for what is no number."""
        values = self.all(name)
        return parse_int64(values[0]) if values else None


@dataclass(frozen=True, slots=True)
class Route:
    """verb is get, list, watch, create, update, patch, delete or deletecollection, or, for a path that is no
    resource, the method in lower case."""

    verb: str
    path: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    field_selector: str = ""

    def field_value(self, field: str) -> str:
        """What a list or watch selects a field to be; '' when it does not."""
        for term in self.field_selector.split(","):
            name, sign, value = term.partition("=")
            if sign and name.strip() == field and not value.startswith("!"):
                return value.lstrip("=").strip()
        return ""


def parse_route(method: str, path: str, query: Query) -> Route:
    """Never fails: what is no resource path is a Route with is_resource False."""
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return Route(method.lower(), path)
    verb = VERBS.get(method, method.lower())
    if rest[0] == "watch" and len(rest) > 1 and method == "GET":  # the watch paths of old clients
        rest = rest[1:]
        verb = "watch"
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        if len(rest) > 2 and rest[2] not in NAMESPACE_SUBRESOURCES:
            namespace, rest = rest[1], rest[2:]
        else:
            namespace = rest[1]
    resource = rest[0]
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if not name:
        verb = {"get": "list", "delete": "deletecollection"}.get(verb, verb)
    if verb in ("get", "list") and not subresource and query.flag("watch"):
        verb = "watch"
    selector = query.get("fieldSelector") if verb in ("list", "watch", "deletecollection") else ""
    return Route(verb, path, True, group, version, namespace, resource, name, subresource, selector)
