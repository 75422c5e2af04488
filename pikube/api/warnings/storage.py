"""Pure: old annotations of claims and volumes, plugins that are gone, and parts of bytes.

Enter: an object and the one before it. Leave: warnings. Called through KindInfo.warn and by pod_volumes. Sources:
kubernetes pkg/api/persistentvolume, persistentvolumeclaim and storage, util.go of each.
"""

from __future__ import annotations

from collections.abc import Mapping

from pikube.api.default_class import BETA_CLASS
from pikube.api.kinds.base import Quantity
from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeClaim
from pikube.api.kinds.core_volume import PersistentVolumeClaimSpec
from pikube.api.kinds.storage import CSIStorageCapacity, StorageClass
from pikube.api.quantity import QuantityError, canonical, parse
from pikube.api.warnings.node_labels import OLD_LABELS, selector_warnings, term_warnings

MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
NANO_OF_A_THOUSANDTH = 10**6
GONE = (
    ("photon_persistent_disk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("scale_io", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
)


def volume_warnings(new: PersistentVolume, old: PersistentVolume | None) -> list[str]:
    found = _class_annotation(new.metadata.annotations)
    if MOUNT_OPTIONS in new.metadata.annotations:
        found.append(
            f'metadata.annotations[{MOUNT_OPTIONS}]: deprecated since v1.31; use "mountOptions" attribute instead'
        )
    spec = new.spec
    if spec.persistent_volume_reclaim_policy == "Recycle":
        found.append(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
            "Instead, the recommended approach is to use dynamic provisioning."
        )
    if spec.node_affinity is not None and spec.node_affinity.required is not None:
        terms = spec.node_affinity.required.node_selector_terms
        found += term_warnings(terms, "spec.nodeAffinity.required.nodeSelectorTerms")
    return found + [
        f"spec.{name}: {words}" for field, name, words in GONE if getattr(spec, field) is not None
    ]


def claim_warnings(new: PersistentVolumeClaim, old: PersistentVolumeClaim | None) -> list[str]:
    return _class_annotation(new.metadata.annotations) + claim_spec_warnings(new.spec, "spec")


def claim_spec_warnings(spec: PersistentVolumeClaimSpec, path: str) -> list[str]:
    found = []
    for name, amounts in (("requests", spec.resources.requests), ("limits", spec.resources.limits)):
        found += fraction_warnings(amounts, f"{path}.resources.{name}", ("storage",))
    return found


def fraction_warnings(amounts: Mapping[str, Quantity], path: str, names: tuple[str, ...]) -> list[str]:
    """Parts of a byte, as in `100m` of memory."""
    return [
        f'{path}[{name}]: fractional byte value "{canonical(amounts[name])}" is invalid, must be an integer'
        for name in names
        if name in amounts and _has_thousandths(amounts[name])
    ]


def class_warnings(new: StorageClass, old: StorageClass | None) -> list[str]:
    return [
        f"allowedTopologies[{i}].matchLabelExpressions[{j}].key: {OLD_LABELS[expression.key]}"
        for i, topology in enumerate(new.allowed_topologies)
        for j, expression in enumerate(topology.match_label_expressions)
        if expression.key in OLD_LABELS
    ]


def capacity_warnings(new: CSIStorageCapacity, old: CSIStorageCapacity | None) -> list[str]:
    return selector_warnings(new.node_topology, "nodeTopology")


def _class_annotation(annotations: Mapping[str, str]) -> list[str]:
    words = 'deprecated since v1.8; use "storageClassName" attribute instead'
    return [f"metadata.annotations[{BETA_CLASS}]: {words}"] if BETA_CLASS in annotations else []


def _has_thousandths(quantity: Quantity) -> bool:
    try:
        nano = parse(quantity).nano
    except QuantityError:
        return False
    return -(-nano // NANO_OF_A_THOUSANDTH) % 1000 != 0
