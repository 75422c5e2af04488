"""Pure: `authorizer` in expressions: who writes may be asked what else he may do.

Enter: what an expression says step by step (`authorizer.group("apps").resource("deployments").check("scale")`), which
is one map that grows. Leaves: decisions, by the function of whoever evaluates. Source: kubernetes apiserver
pkg/cel/library/authz.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

NAME = "authorizer"


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom an expression asks. `may(wish, verb)` gives the reason why that is allowed, None when it is not; a wish
    has some of group, resource, subresource, namespace, name, path and user (a service account instead of who
    writes). `resource` is the wish that the request itself is, `authorizer.requestResource`."""

    may: Callable[[Mapping[str, str], str], str | None]
    resource: dict[str, str]

    def document(self) -> dict[str, Any]:
        """The variable's value."""
        return {"requestResource": self.resource}

    def check(self, wish: Mapping[str, Any], verb: str) -> dict[str, Any]:
        """A decision."""
        reason = self.may({key: text for key, text in wish.items() if isinstance(text, str)}, verb)
        return {"allowed": reason is not None, "reason": reason or ""}


def _step(name: str) -> Callable[..., dict[str, Any]]:
    return lambda here, text: {**here, name: text}


STEPS: dict[str, Any] = {
    **{name: _step(name) for name in ("group", "resource", "subresource", "namespace", "name", "path")},
    "serviceAccount": lambda here, namespace, name: {
        **here,
        "user": f"system:serviceaccount:{namespace}:{name}",
    },
    # RBAC decides without selectors
    "fieldSelector": lambda here, text: here,
    "labelSelector": lambda here, text: here,
    "allowed": lambda decision: decision["allowed"],
    "reason": lambda decision: decision["reason"],
    "errored": lambda decision: False,
    "error": lambda decision: "",
    "check": None,  # of the one that is asked
}
"""What may be called on it, by name; each gives the map with one word more."""
