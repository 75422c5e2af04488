"""Pure: how long a request may take, where the client says so.

Enter: the query and the route. Leaves: seconds. Called by the handler. Source: k8s.io/apiserver
pkg/endpoints/filters/request_deadline.go.
"""

from __future__ import annotations

import math

from pikube.api.durations import BadDuration, parse_duration
from pikube.api.errors import BadRequest, ServerTimeout
from pikube.leader.request.route import RELAYED, Query, Route

LONGEST_S = (
    60.0  # kube-apiserver --request-timeout: who asks for more gets the default, which here is no limit
)


def deadline_s(query: Query, route: Route) -> float:
    """BadRequest for a text that is no duration; streams last as long as they last."""
    text = query.get("timeout")
    if not text or route.verb == "watch" or route.subresource in RELAYED:
        return math.inf
    try:
        seconds = parse_duration(text)
    except BadDuration as error:
        raise BadRequest(f"invalid timeout specified in the request URL - {error}") from None
    return seconds if 0 < seconds < LONGEST_S else math.inf


def too_late() -> ServerTimeout:
    """The words of kube-apiserver."""
    words = "request did not complete within requested timeout - context deadline exceeded"
    return ServerTimeout(f"Timeout: {words}")
