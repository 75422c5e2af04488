"""Pure: what boards may write: their own Node, Lease and pods' status, tokens for their own pods, nothing else.

Enter: Attributes of a write. Raises Forbidden in upstream's words. An admission plugin. Source: kubernetes
plugin/pkg/admission/noderestriction/admission.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pikube.api.errors import Forbidden, Resource
from pikube.api.kinds.authentication import TokenRequest
from pikube.api.kinds.coordination import Lease
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_storage import PersistentVolume
from pikube.api.kinds.storage import CSINode
from pikube.api.local_volumes import HELD_BY_BOARD, board_of
from pikube.certs.enrolment import EXPIRES_ANNOTATION, KEY_ANNOTATION, MACHINE_ANNOTATION, TRUSTS_ANNOTATION
from pikube.leader.request.admission import Attributes
from pikube.leader.request.context import NODES, User
from pikube.leader.request.node_authorizer import node_of
from pikube.leader.request.node_graph import claims_of, config_maps_of, secrets_of

MIRROR = "kubernetes.io/config.mirror"
LEASE_NAMESPACE = "kube-node-lease"
OWN_LABELS = frozenset((
    "kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os",
    "beta.kubernetes.io/arch", "beta.kubernetes.io/os",
    "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type",
    "topology.kubernetes.io/region", "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
))  # fmt: skip
"""Labels of Kubernetes that a board may give itself (kubelet/pkg/apis/well_known_labels.go)."""
OWN_LABEL_PREFIXES = ("kubelet.kubernetes.io/", "node.kubernetes.io/")
OURS = (KEY_ANNOTATION, MACHINE_ANNOTATION, TRUSTS_ANNOTATION, EXPIRES_ANNOTATION)

FindPod = Callable[[str, str], Pod | None]


class NodeRestriction:
    """Implements admission.Plugin."""

    def admit(self, attributes: Attributes) -> None:
        """Forbidden unless the writer is no board, or the board may."""
        user = attributes.context.user
        if NODES not in user.groups:
            return
        node = node_of(user)
        why = "could not determine node name from user" if not node else _problem(node, attributes)
        if why:
            raise Forbidden.of(attributes.info.resource, attributes.name, why)

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """Nothing was handed out."""


def _problem(node: str, attributes: Attributes) -> str:
    cls = attributes.info.cls
    if cls is Pod:
        return pod_problem(node, attributes)
    if cls is Node:
        return node_problem(node, attributes)
    if cls is Lease:
        return lease_problem(node, attributes)
    if cls is CSINode and attributes.name != node:
        return "can only access CSINode with the same name as the requesting node"
    if cls is PersistentVolume:
        return volume_problem(node, attributes)
    return ""


def pod_problem(node: str, attributes: Attributes) -> str:
    """Why the board may not write this pod so; '' when it may."""
    operation, new, old = attributes.operation, attributes.obj, attributes.old
    if operation == "CREATE":
        if MIRROR not in new.metadata.annotations:
            return f"pod does not have {MIRROR!r} annotation, node {quoted(node)} can only create mirror pods"
        if new.spec.node_name != node:
            return f"node {quoted(node)} can only create pods with spec.nodeName set to itself"
        return "" if not _names_objects(new) else "mirror pods may not reference API objects"
    if old.spec.node_name != node:
        verb = "delete pods" if operation == "DELETE" else "update pod status for pods"
        return f"node {quoted(node)} can only {verb} with spec.nodeName set to itself"
    if operation == "UPDATE" and new.metadata.labels != old.metadata.labels:
        return f"node {quoted(node)} cannot update labels through pod status"
    return ""


def _names_objects(pod: Pod) -> bool:
    named = (*secrets_of(pod), *config_maps_of(pod), *claims_of(pod))
    return bool(named or pod.spec.service_account_name)


def node_problem(node: str, attributes: Attributes) -> str:
    """Why the board may not write this Node so; '' when it may."""
    new, old = attributes.obj, attributes.old
    if attributes.name != node:
        return f"node {quoted(node)} is not allowed to modify node {quoted(attributes.name)}"
    if attributes.operation == "DELETE":
        return f"node {quoted(node)} is not allowed to delete itself"
    before = old.metadata if old is not None else None
    changed = changed_keys(new.metadata.labels, before.labels if before else {})
    forbidden = sorted(key for key in changed if not may_label(key))
    if forbidden:
        return f"is not allowed to modify labels: {', '.join(forbidden)}"
    ours = changed_keys(new.metadata.annotations, before.annotations if before else {}) & set(OURS)
    if ours:
        return f"is not allowed to modify annotations: {', '.join(sorted(ours))}"
    if old is not None and new.spec.taints != old.spec.taints:
        return f"node {quoted(node)} is not allowed to modify taints"
    return ""


def may_label(key: str) -> bool:
    """Whether a board may give itself this label."""
    domain = key.partition("/")[0] if "/" in key else ""
    is_kubernetes = any(domain == end or domain.endswith(f".{end}") for end in ("kubernetes.io", "k8s.io"))
    return not is_kubernetes or key in OWN_LABELS or key.startswith(OWN_LABEL_PREFIXES)


def changed_keys(new: Mapping[str, str], old: Mapping[str, str]) -> set[str]:
    """Keys that came, went or have another value."""
    return {key for key in new.keys() | old.keys() if new.get(key) != old.get(key)}


def lease_problem(node: str, attributes: Attributes) -> str:
    """A board has one Lease."""
    if attributes.namespace != LEASE_NAMESPACE:
        return f'can only access leases in the "{LEASE_NAMESPACE}" namespace'
    if attributes.name != node:
        return "can only access node lease with the same name as the requesting node"
    return ""


def volume_problem(node: str, attributes: Attributes) -> str:
    """A board lets go of volumes whose directory it removed, and changes nothing else of them."""
    new, old = attributes.obj, attributes.old
    if old is None or new is None or board_of(old) != node or not old.metadata.deletion_timestamp:
        return f"node {quoted(node)} can only release volumes of its own that are being deleted"
    gone = set(old.metadata.finalizers) - set(new.metadata.finalizers)
    if new.spec != old.spec or not gone <= {HELD_BY_BOARD}:
        return f"node {quoted(node)} can only take its own finalizer from a volume"
    return ""


def check_token(user: User, namespace: str, account: str, request: TokenRequest, find: FindPod) -> None:
    """Boards get tokens for their own pods only. Forbidden."""
    node = node_of(user)
    if not node:
        return
    bound: Any = request.spec.bound_object_ref
    why = ""
    if bound is None or bound.kind != "Pod" or not bound.name:
        why = "node requested token not bound to a pod"
    elif not bound.uid:
        why = "node requested token with a pod binding without a uid"
    else:
        pod = find(namespace, bound.name)
        if pod is None or pod.metadata.uid != bound.uid or pod.spec.service_account_name != account:
            why = f"node requested token bound to a pod that is not there: {bound.name}"
        elif pod.spec.node_name != node:
            why = "node requested token bound to a pod scheduled on a different node"
    if why:
        raise Forbidden.of(Resource("", "serviceaccounts"), account, why)


def quoted(name: str) -> str:
    """As Go's %q writes it."""
    return f'"{name}"'
