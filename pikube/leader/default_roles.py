"""Declaration: the roles and bindings that every cluster has, as kubernetes' bootstrappolicy names them.

`kubectl create rolebinding --clusterrole=view`, Helm charts and operators count on them. What is here are facts
of kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go, for what pikube serves;
`reconcile_roles` puts them in place at each start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pikube.api.kinds.meta import LabelSelector, Object, ObjectMeta
from pikube.api.kinds.rbac import (
    AggregationRule,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)
from pikube.leader.request.node_authorizer import OWN, OWN_VERBS, REACHED
from pikube.leader.request.node_authorizer import RULES as BOARD_RULES

AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
BOOTSTRAP = {"kubernetes.io/bootstrapping": "rbac-defaults"}
RBAC = "rbac.authorization.k8s.io"
AGGREGATE = f"{RBAC}/aggregate-to-"

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "patch", "update")
ALL = ("*",)


def rule(verbs: Iterable[str], groups: str, resources: str, names: str = "") -> PolicyRule:
    """Words are separated by blanks; the core group is written `core`."""
    return PolicyRule(
        verbs=tuple(verbs),
        api_groups=tuple("" if group == "core" else group for group in groups.split()),
        resources=tuple(resources.split()),
        resource_names=tuple(names.split()),
    )


def paths(*urls: str) -> PolicyRule:
    return PolicyRule(verbs=("get",), non_resource_urls=urls)


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
        rule(("create", "patch", "update"), "core events.k8s.io", "events"),
    ),
    "system:node": _NODE,  # bound to nobody: which of it a board may is told by the node authorizer
    "system:node-proxier": (
        rule(("list", "watch"), "core", "services endpoints"),
        rule(READ, "core", "nodes"),
        rule(("create", "patch", "update"), "core events.k8s.io", "events"),
        rule(("list", "watch"), "discovery.k8s.io", "endpointslices"),
    ),
    "system:kube-dns": (rule(("list", "watch"), "core", "endpoints services"),),
    "system:node-problem-detector": (
        rule(("get",), "core", "nodes"),
        rule(("patch",), "core", "nodes/status"),
        rule(("create", "patch", "update"), "core events.k8s.io", "events"),
    ),
    "system:heapster": (
        rule(READ, "core", "events pods nodes namespaces"),
        rule(READ, "apps", "deployments"),
    ),
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
        ClusterRoleBinding(
            metadata=_meta(name),
            role_ref=RoleRef(api_group=RBAC, kind="ClusterRole", name=name),
            subjects=tuple(_subject(words) for words in subjects),
        )
        for name, subjects in BOUND.items()
    ]
    found.append(
        RoleBinding(
            metadata=_meta("system::" + READER, namespace="kube-system"),
            role_ref=RoleRef(api_group=RBAC, kind="Role", name=READER),
            subjects=(
                _subject("User system:kube-controller-manager"),
                _subject("User system:kube-scheduler"),
            ),
        )
    )
    return found


def _meta(name: str, labels: dict[str, str] | None = None, namespace: str = "") -> ObjectMeta:
    return ObjectMeta(
        name=name, namespace=namespace, labels=BOOTSTRAP | (labels or {}), annotations={AUTOUPDATE: "true"}
    )


def _subject(words: str) -> Subject:
    kind, _, name = words.partition(" ")
    if kind == "ServiceAccount":
        namespace, _, name = name.partition(":")
        return Subject(kind=kind, namespace=namespace, name=name)
    return Subject(api_group=RBAC, kind=kind, name=name)
