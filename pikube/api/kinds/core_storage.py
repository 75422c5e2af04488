"""Declaration: PersistentVolume and PersistentVolumeClaim, core/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import (
    ALWAYS_INT,
    ALWAYS_LIST,
    ALWAYS_STR,
    MAP,
    Field,
    Int32,
    Names,
    Quantity,
    Struct,
    Time,
)
from pikube.api.kinds.core_references import NodeSelector, ObjectReference, SecretReference
from pikube.api.kinds.core_volume import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    FCVolumeSource,
    FlockerVolumeSource,
    GCEPersistentDiskVolumeSource,
    HostPathVolumeSource,
    NFSVolumeSource,
    PersistentVolumeClaimSpec,
    PhotonPersistentDiskVolumeSource,
    PortworxVolumeSource,
    QuobyteVolumeSource,
    VsphereVirtualDiskVolumeSource,
)
from pikube.api.kinds.meta import Object, ObjectMeta


class PersistentVolumeSpec(Struct):
    capacity: Annotated[dict[str, Quantity], Field(1)] = MAP
    gce_persistent_disk: Annotated[GCEPersistentDiskVolumeSource | None, Field((2, 1))] = None
    aws_elastic_block_store: Annotated[AWSElasticBlockStoreVolumeSource | None, Field((2, 2))] = None
    host_path: Annotated[HostPathVolumeSource | None, Field((2, 3))] = None
    glusterfs: Annotated[GlusterfsPersistentVolumeSource | None, Field((2, 4))] = None
    nfs: Annotated[NFSVolumeSource | None, Field((2, 5))] = None
    rbd: Annotated[RBDPersistentVolumeSource | None, Field((2, 6))] = None
    iscsi: Annotated[ISCSIPersistentVolumeSource | None, Field((2, 7))] = None
    cinder: Annotated[CinderPersistentVolumeSource | None, Field((2, 8))] = None
    cephfs: Annotated[CephFSPersistentVolumeSource | None, Field((2, 9))] = None
    fc: Annotated[FCVolumeSource | None, Field((2, 10))] = None
    flocker: Annotated[FlockerVolumeSource | None, Field((2, 11))] = None
    flex_volume: Annotated[FlexPersistentVolumeSource | None, Field((2, 12))] = None
    azure_file: Annotated[AzureFilePersistentVolumeSource | None, Field((2, 13))] = None
    vsphere_volume: Annotated[VsphereVirtualDiskVolumeSource | None, Field((2, 14))] = None
    quobyte: Annotated[QuobyteVolumeSource | None, Field((2, 15))] = None
    azure_disk: Annotated[AzureDiskVolumeSource | None, Field((2, 16))] = None
    photon_persistent_disk: Annotated[PhotonPersistentDiskVolumeSource | None, Field((2, 17))] = None
    portworx_volume: Annotated[PortworxVolumeSource | None, Field((2, 18))] = None
    scale_io: Annotated[ScaleIOPersistentVolumeSource | None, Field((2, 19))] = msgspec.field(name="scaleIO", default=None)
    local: Annotated[LocalVolumeSource | None, Field((2, 20))] = None
    storageos: Annotated[StorageOSPersistentVolumeSource | None, Field((2, 21))] = None
    csi: Annotated[CSIPersistentVolumeSource | None, Field((2, 22))] = None
    access_modes: Annotated[tuple[str, ...], Field(3, enum=("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"))] = ()
    claim_ref: Annotated[ObjectReference | None, Field(4, atomic=True)] = None
    persistent_volume_reclaim_policy: Annotated[str, Field(5, enum=("Recycle", "Delete", "Retain"))] = ""
    storage_class_name: Annotated[str, Field(6)] = ""
    mount_options: Annotated[tuple[str, ...], Field(7)] = ()
    volume_mode: Annotated[str | None, Field(8, enum=("Block", "Filesystem"))] = None
    node_affinity: Annotated[VolumeNodeAffinity | None, Field(9)] = None
    volume_attributes_class_name: Annotated[str | None, Field(10)] = None


class PersistentVolumeStatus(Struct):
    phase: Annotated[str, Field(1, enum=("Pending", "Available", "Bound", "Released", "Failed"))] = ""
    message: Annotated[str, Field(2)] = ""
    reason: Annotated[str, Field(3)] = ""
    last_phase_transition_time: Annotated[Time, Field(4)] = ""


class PersistentVolume(Object):
    names: ClassVar[Names] = Names("", "v1", "PersistentVolume", "persistentvolumes", False, short=("pv",))
    kind: str = msgspec.field(default_factory=lambda: "PersistentVolume")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PersistentVolumeSpec, Field(2)] = msgspec.field(default_factory=PersistentVolumeSpec)
    status: Annotated[PersistentVolumeStatus, Field(3)] = msgspec.field(default_factory=PersistentVolumeStatus)


class VolumeNodeAffinity(Struct):
    required: Annotated[NodeSelector | None, Field(1, atomic=True)] = None


class PersistentVolumeClaimStatus(Struct):
    phase: Annotated[str, Field(1, enum=("Pending", "Bound", "Lost"))] = ""
    access_modes: Annotated[tuple[str, ...], Field(2, enum=("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"))] = ()
    capacity: Annotated[dict[str, Quantity], Field(3)] = MAP
    conditions: Annotated[tuple[PersistentVolumeClaimCondition, ...], Field(4, merge_key="type", list_type="map", list_keys=("type",))] = ()
    allocated_resources: Annotated[dict[str, Quantity], Field(5)] = MAP
    allocated_resource_statuses: Annotated[dict[str, str], Field(7)] = MAP
    current_volume_attributes_class_name: Annotated[str | None, Field(8)] = None
    modify_volume_status: Annotated[ModifyVolumeStatus | None, Field(9)] = None


class PersistentVolumeClaim(Object):
    names: ClassVar[Names] = Names("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True, short=("pvc",))
    kind: str = msgspec.field(default_factory=lambda: "PersistentVolumeClaim")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PersistentVolumeClaimSpec, Field(2)] = msgspec.field(default_factory=PersistentVolumeClaimSpec)
    status: Annotated[PersistentVolumeClaimStatus, Field(3)] = msgspec.field(default_factory=PersistentVolumeClaimStatus)


class ModifyVolumeStatus(Struct):
    target_volume_attributes_class_name: Annotated[str, Field(1)] = ""
    status: Annotated[str, Field(2, required=True, enum=("Pending", "InProgress", "Infeasible"))] = ALWAYS_STR


class PersistentVolumeClaimCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    last_probe_time: Annotated[Time, Field(3)] = ""
    last_transition_time: Annotated[Time, Field(4)] = ""
    reason: Annotated[str, Field(5)] = ""
    message: Annotated[str, Field(6)] = ""


class GlusterfsPersistentVolumeSource(Struct):
    endpoints: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    path: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3)] = False
    endpoints_namespace: Annotated[str | None, Field(4)] = None


class RBDPersistentVolumeSource(Struct):
    monitors: Annotated[tuple[str, ...], Field(1, required=True)] = ALWAYS_LIST
    image: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    fs_type: Annotated[str, Field(3)] = ""
    pool: Annotated[str, Field(4, default="rbd")] = ""
    user: Annotated[str, Field(5, default="admin")] = ""
    keyring: Annotated[str, Field(6, default="/etc/ceph/keyring")] = ""
    secret_ref: Annotated[SecretReference | None, Field(7, atomic=True)] = None
    read_only: Annotated[bool, Field(8)] = False


class CinderPersistentVolumeSource(Struct):
    volume_id: Annotated[str, Field(1, required=True)] = msgspec.field(name="volumeID", default_factory=str)
    fs_type: Annotated[str, Field(2)] = ""
    read_only: Annotated[bool, Field(3)] = False
    secret_ref: Annotated[SecretReference | None, Field(4, atomic=True)] = None


class CephFSPersistentVolumeSource(Struct):
    monitors: Annotated[tuple[str, ...], Field(1, required=True)] = ALWAYS_LIST
    path: Annotated[str, Field(2)] = ""
    user: Annotated[str, Field(3)] = ""
    secret_file: Annotated[str, Field(4)] = ""
    secret_ref: Annotated[SecretReference | None, Field(5, atomic=True)] = None
    read_only: Annotated[bool, Field(6)] = False


class FlexPersistentVolumeSource(Struct):
    driver: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    fs_type: Annotated[str, Field(2)] = ""
    secret_ref: Annotated[SecretReference | None, Field(3, atomic=True)] = None
    read_only: Annotated[bool, Field(4)] = False
    options: Annotated[dict[str, str], Field(5)] = MAP


class ISCSIPersistentVolumeSource(Struct):
    target_portal: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    iqn: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    lun: Annotated[Int32, Field(3, required=True)] = ALWAYS_INT
    iscsi_interface: Annotated[str, Field(4, default="default")] = ""
    fs_type: Annotated[str, Field(5)] = ""
    read_only: Annotated[bool, Field(6)] = False
    portals: Annotated[tuple[str, ...], Field(7)] = ()
    chap_auth_discovery: Annotated[bool, Field(8)] = False
    chap_auth_session: Annotated[bool, Field(11)] = False
    secret_ref: Annotated[SecretReference | None, Field(10, atomic=True)] = None
    initiator_name: Annotated[str | None, Field(12)] = None


class AzureFilePersistentVolumeSource(Struct):
    secret_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    share_name: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3)] = False
    secret_namespace: Annotated[str | None, Field(4)] = None


class ScaleIOPersistentVolumeSource(Struct):
    gateway: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    system: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    secret_ref: Annotated[SecretReference | None, Field(3, required=True, atomic=True)] = None
    ssl_enabled: Annotated[bool, Field(4)] = False
    protection_domain: Annotated[str, Field(5)] = ""
    storage_pool: Annotated[str, Field(6)] = ""
    storage_mode: Annotated[str, Field(7, default="ThinProvisioned")] = ""
    volume_name: Annotated[str, Field(8)] = ""
    fs_type: Annotated[str, Field(9, default="xfs")] = ""
    read_only: Annotated[bool, Field(10)] = False


class StorageOSPersistentVolumeSource(Struct):
    volume_name: Annotated[str, Field(1)] = ""
    volume_namespace: Annotated[str, Field(2)] = ""
    fs_type: Annotated[str, Field(3)] = ""
    read_only: Annotated[bool, Field(4)] = False
    secret_ref: Annotated[ObjectReference | None, Field(5, atomic=True)] = None


class LocalVolumeSource(Struct):
    path: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    fs_type: Annotated[str | None, Field(2)] = None


class CSIPersistentVolumeSource(Struct):
    driver: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    volume_handle: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3)] = False
    fs_type: Annotated[str, Field(4)] = ""
    volume_attributes: Annotated[dict[str, str], Field(5)] = MAP
    controller_publish_secret_ref: Annotated[SecretReference | None, Field(6, atomic=True)] = None
    node_stage_secret_ref: Annotated[SecretReference | None, Field(7, atomic=True)] = None
    node_publish_secret_ref: Annotated[SecretReference | None, Field(8, atomic=True)] = None
    controller_expand_secret_ref: Annotated[SecretReference | None, Field(9, atomic=True)] = None
    node_expand_secret_ref: Annotated[SecretReference | None, Field(10, atomic=True)] = None
