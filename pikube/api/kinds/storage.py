"""Declaration: storage.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import (
    ALWAYS_BOOL,
    ALWAYS_LIST,
    ALWAYS_STR,
    MAP,
    Field,
    Int32,
    Int64,
    Names,
    Quantity,
    Struct,
    Time,
)
from pikube.api.kinds.core_references import TopologySelectorTerm
from pikube.api.kinds.core_storage import PersistentVolumeSpec
from pikube.api.kinds.meta import LabelSelector, Object, ObjectMeta


class StorageClass(Object):
    names: ClassVar[Names] = Names("storage.k8s.io", "v1", "StorageClass", "storageclasses", False, short=("sc",))
    kind: str = msgspec.field(default_factory=lambda: "StorageClass")
    api_version: str = msgspec.field(default_factory=lambda: "storage.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    provisioner: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    parameters: Annotated[dict[str, str], Field(3)] = MAP
    reclaim_policy: Annotated[str | None, Field(4, enum=("Recycle", "Delete", "Retain"))] = None
    mount_options: Annotated[tuple[str, ...], Field(5)] = ()
    allow_volume_expansion: Annotated[bool | None, Field(6)] = None
    volume_binding_mode: Annotated[str | None, Field(7, enum=("Immediate", "WaitForFirstConsumer"))] = None
    allowed_topologies: Annotated[tuple[TopologySelectorTerm, ...], Field(8)] = ()


class VolumeAttachmentSource(Struct):
    persistent_volume_name: Annotated[str | None, Field(1)] = None
    inline_volume_spec: Annotated[PersistentVolumeSpec | None, Field(2)] = None


class VolumeAttachmentSpec(Struct):
    attacher: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    source: Annotated[VolumeAttachmentSource, Field(2, required=True)] = msgspec.field(default_factory=VolumeAttachmentSource)
    node_name: Annotated[str, Field(3, required=True)] = ALWAYS_STR


class VolumeAttachmentStatus(Struct):
    attached: Annotated[bool, Field(1, required=True)] = ALWAYS_BOOL
    attachment_metadata: Annotated[dict[str, str], Field(2)] = MAP
    attach_error: Annotated[VolumeError | None, Field(3)] = None
    detach_error: Annotated[VolumeError | None, Field(4)] = None


class VolumeAttachment(Object):
    names: ClassVar[Names] = Names("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", False)
    kind: str = msgspec.field(default_factory=lambda: "VolumeAttachment")
    api_version: str = msgspec.field(default_factory=lambda: "storage.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[VolumeAttachmentSpec, Field(2, required=True)] = msgspec.field(default_factory=VolumeAttachmentSpec)
    status: Annotated[VolumeAttachmentStatus, Field(3)] = msgspec.field(default_factory=VolumeAttachmentStatus)


class VolumeError(Struct):
    time: Annotated[Time, Field(1)] = ""
    message: Annotated[str, Field(2)] = ""
    error_code: Annotated[Int32 | None, Field(3)] = None


class CSIDriverSpec(Struct):
    attach_required: Annotated[bool | None, Field(1)] = None
    pod_info_on_mount: Annotated[bool | None, Field(2)] = None
    volume_lifecycle_modes: Annotated[tuple[str, ...], Field(3, list_type="set")] = ()
    storage_capacity: Annotated[bool | None, Field(4)] = None
    fs_group_policy: Annotated[str | None, Field(5)] = None
    token_requests: Annotated[tuple[TokenRequest, ...], Field(6)] = ()
    requires_republish: Annotated[bool | None, Field(7)] = None
    se_linux_mount: Annotated[bool | None, Field(8)] = None
    node_allocatable_update_period_seconds: Annotated[Int64 | None, Field(9)] = None
    service_account_token_in_secrets: Annotated[bool | None, Field(10)] = None
    prevent_pod_scheduling_if_missing: Annotated[bool | None, Field(11)] = None


class CSIDriver(Object):
    names: ClassVar[Names] = Names("storage.k8s.io", "v1", "CSIDriver", "csidrivers", False)
    kind: str = msgspec.field(default_factory=lambda: "CSIDriver")
    api_version: str = msgspec.field(default_factory=lambda: "storage.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[CSIDriverSpec, Field(2, required=True)] = msgspec.field(default_factory=CSIDriverSpec)


class TokenRequest(Struct):
    audience: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    expiration_seconds: Annotated[Int64 | None, Field(2)] = None


class CSINodeSpec(Struct):
    drivers: Annotated[tuple[CSINodeDriver, ...], Field(1, required=True, merge_key="name", list_type="map", list_keys=("name",))] = ALWAYS_LIST


class CSINode(Object):
    names: ClassVar[Names] = Names("storage.k8s.io", "v1", "CSINode", "csinodes", False)
    kind: str = msgspec.field(default_factory=lambda: "CSINode")
    api_version: str = msgspec.field(default_factory=lambda: "storage.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[CSINodeSpec, Field(2, required=True)] = msgspec.field(default_factory=CSINodeSpec)


class CSINodeDriver(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    node_id: Annotated[str, Field(2, required=True)] = msgspec.field(name="nodeID", default_factory=str)
    topology_keys: Annotated[tuple[str, ...], Field(3)] = ALWAYS_LIST
    allocatable: Annotated[VolumeNodeResources | None, Field(4)] = None


class VolumeNodeResources(Struct):
    count: Annotated[Int32 | None, Field(1)] = None


class CSIStorageCapacity(Object):
    names: ClassVar[Names] = Names("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities", True)
    kind: str = msgspec.field(default_factory=lambda: "CSIStorageCapacity")
    api_version: str = msgspec.field(default_factory=lambda: "storage.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    node_topology: Annotated[LabelSelector | None, Field(2, atomic=True)] = None
    storage_class_name: Annotated[str, Field(3, required=True)] = ALWAYS_STR
    capacity: Annotated[Quantity | None, Field(4)] = None
    maximum_volume_size: Annotated[Quantity | None, Field(5)] = None


class VolumeAttributesClass(Object):
    names: ClassVar[Names] = Names("storage.k8s.io", "v1", "VolumeAttributesClass", "volumeattributesclasses", False, short=("vac",))
    kind: str = msgspec.field(default_factory=lambda: "VolumeAttributesClass")
    api_version: str = msgspec.field(default_factory=lambda: "storage.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    driver_name: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    parameters: Annotated[dict[str, str], Field(3)] = MAP
