"""Declaration: the sources of a Pod's volumes, core/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from pikube.api.kinds.base import (
    ALWAYS_INT,
    ALWAYS_LIST,
    ALWAYS_STR,
    MAP,
    Field,
    Int32,
    Int64,
    Quantity,
    Struct,
)
from pikube.api.kinds.core_references import (
    LocalObjectReference,
    ObjectFieldSelector,
    ResourceFieldSelector,
    TypedLocalObjectReference,
    TypedObjectReference,
)
from pikube.api.kinds.meta import LabelSelector, ObjectMeta


class Volume(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    host_path: Annotated[HostPathVolumeSource | None, Field((2, 1))] = None
    empty_dir: Annotated[EmptyDirVolumeSource | None, Field((2, 2))] = None
    gce_persistent_disk: Annotated[GCEPersistentDiskVolumeSource | None, Field((2, 3))] = None
    aws_elastic_block_store: Annotated[AWSElasticBlockStoreVolumeSource | None, Field((2, 4))] = None
    git_repo: Annotated[GitRepoVolumeSource | None, Field((2, 5))] = None
    secret: Annotated[SecretVolumeSource | None, Field((2, 6))] = None
    nfs: Annotated[NFSVolumeSource | None, Field((2, 7))] = None
    iscsi: Annotated[ISCSIVolumeSource | None, Field((2, 8))] = None
    glusterfs: Annotated[GlusterfsVolumeSource | None, Field((2, 9))] = None
    persistent_volume_claim: Annotated[PersistentVolumeClaimVolumeSource | None, Field((2, 10))] = None
    rbd: Annotated[RBDVolumeSource | None, Field((2, 11))] = None
    flex_volume: Annotated[FlexVolumeSource | None, Field((2, 12))] = None
    cinder: Annotated[CinderVolumeSource | None, Field((2, 13))] = None
    cephfs: Annotated[CephFSVolumeSource | None, Field((2, 14))] = None
    flocker: Annotated[FlockerVolumeSource | None, Field((2, 15))] = None
    downward_api: Annotated[DownwardAPIVolumeSource | None, Field((2, 16))] = msgspec.field(name="downwardAPI", default=None)
    fc: Annotated[FCVolumeSource | None, Field((2, 17))] = None
    azure_file: Annotated[AzureFileVolumeSource | None, Field((2, 18))] = None
    config_map: Annotated[ConfigMapVolumeSource | None, Field((2, 19))] = None
    vsphere_volume: Annotated[VsphereVirtualDiskVolumeSource | None, Field((2, 20))] = None
    quobyte: Annotated[QuobyteVolumeSource | None, Field((2, 21))] = None
    azure_disk: Annotated[AzureDiskVolumeSource | None, Field((2, 22))] = None
    photon_persistent_disk: Annotated[PhotonPersistentDiskVolumeSource | None, Field((2, 23))] = None
    projected: Annotated[ProjectedVolumeSource | None, Field((2, 26))] = None
    portworx_volume: Annotated[PortworxVolumeSource | None, Field((2, 24))] = None
    scale_io: Annotated[ScaleIOVolumeSource | None, Field((2, 25))] = msgspec.field(name="scaleIO", default=None)
    storageos: Annotated[StorageOSVolumeSource | None, Field((2, 27))] = None
    csi: Annotated[CSIVolumeSource | None, Field((2, 28))] = None
    ephemeral: Annotated[EphemeralVolumeSource | None, Field((2, 29))] = None
    image: Annotated[ImageVolumeSource | None, Field((2, 30))] = None


class PersistentVolumeClaimVolumeSource(Struct):
    claim_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(2)] = False


class VolumeResourceRequirements(Struct):
    limits: Annotated[dict[str, Quantity], Field(1)] = MAP
    requests: Annotated[dict[str, Quantity], Field(2)] = MAP


class PersistentVolumeClaimSpec(Struct):
    access_modes: Annotated[tuple[str, ...], Field(1, enum=("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"))] = ()
    selector: Annotated[LabelSelector | None, Field(4, atomic=True)] = None
    resources: Annotated[VolumeResourceRequirements, Field(2)] = msgspec.field(default_factory=VolumeResourceRequirements)
    volume_name: Annotated[str, Field(3)] = ""
    storage_class_name: Annotated[str | None, Field(5)] = None
    volume_mode: Annotated[str | None, Field(6, enum=("Block", "Filesystem"))] = None
    data_source: Annotated[TypedLocalObjectReference | None, Field(7, atomic=True)] = None
    data_source_ref: Annotated[TypedObjectReference | None, Field(8)] = None
    volume_attributes_class_name: Annotated[str | None, Field(9)] = None


class HostPathVolumeSource(Struct):
    path: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    type: Annotated[str | None, Field(2, enum=("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"))] = None


class EmptyDirVolumeSource(Struct):
    medium: Annotated[str, Field(1)] = ""
    size_limit: Annotated[Quantity | None, Field(2)] = None


class GlusterfsVolumeSource(Struct):
    endpoints: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    path: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3)] = False


class RBDVolumeSource(Struct):
    monitors: Annotated[tuple[str, ...], Field(1, required=True)] = ALWAYS_LIST
    image: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    fs_type: Annotated[str, Field(3)] = ""
    pool: Annotated[str, Field(4, default="rbd")] = ""
    user: Annotated[str, Field(5, default="admin")] = ""
    keyring: Annotated[str, Field(6, default="/etc/ceph/keyring")] = ""
    secret_ref: Annotated[LocalObjectReference | None, Field(7, atomic=True)] = None
    read_only: Annotated[bool, Field(8)] = False


class CinderVolumeSource(Struct):
    volume_id: Annotated[str, Field(1, required=True)] = msgspec.field(name="volumeID", default_factory=str)
    fs_type: Annotated[str, Field(2)] = ""
    read_only: Annotated[bool, Field(3)] = False
    secret_ref: Annotated[LocalObjectReference | None, Field(4, atomic=True)] = None


class CephFSVolumeSource(Struct):
    monitors: Annotated[tuple[str, ...], Field(1, required=True)] = ALWAYS_LIST
    path: Annotated[str, Field(2)] = ""
    user: Annotated[str, Field(3)] = ""
    secret_file: Annotated[str, Field(4)] = ""
    secret_ref: Annotated[LocalObjectReference | None, Field(5, atomic=True)] = None
    read_only: Annotated[bool, Field(6)] = False


class FlockerVolumeSource(Struct):
    dataset_name: Annotated[str, Field(1)] = ""
    dataset_uuid: Annotated[str, Field(2)] = msgspec.field(name="datasetUUID", default="")


class GCEPersistentDiskVolumeSource(Struct):
    pd_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    fs_type: Annotated[str, Field(2)] = ""
    partition: Annotated[Int32, Field(3)] = 0
    read_only: Annotated[bool, Field(4)] = False


class QuobyteVolumeSource(Struct):
    registry: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    volume: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3)] = False
    user: Annotated[str, Field(4)] = ""
    group: Annotated[str, Field(5)] = ""
    tenant: Annotated[str, Field(6)] = ""


class FlexVolumeSource(Struct):
    driver: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    fs_type: Annotated[str, Field(2)] = ""
    secret_ref: Annotated[LocalObjectReference | None, Field(3, atomic=True)] = None
    read_only: Annotated[bool, Field(4)] = False
    options: Annotated[dict[str, str], Field(5)] = MAP


class AWSElasticBlockStoreVolumeSource(Struct):
    volume_id: Annotated[str, Field(1, required=True)] = msgspec.field(name="volumeID", default_factory=str)
    fs_type: Annotated[str, Field(2)] = ""
    partition: Annotated[Int32, Field(3)] = 0
    read_only: Annotated[bool, Field(4)] = False


class GitRepoVolumeSource(Struct):
    repository: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    revision: Annotated[str, Field(2)] = ""
    directory: Annotated[str, Field(3)] = ""


class SecretVolumeSource(Struct):
    secret_name: Annotated[str, Field(1)] = ""
    items: Annotated[tuple[KeyToPath, ...], Field(2)] = ()
    default_mode: Annotated[Int32 | None, Field(3)] = None
    optional: Annotated[bool | None, Field(4)] = None


class SecretProjection(Struct):
    name: Annotated[str, Field((1, 1), default="")] = ""
    items: Annotated[tuple[KeyToPath, ...], Field(2)] = ()
    optional: Annotated[bool | None, Field(4)] = None


class NFSVolumeSource(Struct):
    server: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    path: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3)] = False


class ISCSIVolumeSource(Struct):
    target_portal: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    iqn: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    lun: Annotated[Int32, Field(3, required=True)] = ALWAYS_INT
    iscsi_interface: Annotated[str, Field(4, default="default")] = ""
    fs_type: Annotated[str, Field(5)] = ""
    read_only: Annotated[bool, Field(6)] = False
    portals: Annotated[tuple[str, ...], Field(7)] = ()
    chap_auth_discovery: Annotated[bool, Field(8)] = False
    chap_auth_session: Annotated[bool, Field(11)] = False
    secret_ref: Annotated[LocalObjectReference | None, Field(10, atomic=True)] = None
    initiator_name: Annotated[str | None, Field(12)] = None


class FCVolumeSource(Struct):
    target_ww_ns: Annotated[tuple[str, ...], Field(1)] = msgspec.field(name="targetWWNs", default=())
    lun: Annotated[Int32 | None, Field(2)] = None
    fs_type: Annotated[str, Field(3)] = ""
    read_only: Annotated[bool, Field(4)] = False
    wwids: Annotated[tuple[str, ...], Field(5)] = ()


class AzureFileVolumeSource(Struct):
    secret_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    share_name: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3)] = False


class VsphereVirtualDiskVolumeSource(Struct):
    volume_path: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    fs_type: Annotated[str, Field(2)] = ""
    storage_policy_name: Annotated[str, Field(3)] = ""
    storage_policy_id: Annotated[str, Field(4)] = msgspec.field(name="storagePolicyID", default="")


class PhotonPersistentDiskVolumeSource(Struct):
    pd_id: Annotated[str, Field(1, required=True)] = msgspec.field(name="pdID", default_factory=str)
    fs_type: Annotated[str, Field(2)] = ""


class AzureDiskVolumeSource(Struct):
    disk_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    disk_uri: Annotated[str, Field(2, required=True)] = msgspec.field(name="diskURI", default_factory=str)
    caching_mode: Annotated[str | None, Field(3, enum=("None", "ReadOnly", "ReadWrite"))] = None
    fs_type: Annotated[str | None, Field(4, default="ext4")] = None
    read_only: Annotated[bool | None, Field(5, default=False)] = None
    kind: Annotated[str | None, Field(6, enum=("Shared", "Dedicated", "Managed"))] = None


class PortworxVolumeSource(Struct):
    volume_id: Annotated[str, Field(1, required=True)] = msgspec.field(name="volumeID", default_factory=str)
    fs_type: Annotated[str, Field(2)] = ""
    read_only: Annotated[bool, Field(3)] = False


class ScaleIOVolumeSource(Struct):
    gateway: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    system: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    secret_ref: Annotated[LocalObjectReference | None, Field(3, required=True, atomic=True)] = None
    ssl_enabled: Annotated[bool, Field(4)] = False
    protection_domain: Annotated[str, Field(5)] = ""
    storage_pool: Annotated[str, Field(6)] = ""
    storage_mode: Annotated[str, Field(7, default="ThinProvisioned")] = ""
    volume_name: Annotated[str, Field(8)] = ""
    fs_type: Annotated[str, Field(9, default="xfs")] = ""
    read_only: Annotated[bool, Field(10)] = False


class StorageOSVolumeSource(Struct):
    volume_name: Annotated[str, Field(1)] = ""
    volume_namespace: Annotated[str, Field(2)] = ""
    fs_type: Annotated[str, Field(3)] = ""
    read_only: Annotated[bool, Field(4)] = False
    secret_ref: Annotated[LocalObjectReference | None, Field(5, atomic=True)] = None


class ConfigMapVolumeSource(Struct):
    name: Annotated[str, Field((1, 1), default="")] = ""
    items: Annotated[tuple[KeyToPath, ...], Field(2)] = ()
    default_mode: Annotated[Int32 | None, Field(3)] = None
    optional: Annotated[bool | None, Field(4)] = None


class ConfigMapProjection(Struct):
    name: Annotated[str, Field((1, 1), default="")] = ""
    items: Annotated[tuple[KeyToPath, ...], Field(2)] = ()
    optional: Annotated[bool | None, Field(4)] = None


class ServiceAccountTokenProjection(Struct):
    audience: Annotated[str, Field(1)] = ""
    expiration_seconds: Annotated[Int64 | None, Field(2)] = None
    path: Annotated[str, Field(3, required=True)] = ALWAYS_STR


class ClusterTrustBundleProjection(Struct):
    name: Annotated[str | None, Field(1)] = None
    signer_name: Annotated[str | None, Field(2)] = None
    label_selector: Annotated[LabelSelector | None, Field(3, atomic=True)] = None
    optional: Annotated[bool | None, Field(5)] = None
    path: Annotated[str, Field(4, required=True)] = ALWAYS_STR


class PodCertificateProjection(Struct):
    signer_name: Annotated[str, Field(1, required=True)] = ""
    key_type: Annotated[str, Field(2, required=True)] = ""
    max_expiration_seconds: Annotated[Int32 | None, Field(3)] = None
    credential_bundle_path: Annotated[str, Field(4)] = ""
    key_path: Annotated[str, Field(5)] = ""
    certificate_chain_path: Annotated[str, Field(6)] = ""
    user_annotations: Annotated[dict[str, str], Field(7)] = MAP


class ProjectedVolumeSource(Struct):
    sources: Annotated[tuple[VolumeProjection, ...], Field(1)] = ALWAYS_LIST
    default_mode: Annotated[Int32 | None, Field(2)] = None


class VolumeProjection(Struct):
    secret: Annotated[SecretProjection | None, Field(1)] = None
    downward_api: Annotated[DownwardAPIProjection | None, Field(2)] = msgspec.field(name="downwardAPI", default=None)
    config_map: Annotated[ConfigMapProjection | None, Field(3)] = None
    service_account_token: Annotated[ServiceAccountTokenProjection | None, Field(4)] = None
    cluster_trust_bundle: Annotated[ClusterTrustBundleProjection | None, Field(5)] = None
    pod_certificate: Annotated[PodCertificateProjection | None, Field(6)] = None


class KeyToPath(Struct):
    key: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    path: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    mode: Annotated[Int32 | None, Field(3)] = None


class CSIVolumeSource(Struct):
    driver: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    read_only: Annotated[bool | None, Field(2)] = None
    fs_type: Annotated[str | None, Field(3)] = None
    volume_attributes: Annotated[dict[str, str], Field(4)] = MAP
    node_publish_secret_ref: Annotated[LocalObjectReference | None, Field(5, atomic=True)] = None


class EphemeralVolumeSource(Struct):
    volume_claim_template: Annotated[PersistentVolumeClaimTemplate | None, Field(1)] = None


class PersistentVolumeClaimTemplate(Struct):
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PersistentVolumeClaimSpec, Field(2, required=True)] = msgspec.field(default_factory=PersistentVolumeClaimSpec)


class DownwardAPIVolumeSource(Struct):
    items: Annotated[tuple[DownwardAPIVolumeFile, ...], Field(1)] = ()
    default_mode: Annotated[Int32 | None, Field(2)] = None


class DownwardAPIVolumeFile(Struct):
    path: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    field_ref: Annotated[ObjectFieldSelector | None, Field(2, atomic=True)] = None
    resource_field_ref: Annotated[ResourceFieldSelector | None, Field(3, atomic=True)] = None
    mode: Annotated[Int32 | None, Field(4)] = None


class DownwardAPIProjection(Struct):
    items: Annotated[tuple[DownwardAPIVolumeFile, ...], Field(1)] = ()


class ImageVolumeSource(Struct):
    reference: Annotated[str, Field(1)] = ""
    pull_policy: Annotated[str, Field(2, enum=("Always", "Never", "IfNotPresent"))] = ""
