"""Pure: what was asked of the API, counted: requests by verb, resource and code, how long they took, how many run.

Enter: the beginning and end of each request. Leave: families by the names that kube-apiserver gives them. Called by
the handler (writes) and /metrics (reads). A request costs two dictionary look-ups.
"""

from __future__ import annotations

from bisect import bisect_left

from pikube.leader.request.route import Route
from pikube.wire.prometheus import Family

BOUNDS_S = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 4, 5, 10, 20, 30, 60)
"""A selection of kube-apiserver's buckets: each costs a line for each kind of request."""
VERBS = {
    "get": "GET", "list": "LIST", "watch": "WATCH", "create": "POST", "update": "PUT", "patch": "PATCH",
    "delete": "DELETE", "deletecollection": "DELETECOLLECTION",
}  # fmt: skip
MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE", "DELETECOLLECTION"})
LIMITS = {"readOnly": 400, "mutating": 200}
SHARE = 2  # one user may hold half of the places: a noisy one must not starve others
CONNECTING = frozenset({"exec", "attach", "portforward", "proxy"})

Kind = tuple[str, str, str, str, str, str]
"""(verb, group, version, resource, subresource, scope)."""


class RequestCounts:
    """Held by the handler."""

    def __init__(self) -> None:
        self._codes: dict[tuple[Kind, int], int] = {}
        self._times: dict[Kind, tuple[list[int], list[float]]] = {}
        self.running = {"readOnly": 0, "mutating": 0}
        self.limits = dict(LIMITS)
        self._seats: dict[tuple[str, str], int] = {}

    def is_full(self, route: Route) -> bool:
        """Whether as many requests of its half run as may (kube-apiserver --max-requests-inflight and
        --max-mutating-requests-inflight)."""
        half = _half(route)
        return self.running[half] >= self.limits[half]

    def seat(self, route: Route, user: str) -> bool:
        """Give a user one of the places of a half; False when he has as many as one user may have. `leave` it."""
        half = _half(route)
        taken = self._seats.get((half, user), 0)
        if taken >= max(1, self.limits[half] // SHARE):
            return False
        self._seats[half, user] = taken + 1
        return True

    def leave(self, route: Route, user: str) -> None:
        """The user's request is over."""
        place = _half(route), user
        if self._seats[place] == 1:
            del self._seats[place]
        else:
            self._seats[place] -= 1

    def begin(self, route: Route) -> None:
        self.running[_half(route)] += 1

    def end(self, route: Route, code: int, took_s: float, *, is_known: bool) -> None:
        """`is_known`: the resource is served; of others the name is not kept, or strangers could fill our memory."""
        self.running[_half(route)] -= 1
        kind = kind_of(route) if is_known else ("", "", "", "", "", "")
        counted = kind, code
        self._codes[counted] = self._codes.get(counted, 0) + 1
        if kind[0] in ("WATCH", "CONNECT"):
            return  # they end when somebody has had enough
        times = self._times.get(kind)
        if times is None:
            times = self._times[kind] = [0] * (len(BOUNDS_S) + 1), [0.0]
        times[0][bisect_left(BOUNDS_S, took_s)] += 1
        times[1][0] += took_s

    def families(self) -> list[Family]:
        total = Family(
            "apiserver_request_total", "counter",
            "[STABLE] Counter of apiserver requests broken out for each verb, group, version, resource, scope, "
            "component, and HTTP response code.",
        )  # fmt: skip
        for (kind, code), count in self._codes.items():
            total.add(count, {**_labels(kind), "component": "apiserver", "code": str(code)})
        times = Family(
            "apiserver_request_duration_seconds", "histogram",
            "[STABLE] Response latency distribution in seconds for each verb, group, version, resource, "
            "subresource, scope and component.",
        )  # fmt: skip
        for kind, (counts, took_s) in self._times.items():
            times.add_histogram(BOUNDS_S, counts, took_s[0], {**_labels(kind), "component": "apiserver"})
        running = Family(
            "apiserver_current_inflight_requests", "gauge",
            "[STABLE] Number of currently used inflight request limit of this apiserver per request kind.",
        )  # fmt: skip
        for half, count in self.running.items():
            running.add(count, {"request_kind": half})
        return [total, times, running]


def kind_of(route: Route) -> Kind:
    """How kube-apiserver tells requests apart."""
    if not route.is_resource:
        return route.verb.upper(), "", "", "", "", ""
    verb = "CONNECT" if route.subresource in CONNECTING else VERBS.get(route.verb, "GET")
    scope = "cluster"
    if route.name or route.verb == "create":
        scope = "resource"
    elif route.namespace:
        scope = "namespace"
    return verb, route.group, route.version, route.resource, route.subresource, scope


def _half(route: Route) -> str:
    return "mutating" if VERBS.get(route.verb, "") in MUTATING else "readOnly"


def _labels(kind: Kind) -> dict[str, str]:
    names = ("verb", "group", "version", "resource", "subresource", "scope")
    return dict(zip(names, kind, strict=True))
