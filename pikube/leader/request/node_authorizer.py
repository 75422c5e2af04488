"""Pure: what boards may do: the rules of upstream's system:node role, and of those that concern secrets only what
their own pods use.

Enter: a User and a Route. Leaves: yes or no. Sources: kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy
(NodeRules) and plugin/pkg/auth/authorizer/node (node_authorizer.go). What a board may write is narrowed further by
node_restriction.
"""

from __future__ import annotations

from collections.abc import Callable

from pikube.certs.profiles import NODE_PREFIX
from pikube.leader.request.context import NODES, User
from pikube.leader.request.route import Route

READ = frozenset(("get", "list", "watch"))
WRITE = frozenset(("create", "update", "patch"))

Reaches = Callable[[str, str, str, str], bool]
"""(node, resource, namespace, name) → whether a pod of the node uses that object."""

RULES: dict[tuple[str, str], frozenset[str]] = {
    ("", "nodes"): READ | WRITE,
    ("", "nodes/status"): frozenset(("update", "patch")),
    ("", "pods"): READ | {"create", "delete"},
    ("", "pods/status"): frozenset(("update", "patch")),
    ("", "pods/eviction"): frozenset(("create",)),
    ("", "services"): READ,
    ("", "namespaces"): READ,
    ("", "endpoints"): READ,
    ("", "events"): WRITE,
    ("", "persistentvolumes"): READ | {"patch"},  # no secrets; patched to let the board's own directories go
    ("discovery.k8s.io", "endpointslices"): READ,
    ("events.k8s.io", "events"): WRITE,
    ("coordination.k8s.io", "leases"): frozenset(("get", "create", "update", "patch", "delete")),
    ("certificates.k8s.io", "certificatesigningrequests"): READ | {"create"},
    ("authentication.k8s.io", "tokenreviews"): frozenset(("create",)),
    ("authorization.k8s.io", "subjectaccessreviews"): frozenset(("create",)),
    ("authorization.k8s.io", "localsubjectaccessreviews"): frozenset(("create",)),
    ("storage.k8s.io", "csinodes"): WRITE | {"get", "delete"},
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

DISCOVERY = ("/api", "/version", "/openapi/", "/healthz", "/livez", "/readyz")
"""upstream's roles system:discovery and system:public-info-viewer, which everybody has who is known."""
PUBLIC_NAMESPACE = "kube-public"


def node_of(user: User) -> str:
    """The node that a user is; '' for everybody else."""
    if NODES not in user.groups or not user.name.startswith(NODE_PREFIX):
        return ""
    return user.name.removeprefix(NODE_PREFIX)


def may_node(node: str, route: Route, reaches: Reaches) -> bool:
    """Whether a board may do what the route says."""
    if not route.is_resource:
        return route.verb in ("get", "head") and route.path.startswith(DISCOVERY)
    what = (route.group, f"{route.resource}/{route.subresource}" if route.subresource else route.resource)
    if what == ("", "pods") and route.verb in ("list", "watch") and not route.name:
        return route.field_value("spec.nodeName") == node or _is_named(route)
    if route.verb in RULES.get(what, ()):
        return True
    if route.verb not in REACHED.get(what, ()):
        return False
    name = route.name or route.field_value("metadata.name")
    if not name or not route.namespace:
        return False
    if what == ("", "configmaps") and route.namespace == PUBLIC_NAMESPACE:
        return True
    return reaches(node, route.resource, route.namespace, name)


def _is_named(route: Route) -> bool:
    return bool(route.namespace and route.field_value("metadata.name"))


class NodeAuthorizer:
    """Implements authz.Authorizer for boards."""

    def __init__(self, reaches: Reaches) -> None:
        self._reaches = reaches

    def may(self, user: User, route: Route) -> bool:
        """See Authorizer."""
        node = node_of(user)
        return bool(node) and may_node(node, route, self._reaches)
