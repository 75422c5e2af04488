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
    """What a volume is."""

    capacity: Annotated[dict[str, Quantity], Field(1, "The volume's size: storage.")] = MAP
    gce_persistent_disk: Annotated[GCEPersistentDiskVolumeSource | None, Field((2, 1), "A Google Compute Engine disk. No longer supported.")] = None
    aws_elastic_block_store: Annotated[AWSElasticBlockStoreVolumeSource | None, Field((2, 2), "An AWS EBS volume. No longer supported.")] = None
    host_path: Annotated[HostPathVolumeSource | None, Field((2, 3), "A path of one node, for trying things out: give it a node affinity, or data seems to vanish.")] = None
    glusterfs: Annotated[GlusterfsPersistentVolumeSource | None, Field((2, 4), "A Glusterfs volume. No longer supported.")] = None
    nfs: Annotated[NFSVolumeSource | None, Field((2, 5), "A directory of an NFS server.")] = None
    rbd: Annotated[RBDPersistentVolumeSource | None, Field((2, 6), "A Ceph block device. No longer supported.")] = None
    iscsi: Annotated[ISCSIPersistentVolumeSource | None, Field((2, 7), "An iSCSI disk.")] = None
    cinder: Annotated[CinderPersistentVolumeSource | None, Field((2, 8), "An OpenStack disk. No longer supported.")] = None
    cephfs: Annotated[CephFSPersistentVolumeSource | None, Field((2, 9), "A CephFS directory. No longer supported.")] = None
    fc: Annotated[FCVolumeSource | None, Field((2, 10), "A Fibre Channel disk.")] = None
    flocker: Annotated[FlockerVolumeSource | None, Field((2, 11), "A Flocker dataset. No longer supported.")] = None
    flex_volume: Annotated[FlexPersistentVolumeSource | None, Field((2, 12), "A volume of a FlexVolume driver. Deprecated.")] = None
    azure_file: Annotated[AzureFilePersistentVolumeSource | None, Field((2, 13), "An Azure file share. No longer supported.")] = None
    vsphere_volume: Annotated[VsphereVirtualDiskVolumeSource | None, Field((2, 14), "A vSphere disk. No longer supported.")] = None
    quobyte: Annotated[QuobyteVolumeSource | None, Field((2, 15), "A Quobyte volume. No longer supported.")] = None
    azure_disk: Annotated[AzureDiskVolumeSource | None, Field((2, 16), "An Azure disk. No longer supported.")] = None
    photon_persistent_disk: Annotated[PhotonPersistentDiskVolumeSource | None, Field((2, 17), "A Photon disk. No longer supported.")] = None
    portworx_volume: Annotated[PortworxVolumeSource | None, Field((2, 18), "A Portworx volume. Deprecated.")] = None
    scale_io: Annotated[ScaleIOPersistentVolumeSource | None, Field((2, 19), "A ScaleIO volume. No longer supported.")] = msgspec.field(name="scaleIO", default=None)
    local: Annotated[LocalVolumeSource | None, Field((2, 20), "A disk or directory of one node; needs a node affinity.")] = None
    storageos: Annotated[StorageOSPersistentVolumeSource | None, Field((2, 21), "A StorageOS volume. No longer supported.")] = None
    csi: Annotated[CSIPersistentVolumeSource | None, Field((2, 22), "A volume of a CSI driver.")] = None
    access_modes: Annotated[tuple[str, ...], Field(3, "The ways in which it can be mounted.", enum=("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"))] = ()
    claim_ref: Annotated[ObjectReference | None, Field(4, "The claim that the volume is bound to or kept for.", atomic=True)] = None
    persistent_volume_reclaim_policy: Annotated[str, Field(5, "What happens when the claim goes: Retain, Delete or Recycle (deprecated).", enum=("Recycle", "Delete", "Retain"))] = ""
    storage_class_name: Annotated[str, Field(6, "The class that the volume belongs to; none when empty.")] = ""
    mount_options: Annotated[tuple[str, ...], Field(7, "Options of mount.")] = ()
    volume_mode: Annotated[str | None, Field(8, "Filesystem (the default) or Block.", enum=("Block", "Filesystem"))] = None
    node_affinity: Annotated[VolumeNodeAffinity | None, Field(9, "The nodes from which the volume can be reached.")] = None
    volume_attributes_class_name: Annotated[str | None, Field(10, "The VolumeAttributesClass.")] = None


class PersistentVolumeStatus(Struct):
    """What is known of a volume."""

    phase: Annotated[str, Field(1, "Pending, Available, Bound, Released or Failed.", enum=("Pending", "Available", "Bound", "Released", "Failed"))] = ""
    message: Annotated[str, Field(2, "Why the volume is in this phase, in a sentence.")] = ""
    reason: Annotated[str, Field(3, "Why, in one word.")] = ""
    last_phase_transition_time: Annotated[Time, Field(4, "When the phase last changed.")] = ""


class PersistentVolume(Object):
    """A piece of storage of the cluster, made by an administrator or by a StorageClass."""

    names: ClassVar[Names] = Names("", "v1", "PersistentVolume", "persistentvolumes", False, short=("pv",))
    kind: str = msgspec.field(default_factory=lambda: "PersistentVolume")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PersistentVolumeSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=PersistentVolumeSpec)
    status: Annotated[PersistentVolumeStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=PersistentVolumeStatus)


class VolumeNodeAffinity(Struct):
    """The nodes from which a volume can be reached."""

    required: Annotated[NodeSelector | None, Field(1, "Conditions that the node must match.", atomic=True)] = None


class PersistentVolumeClaimStatus(Struct):
    """What is known of a claim."""

    phase: Annotated[str, Field(1, "Pending, Bound or Lost.", enum=("Pending", "Bound", "Lost"))] = ""
    access_modes: Annotated[tuple[str, ...], Field(2, "The ways in which the bound volume can be mounted.", enum=("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"))] = ()
    capacity: Annotated[dict[str, Quantity], Field(3, "The size of the bound volume.")] = MAP
    conditions: Annotated[tuple[PersistentVolumeClaimCondition, ...], Field(4, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()
    allocated_resources: Annotated[dict[str, Quantity], Field(5, "The size that is being worked towards.")] = MAP
    allocated_resource_statuses: Annotated[dict[str, str], Field(7, "How far a change of size has come.")] = MAP
    current_volume_attributes_class_name: Annotated[str | None, Field(8, "The VolumeAttributesClass in force.")] = None
    modify_volume_status: Annotated[ModifyVolumeStatus | None, Field(9, "How far a change of attributes has come.")] = None


class PersistentVolumeClaim(Object):
    """A user's wish for storage, bound to one volume that fits."""

    names: ClassVar[Names] = Names("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True, short=("pvc",))
    kind: str = msgspec.field(default_factory=lambda: "PersistentVolumeClaim")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PersistentVolumeClaimSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=PersistentVolumeClaimSpec)
    status: Annotated[PersistentVolumeClaimStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=PersistentVolumeClaimStatus)


class ModifyVolumeStatus(Struct):
    """How far a change of a volume's attributes has come."""

    target_volume_attributes_class_name: Annotated[str, Field(1, "The class that is being worked towards.")] = ""
    status: Annotated[str, Field(2, "Pending, InProgress or Infeasible.", required=True, enum=("Pending", "InProgress", "Infeasible"))] = ALWAYS_STR


class PersistentVolumeClaimCondition(Struct):
    """One thing that is known of a claim's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_probe_time: Annotated[Time, Field(3, "When the condition was last checked.")] = ""
    last_transition_time: Annotated[Time, Field(4, "When the status last changed from one value to another.")] = ""
    reason: Annotated[str, Field(5, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(6, "A sentence that says why, for people.")] = ""


class GlusterfsPersistentVolumeSource(Struct):
    """A Glusterfs volume. No longer supported."""

    endpoints: Annotated[str, Field(1, "The Endpoints with its servers.", required=True)] = ALWAYS_STR
    path: Annotated[str, Field(2, "The volume's name.", required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3, "Mount it so that containers cannot write to it. Off by default.")] = False
    endpoints_namespace: Annotated[str | None, Field(4, "The namespace of the Endpoints.")] = None


class RBDPersistentVolumeSource(Struct):
    """A Ceph block device. No longer supported."""

    monitors: Annotated[tuple[str, ...], Field(1, "The Ceph monitors.", required=True)] = ALWAYS_LIST
    image: Annotated[str, Field(2, "The image's name.", required=True)] = ALWAYS_STR
    fs_type: Annotated[str, Field(3, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    pool: Annotated[str, Field(4, "The pool.", default="rbd")] = ""
    user: Annotated[str, Field(5, "The user.", default="admin")] = ""
    keyring: Annotated[str, Field(6, "The path of the keyring.", default="/etc/ceph/keyring")] = ""
    secret_ref: Annotated[SecretReference | None, Field(7, "The Secret with the credentials for this storage.", atomic=True)] = None
    read_only: Annotated[bool, Field(8, "Mount it so that containers cannot write to it. Off by default.")] = False


class CinderPersistentVolumeSource(Struct):
    """An OpenStack disk. No longer supported."""

    volume_id: Annotated[str, Field(1, "The disk's id.", required=True)] = msgspec.field(name="volumeID", default_factory=str)
    fs_type: Annotated[str, Field(2, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    read_only: Annotated[bool, Field(3, "Mount it so that containers cannot write to it. Off by default.")] = False
    secret_ref: Annotated[SecretReference | None, Field(4, "The Secret with the credentials for this storage.", atomic=True)] = None


class CephFSPersistentVolumeSource(Struct):
    """A CephFS directory. No longer supported."""

    monitors: Annotated[tuple[str, ...], Field(1, "The Ceph monitors.", required=True)] = ALWAYS_LIST
    path: Annotated[str, Field(2, "The directory.")] = ""
    user: Annotated[str, Field(3, "The user.")] = ""
    secret_file: Annotated[str, Field(4, "The path of the file with the key.")] = ""
    secret_ref: Annotated[SecretReference | None, Field(5, "The Secret with the credentials for this storage.", atomic=True)] = None
    read_only: Annotated[bool, Field(6, "Mount it so that containers cannot write to it. Off by default.")] = False


class FlexPersistentVolumeSource(Struct):
    """A volume of a FlexVolume driver. Deprecated."""

    driver: Annotated[str, Field(1, "The driver.", required=True)] = ALWAYS_STR
    fs_type: Annotated[str, Field(2, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    secret_ref: Annotated[SecretReference | None, Field(3, "The Secret with the credentials for this storage.", atomic=True)] = None
    read_only: Annotated[bool, Field(4, "Mount it so that containers cannot write to it. Off by default.")] = False
    options: Annotated[dict[str, str], Field(5, "Options for it.")] = MAP


class ISCSIPersistentVolumeSource(Struct):
    """An iSCSI disk."""

    target_portal: Annotated[str, Field(1, "The target's address and port.", required=True)] = ALWAYS_STR
    iqn: Annotated[str, Field(2, "The target's name.", required=True)] = ALWAYS_STR
    lun: Annotated[Int32, Field(3, "The disk's number at the target.", required=True)] = ALWAYS_INT
    iscsi_interface: Annotated[str, Field(4, "The interface; default when empty.", default="default")] = ""
    fs_type: Annotated[str, Field(5, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    read_only: Annotated[bool, Field(6, "Mount it so that containers cannot write to it. Off by default.")] = False
    portals: Annotated[tuple[str, ...], Field(7, "Further addresses of the target.")] = ()
    chap_auth_discovery: Annotated[bool, Field(8, "Whether discovery is authenticated by CHAP.")] = False
    chap_auth_session: Annotated[bool, Field(11, "Whether the session is authenticated by CHAP.")] = False
    secret_ref: Annotated[SecretReference | None, Field(10, "The Secret for CHAP.", atomic=True)] = None
    initiator_name: Annotated[str | None, Field(12, "The name that the node calls itself.")] = None


class AzureFilePersistentVolumeSource(Struct):
    """An Azure file share. No longer supported."""

    secret_name: Annotated[str, Field(1, "The Secret with the account.", required=True)] = ALWAYS_STR
    share_name: Annotated[str, Field(2, "The share's name.", required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3, "Mount it so that containers cannot write to it. Off by default.")] = False
    secret_namespace: Annotated[str | None, Field(4, "The Secret's namespace.")] = None


class ScaleIOPersistentVolumeSource(Struct):
    """A ScaleIO volume. No longer supported."""

    gateway: Annotated[str, Field(1, "The gateway's address.", required=True)] = ALWAYS_STR
    system: Annotated[str, Field(2, "The storage system.", required=True)] = ALWAYS_STR
    secret_ref: Annotated[SecretReference | None, Field(3, "The Secret with the credentials for this storage.", required=True, atomic=True)] = None
    ssl_enabled: Annotated[bool, Field(4, "Whether to talk to the gateway by TLS.")] = False
    protection_domain: Annotated[str, Field(5, "The protection domain.")] = ""
    storage_pool: Annotated[str, Field(6, "The pool.")] = ""
    storage_mode: Annotated[str, Field(7, "ThickProvisioned or ThinProvisioned.", default="ThinProvisioned")] = ""
    volume_name: Annotated[str, Field(8, "The volume's name.")] = ""
    fs_type: Annotated[str, Field(9, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.", default="xfs")] = ""
    read_only: Annotated[bool, Field(10, "Mount it so that containers cannot write to it. Off by default.")] = False


class StorageOSPersistentVolumeSource(Struct):
    """A StorageOS volume. No longer supported."""

    volume_name: Annotated[str, Field(1, "The volume's name.")] = ""
    volume_namespace: Annotated[str, Field(2, "The volume's namespace at StorageOS.")] = ""
    fs_type: Annotated[str, Field(3, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    read_only: Annotated[bool, Field(4, "Mount it so that containers cannot write to it. Off by default.")] = False
    secret_ref: Annotated[ObjectReference | None, Field(5, "The Secret with the credentials for this storage.", atomic=True)] = None


class LocalVolumeSource(Struct):
    """A disk or directory of one node."""

    path: Annotated[str, Field(1, "The path on the node.", required=True)] = ALWAYS_STR
    fs_type: Annotated[str | None, Field(2, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = None


class CSIPersistentVolumeSource(Struct):
    """A volume of a CSI driver."""

    driver: Annotated[str, Field(1, "The driver's name.", required=True)] = ALWAYS_STR
    volume_handle: Annotated[str, Field(2, "The driver's name of the volume.", required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3, "Mount it so that containers cannot write to it. Off by default.")] = False
    fs_type: Annotated[str, Field(4, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    volume_attributes: Annotated[dict[str, str], Field(5, "Attributes for the driver.")] = MAP
    controller_publish_secret_ref: Annotated[SecretReference | None, Field(6, "The Secret for attaching.", atomic=True)] = None
    node_stage_secret_ref: Annotated[SecretReference | None, Field(7, "The Secret for staging on a node.", atomic=True)] = None
    node_publish_secret_ref: Annotated[SecretReference | None, Field(8, "The Secret for mounting.", atomic=True)] = None
    controller_expand_secret_ref: Annotated[SecretReference | None, Field(9, "The Secret for expanding.", atomic=True)] = None
    node_expand_secret_ref: Annotated[SecretReference | None, Field(10, "The Secret for expanding on a node.", atomic=True)] = None
