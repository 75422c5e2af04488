"""Pure: what boards may write: their own Node, Lease and pods' status, tokens for their own pods, nothing else.

Enter: Attributes of a write. Raises Forbidden in upstream's words. An admission plugin. Source: kubernetes
plugin/pkg/admission/noderestriction/admission.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import structs

from pikube.api.errors import Forbidden, NotFound, Resource
from pikube.api.kinds.authentication import TokenRequest
from pikube.api.kinds.coordination import Lease
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeClaim
from pikube.api.kinds.meta import OwnerReference
from pikube.api.kinds.storage import CSINode
from pikube.api.local_volumes import HELD_BY_BOARD, board_of
from pikube.certs.enrolment import EXPIRES_ANNOTATION, KEY_ANNOTATION, MACHINE_ANNOTATION, TRUSTS_ANNOTATION
from pikube.leader.request.admission import Attributes
from pikube.leader.request.context import NODES, User
from pikube.leader.request.node_authorizer import LEASE_NAMESPACE, node_of
from pikube.leader.request.node_graph import claims_of, config_maps_of, secrets_of

MIRROR = "kubernetes.io/config.mirror"
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
NodeUid = Callable[[str], str]
"""Name of a node → its uid; '' when it is not there."""


class NodeRestriction:
    """Implements admission.Plugin."""

    def __init__(self, uid_of: NodeUid) -> None:
        self._uid_of = uid_of

    def admit(self, attributes: Attributes) -> None:
        """Forbidden unless the writer is no board, or the board may."""
        user = attributes.context.user
        if NODES not in user.groups:
            return
        node = node_of(user)
        why = (
            self._problem(node, attributes)
            if node
            else f"could not determine node from user {quoted(user.name)}"
        )
        if why:
            raise Forbidden.of(attributes.info.resource, attributes.name, why)

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """Nothing was handed out."""

    def _problem(self, node: str, attributes: Attributes) -> str:
        cls = attributes.info.cls
        if cls is Pod and attributes.operation == "CREATE":
            return mirror_problem(node, attributes.obj, self._uid_of)
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
        if cls is PersistentVolumeClaim:
            return claim_problem(node, attributes)
        return ""


def pod_problem(node: str, attributes: Attributes) -> str:
    """Why the board may not write this pod so; '' when it may."""
    operation, new, old = attributes.operation, attributes.obj, attributes.old
    if old.spec.node_name != node:
        verb = "delete pods" if operation == "DELETE" else "update pod status for pods"
        return f"node {quoted(node)} can only {verb} with spec.nodeName set to itself"
    if operation == "UPDATE" and new.metadata.labels != old.metadata.labels:
        return f"node {quoted(node)} cannot update labels through pod status"
    return ""


def mirror_problem(node: str, pod: Pod, uid_of: NodeUid) -> str:
    """Why the board may not make this pod; '' for the mirror of a static pod of its own."""
    if MIRROR not in pod.metadata.annotations:
        return (
            f"pod does not have {quoted(MIRROR)} annotation, node {quoted(node)} can only create mirror pods"
        )
    if pod.spec.node_name != node:
        return f"node {quoted(node)} can only create pods with spec.nodeName set to itself"
    why = owner_problem(node, pod.metadata.owner_references, uid_of)
    if why:
        return why
    named = (
        ("a service account", bool(pod.spec.service_account_name)),
        ("secrets", any(secrets_of(pod))),
        ("configmaps", any(config_maps_of(pod))),
        ("clustertrustbundles", any(_trusts(pod))),
        ("persistentvolumeclaims", any(claims_of(pod))),
    )
    for what, is_named in named:
        if is_named:
            return f"node {quoted(node)} can not create pods that reference {what}"
    return ""


def owner_problem(node: str, owners: Sequence[OwnerReference], uid_of: NodeUid) -> str:
    """A mirror pod belongs to its Node, and to nobody else."""
    can_only = f"node {quoted(node)} can only create pods with"
    if len(owners) > 1:
        return f"{can_only} a single owner reference set to itself"
    if not owners or (owners[0].api_version, owners[0].kind, owners[0].name) != ("v1", "Node", node):
        return f"{can_only} an owner reference set to itself"
    owner = owners[0]
    if not owner.controller:
        return f"{can_only} a controller owner reference set to itself"
    if owner.block_owner_deletion:
        return f"node {quoted(node)} must not set blockOwnerDeletion on an owner reference"
    uid = uid_of(node)
    return "" if owner.uid == uid else f"node {node} UID mismatch: expected {owner.uid} got {uid}"


def _trusts(pod: Pod) -> Iterator[object]:
    for volume in pod.spec.volumes:
        yield from (
            part.cluster_trust_bundle for part in (volume.projected.sources if volume.projected else ())
        )


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
    if forbidden and old is None:
        return f"node {quoted(node)} is not allowed to set the following labels: {', '.join(forbidden)}"
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


def claim_problem(node: str, attributes: Attributes) -> str:
    """A board says how large a claim has become, and nothing else."""
    if attributes.subresource != "status":
        return "may only update PVC status"
    new, old = attributes.obj, attributes.old
    own = dict.fromkeys(("capacity", "conditions", "allocated_resource_statuses", "allocated_resources"))
    unsaid = {"resource_version": "", "managed_fields": ()}
    said = [
        structs.replace(
            claim,
            metadata=structs.replace(claim.metadata, **unsaid),
            status=structs.replace(claim.status, **{field: getattr(old.status, field) for field in own}),
        )
        for claim in (new, old)
    ]
    if said[0] != said[1]:
        return f"node {quoted(node)} is not allowed to update fields other than status.capacity and status.conditions"
    return ""


def check_eviction(user: User, pod: Pod) -> None:
    """Boards evict their own pods only. Forbidden."""
    node = node_of(user)
    if node and pod.spec.node_name != node:
        why = f"node {node} can only evict pods with spec.nodeName set to itself"
        raise Forbidden.of(Resource("", "pods"), pod.metadata.name, why)


def check_token(user: User, namespace: str, account: str, request: TokenRequest, find: FindPod) -> None:
    """Boards get tokens for their own pods only. Forbidden, NotFound."""
    node = node_of(user)
    if not node:
        return
    bound: Any = request.spec.bound_object_ref
    why = ""
    if bound is None or (bound.api_version, bound.kind) != ("v1", "Pod") or not bound.name:
        why = "node requested token not bound to a pod"
    elif not bound.uid:
        why = "node requested token with a pod binding without a uid"
    else:
        pod = find(namespace, bound.name)
        if pod is None:
            raise NotFound.of(Resource("", "pods"), bound.name)
        if pod.metadata.uid != bound.uid:
            why = (
                f"the UID in the bound object reference ({bound.uid}) does not match the UID in record. "
                "The object might have been deleted and then recreated"
            )
        elif pod.spec.node_name != node:
            why = "node requested token bound to a pod scheduled on a different node"
    if why:
        raise Forbidden.of(Resource("", "serviceaccounts"), account, why)


def quoted(name: str) -> str:
    """As Go's %q writes it."""
    return f'"{name}"'
