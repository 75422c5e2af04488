"""Pure: the built-in provisioner: a directory on the board that runs the first pod of a claim.

Enter: a claim, its class and the chosen node. Leaves: a PersistentVolume. Called by volume_binding.py. The agent of
the board makes the directory when a pod mounts it, and removes it before it lets a deleted volume go.
"""

from __future__ import annotations

from pikube.api.kinds.core_references import NodeSelector, NodeSelectorRequirement, NodeSelectorTerm
from pikube.api.kinds.core_storage import (
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
    VolumeNodeAffinity,
)
from pikube.api.kinds.core_volume import HostPathVolumeSource
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.kinds.storage import StorageClass
from pikube.api.local_volumes import HELD_BY_BOARD, HOSTNAME, PROVISIONED_BY, PROVISIONER
from pikube.leader.controllers.volume_match import claim_reference

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
PATH = "path"  # parameter of the class: the directory on each board that holds the volumes


def local_path_class(path: str) -> StorageClass:
    """The class that a new cluster has, and that claims get which name none."""
    return StorageClass(
        metadata=ObjectMeta(name="local-path", annotations={DEFAULT_CLASS: "true"}),
        provisioner=PROVISIONER,
        parameters={PATH: path},
        reclaim_policy="Delete",
        volume_binding_mode="WaitForFirstConsumer",
        allow_volume_expansion=True,
    )


def volume_name(claim: PersistentVolumeClaim) -> str:
    """By the claim's uid, so that provisioning twice provisions once."""
    return f"pvc-{claim.metadata.uid}"


def provision(claim: PersistentVolumeClaim, class_: StorageClass, node: str) -> PersistentVolume:
    """The volume for a claim on a node."""
    name, meta = volume_name(claim), claim.metadata
    root = class_.parameters.get(PATH, "/var/lib/pikube/storage").rstrip("/")
    requirement = NodeSelectorRequirement(key=HOSTNAME, operator="In", values=(node,))
    terms = NodeSelector(node_selector_terms=(NodeSelectorTerm(match_expressions=(requirement,)),))
    return PersistentVolume(
        metadata=ObjectMeta(
            name=name, annotations={PROVISIONED_BY: PROVISIONER}, finalizers=(HELD_BY_BOARD,)
        ),
        spec=PersistentVolumeSpec(
            capacity={"storage": claim.spec.resources.requests.get("storage", "0")},
            host_path=HostPathVolumeSource(
                path=f"{root}/{name}_{meta.namespace}_{meta.name}", type="DirectoryOrCreate"
            ),
            access_modes=claim.spec.access_modes,
            claim_ref=claim_reference(claim),
            persistent_volume_reclaim_policy=class_.reclaim_policy or "Delete",
            storage_class_name=class_.metadata.name,
            mount_options=class_.mount_options,
            volume_mode=claim.spec.volume_mode or "Filesystem",
            node_affinity=VolumeNodeAffinity(required=terms),
        ),
    )
