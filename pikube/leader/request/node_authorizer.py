"""Declaration: what boards may do: the rules of upstream's system:node role, for the identity system:node:NAME.

Enter: a User and a Route. Leaves: yes or no. Source: kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy
(NodeRules) and plugin/pkg/auth/authorizer/node.
"""

from __future__ import annotations

from pikube.certs.profiles import NODE_PREFIX
from pikube.leader.request.context import NODES, User
from pikube.leader.request.route import Route

READ = frozenset(("get", "list", "watch"))
RULES: dict[tuple[str, str], frozenset[str]] = {
    ("", "nodes"): READ | {"create", "update", "patch"},
    ("", "nodes/status"): frozenset(("update", "patch")),
    ("coordination.k8s.io", "leases"): frozenset(("get", "create", "update", "patch", "delete")),
    ("", "pods"): READ | {"create", "delete"},
    ("", "pods/status"): frozenset(("update", "patch")),
    ("", "pods/eviction"): frozenset(("create",)),
    ("", "secrets"): frozenset(("get", "list", "watch")),
    ("", "configmaps"): frozenset(("get", "list", "watch")),
    ("", "persistentvolumeclaims"): frozenset(("get",)),
    ("", "persistentvolumes"): frozenset(("get",)),
    ("", "serviceaccounts/token"): frozenset(("create",)),
    ("", "serviceaccounts"): frozenset(("get",)),
    ("", "services"): READ,
    ("", "namespaces"): READ,
    ("", "endpoints"): READ,
    ("discovery.k8s.io", "endpointslices"): READ,
    ("", "events"): frozenset(("create", "update", "patch")),
    ("events.k8s.io", "events"): frozenset(("create", "update", "patch")),
    ("certificates.k8s.io", "certificatesigningrequests"): READ | {"create"},
    ("authentication.k8s.io", "tokenreviews"): frozenset(("create",)),
    ("authorization.k8s.io", "subjectaccessreviews"): frozenset(("create",)),
    ("authorization.k8s.io", "localsubjectaccessreviews"): frozenset(("create",)),
    ("storage.k8s.io", "csinodes"): frozenset(("get", "create", "update", "patch", "delete")),
    ("node.k8s.io", "runtimeclasses"): READ,
}


def node_of(user: User) -> str:
    """The node that a user is; '' for everybody else."""
    if NODES not in user.groups or not user.name.startswith(NODE_PREFIX):
        return ""
    return user.name.removeprefix(NODE_PREFIX)


class NodeAuthorizer:
    """Implements authz.Authorizer for boards."""

    def may(self, user: User, route: Route) -> bool:
        """By the table."""
        if not node_of(user) or not route.is_resource:
            return False
        what = f"{route.resource}/{route.subresource}" if route.subresource else route.resource
        return route.verb in RULES.get((route.group, what), ())
