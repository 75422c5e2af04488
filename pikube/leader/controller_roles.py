"""Declaration: the roles of Kubernetes' own parts, of its controllers and its scheduler, and whom they are bound to.

pikube's own controllers need none of them: they speak as the leader. They are here for whoever counts on them: a
second scheduler (`system:kube-scheduler`, `system:volume-scheduler`), a controller that somebody runs beside ours,
tools that look through a cluster's roles. Facts of kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy
controller_policy.go, policy.go and namespace_policy.go; without the controllers of what pikube does not serve
(resource.k8s.io) or does not run (SELinux warnings). Called by default_roles.
"""

from __future__ import annotations

from pikube.api.kinds.rbac import PolicyRule
from pikube.leader.role_rules import EVENTS, RBAC, READ, rule

PREFIX = "system:controller:"
SETS = "apps extensions"
SIGNERS = (
    "kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving "
    "kubernetes.io/legacy-unknown"
)

CONTROLLERS: dict[str, tuple[PolicyRule, ...]] = {
    "attachdetach-controller": (
        rule("list watch", "core", "persistentvolumes persistentvolumeclaims"),
        rule(READ, "core", "nodes"),
        rule("patch update", "core", "nodes/status"),
        rule("list watch", "core", "pods"),
        EVENTS,
        rule((*READ, "create", "delete"), "storage.k8s.io", "volumeattachments"),
        rule(READ, "storage.k8s.io", "csidrivers"),
        rule(READ, "storage.k8s.io", "csinodes"),
    ),
    "certificate-controller": (
        rule((*READ, "delete"), "certificates.k8s.io", "certificatesigningrequests"),
        rule("update", "certificates.k8s.io",
             "certificatesigningrequests/approval certificatesigningrequests/status"),
        rule("approve", "certificates.k8s.io", "signers", "kubernetes.io/kube-apiserver-client-kubelet"),
        rule("sign", "certificates.k8s.io", "signers", SIGNERS),
        rule("create", "authorization.k8s.io", "subjectaccessreviews"),
        EVENTS,
    ),
    "clusterrole-aggregation-controller": (
        rule((*READ, "escalate", "patch", "update"), RBAC, "clusterroles"),
    ),
    "cronjob-controller": (
        rule((*READ, "update"), "batch", "cronjobs"),
        rule((*READ, "create", "delete", "patch", "update"), "batch", "jobs"),
        rule("update", "batch", "cronjobs/status"),
        rule("update", "batch", "cronjobs/finalizers"),
        rule("delete list", "core", "pods"),
        EVENTS,
    ),
    "daemon-set-controller": (
        rule(READ, SETS, "daemonsets"),
        rule("update", SETS, "daemonsets/status"),
        rule("update", SETS, "daemonsets/finalizers"),
        rule("list watch", "core", "nodes"),
        rule("create delete list patch watch", "core", "pods"),
        rule("create", "core", "pods/binding"),
        rule((*READ, "create", "delete", "patch", "update"), "apps", "controllerrevisions"),
        EVENTS,
    ),
    "deployment-controller": (
        rule((*READ, "update"), SETS, "deployments"),
        rule("update", SETS, "deployments/status"),
        rule("update", SETS, "deployments/finalizers"),
        rule((*READ, "create", "delete", "patch", "update"), SETS, "replicasets"),
        rule((*READ, "update"), "core", "pods"),
        EVENTS,
    ),
    "disruption-controller": (
        rule(READ, SETS, "deployments"),
        rule(READ, SETS, "replicasets"),
        rule(READ, "core", "replicationcontrollers"),
        rule(READ, "policy", "poddisruptionbudgets"),
        rule(READ, "apps", "statefulsets"),
        rule("update", "policy", "poddisruptionbudgets/status"),
        rule("patch update", "core", "pods/status"),
        rule("get", "*", "*/scale"),
        EVENTS,
    ),
    "endpoint-controller": (
        rule(READ, "core", "pods services"),
        rule("create delete get list update", "core", "endpoints"),
        rule("create", "core", "endpoints/restricted"),
        EVENTS,
    ),
    "endpointslice-controller": (
        rule(READ, "core", "nodes pods services"),
        rule("update", "core", "services/finalizers"),
        rule("create delete get list update", "discovery.k8s.io", "endpointslices"),
        EVENTS,
    ),
    "endpointslicemirroring-controller": (
        rule(READ, "core", "endpoints services"),
        rule("update", "core", "services/finalizers"),
        rule("update", "core", "endpoints/finalizers"),
        rule("create delete get list update", "discovery.k8s.io", "endpointslices"),
        EVENTS,
    ),
    "ephemeral-volume-controller": (
        rule(READ, "core", "pods"),
        rule("update", "core", "pods/finalizers"),
        rule((*READ, "create"), "core", "persistentvolumeclaims"),
        EVENTS,
    ),
    "expand-controller": (
        rule((*READ, "patch", "update"), "core", "persistentvolumes"),
        rule("patch update", "core", "persistentvolumeclaims/status"),
        rule(READ, "core", "persistentvolumeclaims"),
        rule(READ, "storage.k8s.io", "storageclasses"),
        rule("get", "core", "endpoints services"),
        rule("get", "core", "secrets"),
        EVENTS,
    ),
    "generic-garbage-collector": (
        rule((*READ, "delete", "patch", "update"), "*", "*"),
        EVENTS,
    ),
    "horizontal-pod-autoscaler": (
        rule(READ, "autoscaling", "horizontalpodautoscalers"),
        rule("update", "autoscaling", "horizontalpodautoscalers/status"),
        rule("get update", "*", "*/scale"),
        rule("list", "core", "pods"),
        rule("list", "metrics.k8s.io", "pods"),
        rule("get list", "custom.metrics.k8s.io", "*"),
        rule("get list", "external.metrics.k8s.io", "*"),
        EVENTS,
    ),
    "job-controller": (
        rule((*READ, "patch", "update"), "batch", "jobs"),
        rule("update", "batch", "jobs/status"),
        rule("update", "batch", "jobs/finalizers"),
        rule("create delete list patch watch", "core", "pods"),
        EVENTS,
    ),
    "legacy-service-account-token-cleaner": (
        rule("get", "core", "configmaps", "kube-apiserver-legacy-service-account-token-tracking"),
        rule("delete patch", "core", "secrets"),
    ),
    "namespace-controller": (
        rule((*READ, "delete"), "core", "namespaces"),
        rule("update", "core", "namespaces/finalize namespaces/status"),
        rule("delete deletecollection get list", "*", "*"),
    ),
    "node-controller": (
        rule("delete get list patch update", "core", "nodes"),
        rule("patch update", "core", "nodes/status"),
        rule("patch update", "core", "pods/status"),
        rule("delete get list", "core", "pods"),
        EVENTS,
    ),
    "persistent-volume-binder": (
        rule((*READ, "create", "delete", "update"), "core", "persistentvolumes"),
        rule("update", "core", "persistentvolumes/status"),
        rule((*READ, "update"), "core", "persistentvolumeclaims"),
        rule("update", "core", "persistentvolumeclaims/status"),
        rule((*READ, "create", "delete"), "core", "pods"),
        rule(READ, "storage.k8s.io", "storageclasses"),
        rule("create delete get update", "core", "endpoints"),
        rule("create delete get", "core", "services"),
        rule("get", "core", "secrets"),
        rule("get list", "core", "nodes"),
        rule("watch", "core", "events"),
        EVENTS,
    ),
    "pod-garbage-collector": (
        rule("delete list watch", "core", "pods"),
        rule("get list", "core", "nodes"),
        rule("patch", "core", "pods/status"),
    ),
    "pv-protection-controller": (
        rule((*READ, "update"), "core", "persistentvolumes"),
        EVENTS,
    ),
    "pvc-protection-controller": (
        rule((*READ, "update"), "core", "persistentvolumeclaims"),
        rule(READ, "core", "pods"),
        EVENTS,
    ),
    "replicaset-controller": (
        rule((*READ, "update"), SETS, "replicasets"),
        rule("update", SETS, "replicasets/status"),
        rule("update", SETS, "replicasets/finalizers"),
        rule("create delete list patch watch", "core", "pods"),
        EVENTS,
    ),
    "replication-controller": (
        rule((*READ, "update"), "core", "replicationcontrollers"),
        rule("update", "core", "replicationcontrollers/status"),
        rule("update", "core", "replicationcontrollers/finalizers"),
        rule("create delete list patch watch", "core", "pods"),
        EVENTS,
    ),
    "resourcequota-controller": (
        rule("list watch", "*", "*"),
        rule("update", "core", "resourcequotas/status"),
        EVENTS,
    ),
    "root-ca-cert-publisher": (
        rule("create update", "core", "configmaps"),
        EVENTS,
    ),
    "route-controller": (
        rule("list watch", "core", "nodes"),
        rule("patch", "core", "nodes/status"),
        EVENTS,
    ),
    "service-account-controller": (
        rule("create", "core", "serviceaccounts"),
        EVENTS,
    ),
    "service-cidrs-controller": (
        rule((*READ, "patch", "update"), "networking.k8s.io", "servicecidrs"),
        rule("patch update", "networking.k8s.io", "servicecidrs/finalizers"),
        rule("patch update", "networking.k8s.io", "servicecidrs/status"),
        rule(READ, "networking.k8s.io", "ipaddresses"),
        EVENTS,
    ),
    "service-controller": (
        rule(READ, "core", "services"),
        rule("patch update", "core", "services/status"),
        rule("list watch", "core", "nodes"),
        EVENTS,
    ),
    "statefulset-controller": (
        rule("list watch", "core", "pods"),
        rule(READ, "apps", "statefulsets"),
        rule("update", "apps", "statefulsets/status"),
        rule("update", "apps", "statefulsets/finalizers"),
        rule("create delete get patch update", "core", "pods"),
        rule((*READ, "create", "delete", "patch", "update"), "apps", "controllerrevisions"),
        rule("create get", "core", "persistentvolumeclaims"),
        EVENTS,
        rule("delete update", "core", "persistentvolumeclaims"),
    ),
    "ttl-after-finished-controller": (
        rule((*READ, "delete"), "batch", "jobs"),
        EVENTS,
    ),
    "ttl-controller": (
        rule("list patch update watch", "core", "nodes"),
        EVENTS,
    ),
    "validatingadmissionpolicy-status-controller": (
        rule(READ, "admissionregistration.k8s.io", "validatingadmissionpolicies"),
        rule("get patch update", "admissionregistration.k8s.io", "validatingadmissionpolicies/status"),
        EVENTS,
    ),
    "volumeattributesclass-protection-controller": (
        rule(READ, "core", "persistentvolumeclaims"),
        rule(READ, "core", "persistentvolumes"),
        rule((*READ, "update"), "storage.k8s.io", "volumeattributesclasses"),
        EVENTS,
    ),
}  # fmt: skip
"""By the name of the ServiceAccount in kube-system that each is bound to."""

PARTS: dict[str, tuple[PolicyRule, ...]] = {
    "system:kube-aggregator": (rule(READ, "core", "endpoints services"),),
    "system:kube-controller-manager": (
        EVENTS,
        rule("create", "coordination.k8s.io", "leases"),
        rule("get update", "coordination.k8s.io", "leases", "kube-controller-manager"),
        rule("create", "core", "secrets serviceaccounts"),
        rule("delete", "core", "secrets"),
        rule("get", "core", "configmaps namespaces secrets serviceaccounts"),
        rule("update", "core", "secrets serviceaccounts"),
        rule("create", "authentication.k8s.io", "tokenreviews"),
        rule("create", "authorization.k8s.io", "subjectaccessreviews"),
        rule("list watch", "*", "*"),
        rule("create", "core", "serviceaccounts/token"),
    ),
    "system:kube-scheduler": (
        EVENTS,
        rule("create", "coordination.k8s.io", "leases"),
        rule("get update", "coordination.k8s.io", "leases", "kube-scheduler"),
        rule(READ, "core", "nodes"),
        rule((*READ, "delete"), "core", "pods"),
        rule("create", "core", "bindings pods/binding"),
        rule("patch update", "core", "pods/status"),
        rule(READ, "core", "replicationcontrollers services"),
        rule(READ, SETS, "replicasets"),
        rule(READ, "apps", "statefulsets"),
        rule(READ, "policy", "poddisruptionbudgets"),
        rule(READ, "core", "persistentvolumeclaims persistentvolumes"),
        rule("create", "authentication.k8s.io", "tokenreviews"),
        rule("create", "authorization.k8s.io", "subjectaccessreviews"),
        rule(READ, "storage.k8s.io", "csinodes"),
        rule(READ, "core", "namespaces"),
        rule(READ, "storage.k8s.io", "csidrivers"),
        rule(READ, "storage.k8s.io", "csistoragecapacities"),
    ),
    "system:volume-scheduler": (
        rule((*READ, "patch", "update"), "core", "persistentvolumes"),
        rule(READ, "storage.k8s.io", "storageclasses"),
        rule((*READ, "patch", "update"), "core", "persistentvolumeclaims"),
    ),
}

PARTS_BOUND: dict[str, tuple[str, ...]] = {
    "system:kube-controller-manager": ("User system:kube-controller-manager",),
    "system:kube-scheduler": ("User system:kube-scheduler",),
    "system:volume-scheduler": ("User system:kube-scheduler",),
}


def _locking(name: str) -> tuple[PolicyRule, ...]:
    return (
        rule("watch", "core", "configmaps"),
        rule("get update", "core", "configmaps", name),
    )


MANAGER, SCHEDULER = "kube-controller-manager", "kube-scheduler"
IN_NAMESPACES: dict[tuple[str, str], tuple[tuple[PolicyRule, ...], tuple[str, ...]]] = {
    ("kube-system", f"{PREFIX}bootstrap-signer"): (
        (rule(READ, "core", "secrets"),),
        ("ServiceAccount kube-system:bootstrap-signer",),
    ),
    ("kube-public", f"{PREFIX}bootstrap-signer"): (
        (rule(READ, "core", "configmaps"), rule("update", "core", "configmaps", "cluster-info"), EVENTS),
        ("ServiceAccount kube-system:bootstrap-signer",),
    ),
    ("kube-system", f"{PREFIX}cloud-provider"): (
        (rule((*READ, "create"), "core", "configmaps"),),
        ("ServiceAccount kube-system:cloud-provider",),
    ),
    ("kube-system", f"{PREFIX}token-cleaner"): (
        (rule((*READ, "delete"), "core", "secrets"), EVENTS),
        ("ServiceAccount kube-system:token-cleaner",),
    ),
    ("kube-system", f"system::leader-locking-{MANAGER}"): (
        (*_locking(MANAGER), rule((*READ, "create", "update"), "coordination.k8s.io", "leases")),
        (f"User system:{MANAGER}", f"ServiceAccount kube-system:{MANAGER}"),
    ),
    ("kube-system", f"system::leader-locking-{SCHEDULER}"): (
        _locking(SCHEDULER),
        (f"User system:{SCHEDULER}", f"ServiceAccount kube-system:{SCHEDULER}"),
    ),
}
"""Namespace and name of a Role and of its RoleBinding → its rules, and whom it is bound to."""
