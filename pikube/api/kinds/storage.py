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
    """A kind of storage that claims can ask for."""

    names: ClassVar[Names] = Names("storage.k8s.io", "v1", "StorageClass", "storageclasses", False, short=("sc",))
    kind: str = msgspec.field(default_factory=lambda: "StorageClass")
    api_version: str = msgspec.field(default_factory=lambda: "storage.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    provisioner: Annotated[str, Field(2, "Who makes the volumes.", required=True)] = ALWAYS_STR
    parameters: Annotated[dict[str, str], Field(3, "Settings for the provisioner.")] = MAP
    reclaim_policy: Annotated[str | None, Field(4, "What happens to a volume when its claim goes: Delete (the default) or Retain.", enum=("Recycle", "Delete", "Retain"))] = None
    mount_options: Annotated[tuple[str, ...], Field(5, "Options of mount for the volumes.")] = ()
    allow_volume_expansion: Annotated[bool | None, Field(6, "Whether claims may grow.")] = None
    volume_binding_mode: Annotated[str | None, Field(7, "Immediate (the default), or WaitForFirstConsumer to wait for the first pod and its node.", enum=("Immediate", "WaitForFirstConsumer"))] = None
    allowed_topologies: Annotated[tuple[TopologySelectorTerm, ...], Field(8, "Where volumes may be made.")] = ()


class VolumeAttachmentSource(Struct):
    """The volume that is attached."""

    persistent_volume_name: Annotated[str | None, Field(1, "The PersistentVolume.")] = None
    inline_volume_spec: Annotated[PersistentVolumeSpec | None, Field(2, "A volume given in place.")] = None


class VolumeAttachmentSpec(Struct):
    """What is to be attached where."""

    attacher: Annotated[str, Field(1, "The driver.", required=True)] = ALWAYS_STR
    source: Annotated[VolumeAttachmentSource, Field(2, "The volume.", required=True)] = msgspec.field(default_factory=VolumeAttachmentSource)
    node_name: Annotated[str, Field(3, "The node.", required=True)] = ALWAYS_STR


class VolumeAttachmentStatus(Struct):
    """How far attaching has come."""

    attached: Annotated[bool, Field(1, "Whether it is attached.", required=True)] = ALWAYS_BOOL
    attachment_metadata: Annotated[dict[str, str], Field(2, "Facts from the driver.")] = MAP
    attach_error: Annotated[VolumeError | None, Field(3, "The last failure of attaching.")] = None
    detach_error: Annotated[VolumeError | None, Field(4, "The last failure of detaching.")] = None


class VolumeAttachment(Object):
    """A volume that a driver attaches to a node."""

    names: ClassVar[Names] = Names("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", False)
    kind: str = msgspec.field(default_factory=lambda: "VolumeAttachment")
    api_version: str = msgspec.field(default_factory=lambda: "storage.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[VolumeAttachmentSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=VolumeAttachmentSpec)
    status: Annotated[VolumeAttachmentStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=VolumeAttachmentStatus)


class VolumeError(Struct):
    """A failure with a volume."""

    time: Annotated[Time, Field(1, "When.")] = ""
    message: Annotated[str, Field(2, "What went wrong.")] = ""
    error_code: Annotated[Int32 | None, Field(3, "The driver's code of the error.")] = None


class CSIDriverSpec(Struct):
    """What a CSI driver needs and can do."""

    attach_required: Annotated[bool | None, Field(1, "Whether volumes are attached before they are mounted.")] = None
    pod_info_on_mount: Annotated[bool | None, Field(2, "Whether it is told about the pod.")] = None
    volume_lifecycle_modes: Annotated[tuple[str, ...], Field(3, "Persistent, Ephemeral or both.", list_type="set")] = ()
    storage_capacity: Annotated[bool | None, Field(4, "Whether it publishes its free capacity.")] = None
    fs_group_policy: Annotated[str | None, Field(5, "ReadWriteOnceWithFSType, File or None.")] = None
    token_requests: Annotated[tuple[TokenRequest, ...], Field(6, "Tokens of the pod's account that it gets.")] = ()
    requires_republish: Annotated[bool | None, Field(7, "Whether it is called again and again.")] = None
    se_linux_mount: Annotated[bool | None, Field(8, "Whether it can mount with an SELinux label.")] = None
    node_allocatable_update_period_seconds: Annotated[Int64 | None, Field(9, "How often its limits on a node are read again.")] = None
    service_account_token_in_secrets: Annotated[bool | None, Field(10, "Whether it gets tokens among the secrets.")] = None
    prevent_pod_scheduling_if_missing: Annotated[bool | None, Field(11, "Whether pods must not go to nodes without the driver.")] = None


class CSIDriver(Object):
    """A CSI driver of the cluster."""

    names: ClassVar[Names] = Names("storage.k8s.io", "v1", "CSIDriver", "csidrivers", False)
    kind: str = msgspec.field(default_factory=lambda: "CSIDriver")
    api_version: str = msgspec.field(default_factory=lambda: "storage.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[CSIDriverSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=CSIDriverSpec)


class TokenRequest(Struct):
    """A token that a driver gets."""

    audience: Annotated[str, Field(1, "Who the token is for.", required=True)] = ALWAYS_STR
    expiration_seconds: Annotated[Int64 | None, Field(2, "How long it lives.")] = None


class CSINodeSpec(Struct):
    """The CSI drivers of a node."""

    drivers: Annotated[tuple[CSINodeDriver, ...], Field(1, "The drivers.", required=True, merge_key="name", list_type="map", list_keys=("name",))] = ALWAYS_LIST


class CSINode(Object):
    """The CSI drivers of a node."""

    names: ClassVar[Names] = Names("storage.k8s.io", "v1", "CSINode", "csinodes", False)
    kind: str = msgspec.field(default_factory=lambda: "CSINode")
    api_version: str = msgspec.field(default_factory=lambda: "storage.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[CSINodeSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=CSINodeSpec)


class CSINodeDriver(Struct):
    """A CSI driver on a node."""

    name: Annotated[str, Field(1, "The driver's name.", required=True)] = ALWAYS_STR
    node_id: Annotated[str, Field(2, "The driver's name of the node.", required=True)] = msgspec.field(name="nodeID", default_factory=str)
    topology_keys: Annotated[tuple[str, ...], Field(3, "Node labels that the driver knows places by.")] = ALWAYS_LIST
    allocatable: Annotated[VolumeNodeResources | None, Field(4, "How many volumes it can have there.")] = None


class VolumeNodeResources(Struct):
    """How many volumes a node can have."""

    count: Annotated[Int32 | None, Field(1, "The number.")] = None


class CSIStorageCapacity(Object):
    """How much a driver can still provide somewhere."""

    names: ClassVar[Names] = Names("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities", True)
    kind: str = msgspec.field(default_factory=lambda: "CSIStorageCapacity")
    api_version: str = msgspec.field(default_factory=lambda: "storage.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    node_topology: Annotated[LabelSelector | None, Field(2, "The nodes.", atomic=True)] = None
    storage_class_name: Annotated[str, Field(3, "The class.", required=True)] = ALWAYS_STR
    capacity: Annotated[Quantity | None, Field(4, "What is free.")] = None
    maximum_volume_size: Annotated[Quantity | None, Field(5, "The largest single volume.")] = None


class VolumeAttributesClass(Object):
    """Attributes of volumes that can be changed later."""

    names: ClassVar[Names] = Names("storage.k8s.io", "v1", "VolumeAttributesClass", "volumeattributesclasses", False, short=("vac",))
    kind: str = msgspec.field(default_factory=lambda: "VolumeAttributesClass")
    api_version: str = msgspec.field(default_factory=lambda: "storage.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    driver_name: Annotated[str, Field(2, "The driver.", required=True)] = ALWAYS_STR
    parameters: Annotated[dict[str, str], Field(3, "The attributes.")] = MAP
