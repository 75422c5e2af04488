"""Pure: the tables of volumes, claims and what makes them (printers.go)."""

from __future__ import annotations

from typing import Any

from pikube.api.columns.column import (
    AGE,
    NAME,
    NONE,
    NUMBER,
    UNSET,
    Column,
    Columns,
    age,
    wide,
)
from pikube.api.default_class import OF_STORAGE, class_of

ACCESS = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def volume_row(obj: Any, now: float) -> list[Any]:
    claim = obj.spec.claim_ref
    return [
        obj.metadata.name,
        str(obj.spec.capacity.get("storage", "0")),
        _modes(obj.spec.access_modes),
        obj.spec.persistent_volume_reclaim_policy,
        "Terminating" if obj.metadata.deletion_timestamp else obj.status.phase,
        f"{claim.namespace}/{claim.name}" if claim else "",
        class_of(obj),
        obj.spec.volume_attributes_class_name or UNSET,
        obj.status.reason,
        age(obj.metadata.creation_timestamp, now),
        obj.spec.volume_mode or UNSET,
    ]


def claim_row(obj: Any, now: float) -> list[Any]:
    is_bound = bool(obj.spec.volume_name)
    return [
        obj.metadata.name,
        "Terminating" if obj.metadata.deletion_timestamp else obj.status.phase,
        obj.spec.volume_name,
        str(obj.status.capacity.get("storage", "0")) if is_bound else "",
        _modes(obj.status.access_modes) if is_bound else "",
        class_of(obj) or "",
        obj.spec.volume_attributes_class_name or UNSET,
        age(obj.metadata.creation_timestamp, now),
        obj.spec.volume_mode or UNSET,
    ]


def _modes(modes: tuple[str, ...]) -> str:
    return ",".join(ACCESS.get(mode, mode) for mode in modes)


def storage_class_row(obj: Any, now: float) -> list[Any]:
    name = obj.metadata.name
    if any(obj.metadata.annotations.get(word) == "true" for word in OF_STORAGE):
        name += " (default)"
    return [
        name,
        obj.provisioner,
        obj.reclaim_policy or "Delete",
        obj.volume_binding_mode or "Immediate",
        bool(obj.allow_volume_expansion),
        age(obj.metadata.creation_timestamp, now),
    ]


def csi_driver_row(obj: Any, now: float) -> list[Any]:
    spec = obj.spec
    tokens = ",".join(t.audience for t in spec.token_requests) or UNSET
    return [
        obj.metadata.name,
        spec.attach_required is not False,
        bool(spec.pod_info_on_mount),
        bool(spec.storage_capacity),
        tokens,
        bool(spec.requires_republish),
        ",".join(spec.volume_lifecycle_modes) or NONE,
        age(obj.metadata.creation_timestamp, now),
    ]


def csi_node_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, len(obj.spec.drivers), age(obj.metadata.creation_timestamp, now)]


def attachment_row(obj: Any, now: float) -> list[Any]:
    return [
        obj.metadata.name,
        obj.spec.attacher,
        obj.spec.source.persistent_volume_name or "",
        obj.spec.node_name,
        obj.status.attached,
        age(obj.metadata.creation_timestamp, now),
    ]


def capacity_row(obj: Any, now: float) -> list[Any]:
    capacity = obj.capacity
    return [obj.metadata.name, obj.storage_class_name, UNSET if capacity is None else str(capacity)]


def attributes_class_row(obj: Any, now: float) -> list[Any]:
    name = obj.metadata.name
    if obj.metadata.annotations.get("storageclass.kubernetes.io/is-default-class") == "true":
        name += " (default)"
    return [name, obj.driver_name, age(obj.metadata.creation_timestamp, now)]


TABLES = {
    "PersistentVolume": Columns(
        (NAME, Column("Capacity"), Column("Access Modes"), Column("Reclaim Policy"), Column("Status"),
         Column("Claim"), Column("StorageClass"), Column("VolumeAttributesClass"), Column("Reason"), AGE,
         wide("VolumeMode")),
        volume_row,
    ),
    "PersistentVolumeClaim": Columns(
        (NAME, Column("Status"), Column("Volume"), Column("Capacity"), Column("Access Modes"),
         Column("StorageClass"), Column("VolumeAttributesClass"), AGE, wide("VolumeMode")),
        claim_row,
    ),
    "StorageClass": Columns(
        (NAME, Column("Provisioner"), Column("ReclaimPolicy"), Column("VolumeBindingMode"),
         Column("AllowVolumeExpansion"), AGE),
        storage_class_row,
    ),
    "CSIDriver": Columns(
        (NAME, Column("AttachRequired", "boolean"), Column("PodInfoOnMount", "boolean"),
         Column("StorageCapacity", "boolean"), Column("TokenRequests"), Column("RequiresRepublish", "boolean"),
         Column("Modes"), AGE),
        csi_driver_row,
    ),
    "CSINode": Columns((NAME, Column("Drivers", NUMBER), AGE), csi_node_row),
    "CSIStorageCapacity": Columns((NAME, Column("StorageClassName"), Column("Capacity")), capacity_row),
    "VolumeAttributesClass": Columns((NAME, Column("DriverName"), AGE), attributes_class_row),
    "VolumeAttachment": Columns(
        (NAME, Column("Attacher"), Column("PV"), Column("Node"), Column("Attached", "boolean"), AGE),
        attachment_row,
    ),
}  # fmt: skip
