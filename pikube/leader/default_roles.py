"""Declaration: the roles and bindings that every cluster has, as kubernetes' bootstrappolicy names them.

`kubectl create rolebinding --clusterrole=view`, Helm charts and operators count on them. What is here are facts
of kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go, for what pikube serves;
`reconcile_roles` puts them in place at each start.
"""

from __future__ import annotations

from collections.abc import Iterator

from pikube.api.kinds.meta import LabelSelector, Object, ObjectMeta
from pikube.api.kinds.rbac import (
    AggregationRule,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
)
from pikube.leader.controller_roles import CONTROLLERS, IN_NAMESPACES, PARTS, PARTS_BOUND, PREFIX
from pikube.leader.request.node_authorizer import OWN, OWN_VERBS, REACHED
from pikube.leader.request.node_authorizer import RULES as BOARD_RULES
from pikube.leader.role_rules import ALL, EVENTS, RBAC, READ, WRITE, paths, rule, subject

AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
BOOTSTRAP = {"kubernetes.io/bootstrapping": "rbac-defaults"}
AGGREGATE = f"{RBAC}/aggregate-to-"


def _board_rules() -> Iterator[PolicyRule]:
    """Everything that some board may do to some object."""
    allowed = {**dict.fromkeys(OWN, OWN_VERBS), **BOARD_RULES, **REACHED}
    allowed["", "nodes"] |= frozenset(READ)
    allowed["", "pods"] |= frozenset(READ)
    for (group, resource), verbs in allowed.items():
        yield rule(sorted(verbs), group or "core", resource)


_NODE = tuple(_board_rules())
_SCALED = "deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale"
_VIEW = (
    rule(READ, "core", "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods "
         "replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status"),
    rule(READ, "core", "bindings events limitranges namespaces/status pods/log pods/status "
         "replicationcontrollers/status resourcequotas resourcequotas/status"),
    rule(READ, "core", "namespaces"),
    rule(READ, "discovery.k8s.io", "endpointslices"),
    rule(READ, "apps", f"controllerrevisions daemonsets daemonsets/status deployments/status replicasets/status "
         f"statefulsets/status {_SCALED}"),
    rule(READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
    rule(READ, "batch", "cronjobs cronjobs/status jobs jobs/status"),
    rule(READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
    rule(READ, "networking.k8s.io", "ingresses ingresses/status networkpolicies"),
    rule(READ, "metrics.k8s.io", "pods nodes"),
    rule(READ, "events.k8s.io", "events"),
)  # fmt: skip
_EDIT = (
    rule(READ, "core", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
    rule(("impersonate",), "core", "serviceaccounts"),
    rule(WRITE, "core", "pods pods/attach pods/exec pods/portforward pods/proxy"),
    rule(("create",), "core", "pods/eviction"),
    rule(WRITE, "core", "configmaps events persistentvolumeclaims replicationcontrollers "
         "replicationcontrollers/scale secrets serviceaccounts services services/proxy"),
    rule(("create",), "core", "serviceaccounts/token"),
    rule(WRITE, "apps", f"daemonsets deployments/rollback {_SCALED}"),
    rule(WRITE, "autoscaling", "horizontalpodautoscalers"),
    rule(WRITE, "batch", "cronjobs jobs"),
    rule(WRITE, "policy", "poddisruptionbudgets"),
    rule(WRITE, "networking.k8s.io", "ingresses networkpolicies"),
    rule((*READ, *WRITE), "coordination.k8s.io", "leases"),
)  # fmt: skip
_ADMIN = (
    rule(("create",), "authorization.k8s.io", "localsubjectaccessreviews"),
    rule((*READ, *WRITE), RBAC, "roles rolebindings"),
)

RULES: dict[str, tuple[PolicyRule, ...]] = {
    "cluster-admin": (
        rule(ALL, "*", "*"),
        PolicyRule(verbs=ALL, non_resource_urls=ALL),
    ),
    "system:discovery": (
        paths("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz",
              "/version", "/version/"),
    ),
    "system:public-info-viewer": (paths("/healthz", "/livez", "/readyz", "/version", "/version/"),),
    "system:monitoring": (
        paths("/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis", "/readyz", "/readyz/*"),
    ),
    "system:basic-user": (
        rule(("create",), "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
        rule(("create",), "authentication.k8s.io", "selfsubjectreviews"),
    ),
    "system:auth-delegator": (
        rule(("create",), "authentication.k8s.io", "tokenreviews"),
        rule(("create",), "authorization.k8s.io", "subjectaccessreviews"),
    ),
    "system:kubelet-api-admin": (
        rule(READ, "core", "nodes"),
        rule(("proxy",), "core", "nodes"),
        rule(ALL, "core", "nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats"),
    ),
    "system:service-account-issuer-discovery": (paths("/.well-known/openid-configuration", "/openid/v1/jwks"),),
    "system:node-bootstrapper": (
        rule(("create", "get", "list", "watch"), "certificates.k8s.io", "certificatesigningrequests"),
    ),
    "system:certificates.k8s.io:certificatesigningrequests:nodeclient": (
        rule(("create",), "certificates.k8s.io", "certificatesigningrequests/nodeclient"),
    ),
    "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient": (
        rule(("create",), "certificates.k8s.io", "certificatesigningrequests/selfnodeclient"),
    ),
    "system:certificates.k8s.io:kubelet-serving-approver": (
        rule(("approve",), "certificates.k8s.io", "signers", "kubernetes.io/kubelet-serving"),
    ),
    "system:certificates.k8s.io:kube-apiserver-client-approver": (
        rule(("approve",), "certificates.k8s.io", "signers", "kubernetes.io/kube-apiserver-client"),
    ),
    "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver": (
        rule(("approve",), "certificates.k8s.io", "signers", "kubernetes.io/kube-apiserver-client-kubelet"),
    ),
    "system:certificates.k8s.io:legacy-unknown-approver": (
        rule(("approve",), "certificates.k8s.io", "signers", "kubernetes.io/legacy-unknown"),
    ),
    "system:persistent-volume-provisioner": (
        rule((*READ, "create", "delete"), "core", "persistentvolumes"),
        rule((*READ, "update"), "core", "persistentvolumeclaims"),
        rule(READ, "storage.k8s.io", "storageclasses"),
        rule(("watch",), "core", "events"),
        EVENTS,
    ),
    "system:node": _NODE,  # bound to nobody: which of it a board may is told by the node authorizer
    "system:node-proxier": (
        rule(("list", "watch"), "core", "services endpoints"),
        rule(READ, "core", "nodes"),
        EVENTS,
        rule(("list", "watch"), "discovery.k8s.io", "endpointslices"),
    ),
    "system:kube-dns": (rule(("list", "watch"), "core", "endpoints services"),),
    "system:node-problem-detector": (
        rule(("get",), "core", "nodes"),
        rule(("patch",), "core", "nodes/status"),
        EVENTS,
    ),
    "system:heapster": (
        rule(READ, "core", "events pods nodes namespaces"),
        rule(READ, "apps", "deployments"),
    ),
    **PARTS,
    **{f"{PREFIX}{name}": rules for name, rules in CONTROLLERS.items()},
}  # fmt: skip

AGGREGATED: dict[str, tuple[tuple[PolicyRule, ...], str]] = {
    "view": (_VIEW, "edit"),
    "edit": (_EDIT, "admin"),
    "admin": (_ADMIN, ""),
}
"""A role that others add to → its own rules, and the wider role that has all of it, too."""

BOUND: dict[str, tuple[str, ...]] = {
    "cluster-admin": ("Group system:masters",),
    "system:monitoring": ("Group system:monitoring",),
    "system:discovery": ("Group system:authenticated",),
    "system:basic-user": ("Group system:authenticated",),
    "system:public-info-viewer": ("Group system:authenticated", "Group system:unauthenticated"),
    "system:service-account-issuer-discovery": ("Group system:serviceaccounts",),
    "system:node-proxier": ("User system:kube-proxy",),
    "system:node": (),
    "system:kube-dns": ("ServiceAccount kube-system:kube-dns",),
    **PARTS_BOUND,
    **{f"{PREFIX}{name}": (f"ServiceAccount kube-system:{name}",) for name in CONTROLLERS},
}
"""Cluster role → whom the binding of the same name binds to it."""

READER = "extension-apiserver-authentication-reader"


def default_roles() -> list[Object]:
    """All of them, roles before their bindings."""
    found: list[Object] = [ClusterRole(metadata=_meta(name), rules=rules) for name, rules in RULES.items()]
    for name, (rules, wider) in AGGREGATED.items():
        selector = LabelSelector(match_labels={f"{AGGREGATE}{name}": "true"})
        own = _meta(f"system:aggregate-to-{name}", {f"{AGGREGATE}{name}": "true"})
        whole = _meta(name, {f"{AGGREGATE}{wider}": "true"} if wider else {})
        found.append(ClusterRole(metadata=own, rules=rules))
        found.append(
            ClusterRole(metadata=whole, aggregation_rule=AggregationRule(cluster_role_selectors=(selector,)))
        )
    secrets = rule(READ, "core", "configmaps", "extension-apiserver-authentication")
    found.append(Role(metadata=_meta(READER, namespace="kube-system"), rules=(secrets,)))
    found += [
        Role(metadata=_meta(name, namespace=namespace), rules=rules)
        for (namespace, name), (rules, _) in IN_NAMESPACES.items()
    ]
    found += [
        ClusterRoleBinding(
            metadata=_meta(name),
            role_ref=RoleRef(api_group=RBAC, kind="ClusterRole", name=name),
            subjects=tuple(map(subject, subjects)),
        )
        for name, subjects in BOUND.items()
    ]
    users = ("User system:kube-controller-manager", "User system:kube-scheduler")
    bound: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {
        ("kube-system", f"system::{READER}"): (READER, users)
    }
    bound |= {(where, name): (name, subjects) for (where, name), (_, subjects) in IN_NAMESPACES.items()}
    found += [
        RoleBinding(
            metadata=_meta(name, namespace=namespace),
            role_ref=RoleRef(api_group=RBAC, kind="Role", name=role),
            subjects=tuple(map(subject, subjects)),
        )
        for (namespace, name), (role, subjects) in bound.items()
    ]
    return found


def _meta(name: str, labels: dict[str, str] | None = None, namespace: str = "") -> ObjectMeta:
    return ObjectMeta(
        name=name, namespace=namespace, labels=BOOTSTRAP | (labels or {}), annotations={AUTOUPDATE: "true"}
    )
