"""Pure: what boards may do: the rules of upstream's system:node role, and of those that concern secrets only what
their own pods use.

Enter: a User and a Route. Leaves: yes, or no and why. Sources: kubernetes plugin/pkg/auth/authorizer/rbac/
bootstrappolicy (NodeRules) and plugin/pkg/auth/authorizer/node (node_authorizer.go). What a board may write is
narrowed further by node_restriction.
"""

from __future__ import annotations

from collections.abc import Callable

from pikube.certs.profiles import NODE_PREFIX, PROXY_USER
from pikube.leader.request.context import NODES, User
from pikube.leader.request.route import Route

READ = frozenset(("get", "list", "watch"))
WRITE = frozenset(("create", "update", "patch"))

LEASE_NAMESPACE = "kube-node-lease"
WORDS = {
    "persistentvolumeclaims": "can only get individual resources of this type",
    "serviceaccounts": "can only create tokens for individual service accounts",
}

Reaches = Callable[[str, str, str, str], bool]
"""(node, resource, namespace, name) → whether a pod of the node uses that object."""

RULES: dict[tuple[str, str], frozenset[str]] = {
    ("", "nodes"): WRITE,
    ("", "nodes/status"): frozenset(("update", "patch")),
    ("", "pods"): frozenset(("create", "delete")),
    ("", "pods/status"): frozenset(("update", "patch")),
    ("", "pods/eviction"): frozenset(("create",)),
    ("", "services"): READ,
    ("", "namespaces"): READ,
    ("", "endpoints"): READ,
    ("", "events"): WRITE,
    ("", "persistentvolumes"): READ | {"patch"},  # no secrets; patched to let the board's own directories go
    ("discovery.k8s.io", "endpointslices"): READ,
    ("events.k8s.io", "events"): WRITE,
    ("certificates.k8s.io", "certificatesigningrequests"): READ | {"create"},
    ("authentication.k8s.io", "tokenreviews"): frozenset(("create",)),
    ("authorization.k8s.io", "subjectaccessreviews"): frozenset(("create",)),
    ("authorization.k8s.io", "localsubjectaccessreviews"): frozenset(("create",)),
    ("storage.k8s.io", "csidrivers"): READ,
    ("node.k8s.io", "runtimeclasses"): READ,
    ("networking.k8s.io", "networkpolicies"): READ,  # the netproxy of a board enforces them
}
"""What does not depend on pods."""

REACHED: dict[tuple[str, str], frozenset[str]] = {
    ("", "secrets"): READ,
    ("", "configmaps"): READ,
    ("", "persistentvolumeclaims"): READ,
    ("", "persistentvolumeclaims/status"): frozenset(("get", "update", "patch")),
    ("", "serviceaccounts"): frozenset(("get",)),
    ("", "serviceaccounts/token"): frozenset(("create",)),
}
"""What does: one object by name, that a pod of the board uses."""

OWN: dict[tuple[str, str], tuple[str, str]] = {
    ("coordination.k8s.io", "leases"): ("a node lease", "node lease"),
    ("storage.k8s.io", "csinodes"): ("a CSINode", "CSINode"),
}
"""What a board has one of, of its own name: what to call it."""
OWN_VERBS = frozenset(("get", "create", "update", "patch", "delete"))

DISCOVERY = ("/api", "/version", "/openapi/", "/healthz", "/livez", "/readyz")
"""upstream's roles system:discovery and system:public-info-viewer, which everybody has who is known."""
PUBLIC_NAMESPACE = "kube-public"


def node_of(user: User) -> str:
    """The node that a user is; '' for everybody else."""
    if NODES not in user.groups or not user.name.startswith(NODE_PREFIX):
        return ""
    return user.name.removeprefix(NODE_PREFIX)


def refusal(node: str, route: Route, reaches: Reaches) -> str | None:
    """Why a board may not do what the route says, '' when there is nothing to explain; None when it may."""
    if not route.is_resource:
        return None if route.verb in ("get", "head") and route.path.startswith(DISCOVERY) else ""
    what = (route.group, f"{route.resource}/{route.subresource}" if route.subresource else route.resource)
    if what in OWN:
        return _refusal_of_own(node, route, *OWN[what])
    if route.verb in RULES.get(what, ()):
        return None
    name = route.name or route.field_value("metadata.name")  # as requestinfo.go has it
    if what == (
        "",
        "users",
    ):  # upstream gives kube-proxy a certificate of its own, which would lie beside ours
        return None if (route.verb, name) == ("impersonate", PROXY_USER) else ""
    if what == ("", "nodes") and route.verb in READ:
        if name == node:
            return None
        return f"node '{node}' cannot read {repr(name) if name else 'all nodes'}, only its own Node object"
    if what == ("", "pods") and route.verb in READ:
        if route.verb != "get" and route.field_value("spec.nodeName") == node:
            return None
        if route.verb != "get" and not name:
            return "can only list/watch pods with spec.nodeName field selector"
        return None if reaches(node, "pods", route.namespace, name) else _unrelated(node)
    return _refusal_of_reached(node, route, what, name, reaches)


def _refusal_of_own(node: str, route: Route, an_own: str, own: str) -> str | None:
    if route.verb not in OWN_VERBS:
        return f"can only get, create, update, patch, or delete {an_own}"
    if route.resource == "leases" and route.namespace != LEASE_NAMESPACE:
        return f'can only access leases in the "{LEASE_NAMESPACE}" system namespace'
    if route.verb != "create" and route.name != node:  # whom a new one is of, node_restriction looks at
        return f"can only access {own} with the same name as the requesting node"
    return None


def _refusal_of_reached(
    node: str, route: Route, what: tuple[str, str], name: str, reaches: Reaches
) -> str | None:
    if (route.group, route.resource) not in REACHED:
        return ""
    if route.verb not in REACHED.get(what, ()):
        return WORDS.get(route.resource, "can only read resources of this type")
    if not route.namespace:
        return "can only read namespaced object of this type"
    if not name:
        return "No Object name found"
    if what == ("", "configmaps") and route.namespace == PUBLIC_NAMESPACE:
        return None
    return None if reaches(node, route.resource, route.namespace, name) else _unrelated(node)


def _unrelated(node: str) -> str:
    return f"no relationship found between node '{node}' and this object"


class NodeAuthorizer:
    """Implements authz.Authorizer for boards."""

    def __init__(self, reaches: Reaches) -> None:
        self._reaches = reaches

    def may(self, user: User, route: Route) -> bool:
        """See Authorizer."""
        node = node_of(user)
        return bool(node) and refusal(node, route, self._reaches) is None

    def why_not(self, user: User, route: Route) -> str:
        """See Authorizer."""
        node = node_of(user)
        return (refusal(node, route, self._reaches) or "") if node else ""
