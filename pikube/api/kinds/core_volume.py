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
    """Storage that a pod's containers can mount; exactly one kind is given."""

    name: Annotated[str, Field(1, "The name by which mounts mean it.", required=True)] = ALWAYS_STR
    host_path: Annotated[HostPathVolumeSource | None, Field((2, 1), "A file or directory of the node. It lets the pod reach the node: give it with care.")] = None
    empty_dir: Annotated[EmptyDirVolumeSource | None, Field((2, 2), "An empty directory that lives as long as the pod is on its node.")] = None
    gce_persistent_disk: Annotated[GCEPersistentDiskVolumeSource | None, Field((2, 3), "A Google Compute Engine disk. No longer supported.")] = None
    aws_elastic_block_store: Annotated[AWSElasticBlockStoreVolumeSource | None, Field((2, 4), "An AWS EBS volume. No longer supported.")] = None
    git_repo: Annotated[GitRepoVolumeSource | None, Field((2, 5), "A checkout of a git repository. No longer supported.")] = None
    secret: Annotated[SecretVolumeSource | None, Field((2, 6), "A Secret, a file a key, held in memory.")] = None
    nfs: Annotated[NFSVolumeSource | None, Field((2, 7), "A directory of an NFS server.")] = None
    iscsi: Annotated[ISCSIVolumeSource | None, Field((2, 8), "An iSCSI disk.")] = None
    glusterfs: Annotated[GlusterfsVolumeSource | None, Field((2, 9), "A Glusterfs volume. No longer supported.")] = None
    persistent_volume_claim: Annotated[PersistentVolumeClaimVolumeSource | None, Field((2, 10), "The volume that a claim is bound to.")] = None
    rbd: Annotated[RBDVolumeSource | None, Field((2, 11), "A Ceph block device. No longer supported.")] = None
    flex_volume: Annotated[FlexVolumeSource | None, Field((2, 12), "A volume of a FlexVolume driver. Deprecated.")] = None
    cinder: Annotated[CinderVolumeSource | None, Field((2, 13), "An OpenStack disk. No longer supported.")] = None
    cephfs: Annotated[CephFSVolumeSource | None, Field((2, 14), "A CephFS directory. No longer supported.")] = None
    flocker: Annotated[FlockerVolumeSource | None, Field((2, 15), "A Flocker dataset. No longer supported.")] = None
    downward_api: Annotated[DownwardAPIVolumeSource | None, Field((2, 16), "Facts of the pod itself as files.")] = msgspec.field(name="downwardAPI", default=None)
    fc: Annotated[FCVolumeSource | None, Field((2, 17), "A Fibre Channel disk.")] = None
    azure_file: Annotated[AzureFileVolumeSource | None, Field((2, 18), "An Azure file share. No longer supported.")] = None
    config_map: Annotated[ConfigMapVolumeSource | None, Field((2, 19), "A ConfigMap, a file a key.")] = None
    vsphere_volume: Annotated[VsphereVirtualDiskVolumeSource | None, Field((2, 20), "A vSphere disk. No longer supported.")] = None
    quobyte: Annotated[QuobyteVolumeSource | None, Field((2, 21), "A Quobyte volume. No longer supported.")] = None
    azure_disk: Annotated[AzureDiskVolumeSource | None, Field((2, 22), "An Azure disk. No longer supported.")] = None
    photon_persistent_disk: Annotated[PhotonPersistentDiskVolumeSource | None, Field((2, 23), "A Photon disk. No longer supported.")] = None
    projected: Annotated[ProjectedVolumeSource | None, Field((2, 26), "Several sources in one directory.")] = None
    portworx_volume: Annotated[PortworxVolumeSource | None, Field((2, 24), "A Portworx volume. Deprecated.")] = None
    scale_io: Annotated[ScaleIOVolumeSource | None, Field((2, 25), "A ScaleIO volume. No longer supported.")] = msgspec.field(name="scaleIO", default=None)
    storageos: Annotated[StorageOSVolumeSource | None, Field((2, 27), "A StorageOS volume. No longer supported.")] = None
    csi: Annotated[CSIVolumeSource | None, Field((2, 28), "A volume of a CSI driver that lives with the pod.")] = None
    ephemeral: Annotated[EphemeralVolumeSource | None, Field((2, 29), "A claim made for this pod alone, and deleted with it.")] = None
    image: Annotated[ImageVolumeSource | None, Field((2, 30), "The files of an image.")] = None


class PersistentVolumeClaimVolumeSource(Struct):
    """The volume of a claim."""

    claim_name: Annotated[str, Field(1, "The claim's name, in the pod's namespace.", required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(2, "Mount it so that containers cannot write to it. Off by default.")] = False


class VolumeResourceRequirements(Struct):
    """How much storage is wanted."""

    limits: Annotated[dict[str, Quantity], Field(1, "The most that it may be.")] = MAP
    requests: Annotated[dict[str, Quantity], Field(2, "The least that it must be: storage.")] = MAP


class PersistentVolumeClaimSpec(Struct):
    """What storage is wanted."""

    access_modes: Annotated[tuple[str, ...], Field(1, "ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod.", enum=("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"))] = ()
    selector: Annotated[LabelSelector | None, Field(4, "Selects volumes by their labels.", atomic=True)] = None
    resources: Annotated[VolumeResourceRequirements, Field(2, "How much is wanted.")] = msgspec.field(default_factory=VolumeResourceRequirements)
    volume_name: Annotated[str, Field(3, "The volume it is bound to; give it to ask for that one.")] = ""
    storage_class_name: Annotated[str | None, Field(5, "The StorageClass; the default one when absent, none when empty.")] = None
    volume_mode: Annotated[str | None, Field(6, "Filesystem (the default) or Block.", enum=("Block", "Filesystem"))] = None
    data_source: Annotated[TypedLocalObjectReference | None, Field(7, "A snapshot or claim to begin with the contents of.", atomic=True)] = None
    data_source_ref: Annotated[TypedObjectReference | None, Field(8, "Any object to begin with the contents of.")] = None
    volume_attributes_class_name: Annotated[str | None, Field(9, "The VolumeAttributesClass.")] = None


class HostPathVolumeSource(Struct):
    """A path of the node."""

    path: Annotated[str, Field(1, "The path.", required=True)] = ALWAYS_STR
    type: Annotated[str | None, Field(2, "What must be there: DirectoryOrCreate, Directory, FileOrCreate, File, Socket, CharDevice or BlockDevice; anything when empty.", enum=("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"))] = None


class EmptyDirVolumeSource(Struct):
    """An empty directory."""

    medium: Annotated[str, Field(1, "Memory for a directory in memory, else the node's disk.")] = ""
    size_limit: Annotated[Quantity | None, Field(2, "How large it may become before the pod is evicted.")] = None


class GlusterfsVolumeSource(Struct):
    """A Glusterfs volume. No longer supported."""

    endpoints: Annotated[str, Field(1, "The Endpoints with its servers.", required=True)] = ALWAYS_STR
    path: Annotated[str, Field(2, "The volume's name.", required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3, "Mount it so that containers cannot write to it. Off by default.")] = False


class RBDVolumeSource(Struct):
    """A Ceph block device. No longer supported."""

    monitors: Annotated[tuple[str, ...], Field(1, "The Ceph monitors.", required=True)] = ALWAYS_LIST
    image: Annotated[str, Field(2, "The image's name.", required=True)] = ALWAYS_STR
    fs_type: Annotated[str, Field(3, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    pool: Annotated[str, Field(4, "The pool.", default="rbd")] = ""
    user: Annotated[str, Field(5, "The user.", default="admin")] = ""
    keyring: Annotated[str, Field(6, "The path of the keyring.", default="/etc/ceph/keyring")] = ""
    secret_ref: Annotated[LocalObjectReference | None, Field(7, "The Secret with the credentials for this storage.", atomic=True)] = None
    read_only: Annotated[bool, Field(8, "Mount it so that containers cannot write to it. Off by default.")] = False


class CinderVolumeSource(Struct):
    """An OpenStack disk. No longer supported."""

    volume_id: Annotated[str, Field(1, "The disk's id.", required=True)] = msgspec.field(name="volumeID", default_factory=str)
    fs_type: Annotated[str, Field(2, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    read_only: Annotated[bool, Field(3, "Mount it so that containers cannot write to it. Off by default.")] = False
    secret_ref: Annotated[LocalObjectReference | None, Field(4, "The Secret with the credentials for this storage.", atomic=True)] = None


class CephFSVolumeSource(Struct):
    """A CephFS directory. No longer supported."""

    monitors: Annotated[tuple[str, ...], Field(1, "The Ceph monitors.", required=True)] = ALWAYS_LIST
    path: Annotated[str, Field(2, "The directory.")] = ""
    user: Annotated[str, Field(3, "The user.")] = ""
    secret_file: Annotated[str, Field(4, "The path of the file with the key.")] = ""
    secret_ref: Annotated[LocalObjectReference | None, Field(5, "The Secret with the credentials for this storage.", atomic=True)] = None
    read_only: Annotated[bool, Field(6, "Mount it so that containers cannot write to it. Off by default.")] = False


class FlockerVolumeSource(Struct):
    """A Flocker dataset. No longer supported."""

    dataset_name: Annotated[str, Field(1, "The dataset's name.")] = ""
    dataset_uuid: Annotated[str, Field(2, "The dataset's id.")] = msgspec.field(name="datasetUUID", default="")


class GCEPersistentDiskVolumeSource(Struct):
    """A Google Compute Engine disk. No longer supported."""

    pd_name: Annotated[str, Field(1, "The disk's name.", required=True)] = ALWAYS_STR
    fs_type: Annotated[str, Field(2, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    partition: Annotated[Int32, Field(3, "The partition's number; the whole disk when 0.")] = 0
    read_only: Annotated[bool, Field(4, "Mount it so that containers cannot write to it. Off by default.")] = False


class QuobyteVolumeSource(Struct):
    """A Quobyte volume. No longer supported."""

    registry: Annotated[str, Field(1, "The registries.", required=True)] = ALWAYS_STR
    volume: Annotated[str, Field(2, "The volume's name.", required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3, "Mount it so that containers cannot write to it. Off by default.")] = False
    user: Annotated[str, Field(4, "The user.")] = ""
    group: Annotated[str, Field(5, "The group.")] = ""
    tenant: Annotated[str, Field(6, "The tenant.")] = ""


class FlexVolumeSource(Struct):
    """A volume of a FlexVolume driver. Deprecated."""

    driver: Annotated[str, Field(1, "The driver.", required=True)] = ALWAYS_STR
    fs_type: Annotated[str, Field(2, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    secret_ref: Annotated[LocalObjectReference | None, Field(3, "The Secret with the credentials for this storage.", atomic=True)] = None
    read_only: Annotated[bool, Field(4, "Mount it so that containers cannot write to it. Off by default.")] = False
    options: Annotated[dict[str, str], Field(5, "Options for it.")] = MAP


class AWSElasticBlockStoreVolumeSource(Struct):
    """An AWS EBS volume. No longer supported."""

    volume_id: Annotated[str, Field(1, "The volume's id.", required=True)] = msgspec.field(name="volumeID", default_factory=str)
    fs_type: Annotated[str, Field(2, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    partition: Annotated[Int32, Field(3, "The partition's number; the whole disk when 0.")] = 0
    read_only: Annotated[bool, Field(4, "Mount it so that containers cannot write to it. Off by default.")] = False


class GitRepoVolumeSource(Struct):
    """A checkout of a git repository. No longer supported."""

    repository: Annotated[str, Field(1, "The repository's URL.", required=True)] = ALWAYS_STR
    revision: Annotated[str, Field(2, "The commit.")] = ""
    directory: Annotated[str, Field(3, "The directory it goes to.")] = ""


class SecretVolumeSource(Struct):
    """A Secret as files."""

    secret_name: Annotated[str, Field(1, "The Secret's name.")] = ""
    items: Annotated[tuple[KeyToPath, ...], Field(2, "The keys to show and under which paths; all when empty.")] = ()
    default_mode: Annotated[Int32 | None, Field(3, "The mode of the files. 0644 when absent.")] = None
    optional: Annotated[bool | None, Field(4, "Go on without when the Secret or a key is not there.")] = None


class SecretProjection(Struct):
    """A Secret as part of a projected volume."""

    name: Annotated[str, Field((1, 1), "The Secret's name.", default="")] = ""
    items: Annotated[tuple[KeyToPath, ...], Field(2, "The keys to show and under which paths; all when empty.")] = ()
    optional: Annotated[bool | None, Field(4, "Go on without when the Secret or a key is not there.")] = None


class NFSVolumeSource(Struct):
    """A directory of an NFS server."""

    server: Annotated[str, Field(1, "The server's name or address.", required=True)] = ALWAYS_STR
    path: Annotated[str, Field(2, "The directory that the server exports.", required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3, "Mount it so that containers cannot write to it. Off by default.")] = False


class ISCSIVolumeSource(Struct):
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
    secret_ref: Annotated[LocalObjectReference | None, Field(10, "The Secret for CHAP.", atomic=True)] = None
    initiator_name: Annotated[str | None, Field(12, "The name that the node calls itself.")] = None


class FCVolumeSource(Struct):
    """A Fibre Channel disk."""

    target_ww_ns: Annotated[tuple[str, ...], Field(1, "The targets' world wide names.")] = msgspec.field(name="targetWWNs", default=())
    lun: Annotated[Int32 | None, Field(2, "The disk's number at the target.")] = None
    fs_type: Annotated[str, Field(3, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    read_only: Annotated[bool, Field(4, "Mount it so that containers cannot write to it. Off by default.")] = False
    wwids: Annotated[tuple[str, ...], Field(5, "World wide identifiers of the disk, in place of targets and number.")] = ()


class AzureFileVolumeSource(Struct):
    """An Azure file share. No longer supported."""

    secret_name: Annotated[str, Field(1, "The Secret with the account.", required=True)] = ALWAYS_STR
    share_name: Annotated[str, Field(2, "The share's name.", required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3, "Mount it so that containers cannot write to it. Off by default.")] = False


class VsphereVirtualDiskVolumeSource(Struct):
    """A vSphere disk. No longer supported."""

    volume_path: Annotated[str, Field(1, "The disk's path.", required=True)] = ALWAYS_STR
    fs_type: Annotated[str, Field(2, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    storage_policy_name: Annotated[str, Field(3, "The storage policy.")] = ""
    storage_policy_id: Annotated[str, Field(4, "The storage policy's id.")] = msgspec.field(name="storagePolicyID", default="")


class PhotonPersistentDiskVolumeSource(Struct):
    """A Photon disk. No longer supported."""

    pd_id: Annotated[str, Field(1, "The disk's id.", required=True)] = msgspec.field(name="pdID", default_factory=str)
    fs_type: Annotated[str, Field(2, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""


class AzureDiskVolumeSource(Struct):
    """An Azure disk. No longer supported."""

    disk_name: Annotated[str, Field(1, "The disk's name.", required=True)] = ALWAYS_STR
    disk_uri: Annotated[str, Field(2, "The disk's URI.", required=True)] = msgspec.field(name="diskURI", default_factory=str)
    caching_mode: Annotated[str | None, Field(3, "None, ReadOnly or ReadWrite.", enum=("None", "ReadOnly", "ReadWrite"))] = None
    fs_type: Annotated[str | None, Field(4, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.", default="ext4")] = None
    read_only: Annotated[bool | None, Field(5, "Mount it so that containers cannot write to it. Off by default.", default=False)] = None
    kind: Annotated[str | None, Field(6, "Shared, Dedicated or Managed.", enum=("Shared", "Dedicated", "Managed"))] = None


class PortworxVolumeSource(Struct):
    """A Portworx volume. Deprecated."""

    volume_id: Annotated[str, Field(1, "The volume's id.", required=True)] = msgspec.field(name="volumeID", default_factory=str)
    fs_type: Annotated[str, Field(2, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    read_only: Annotated[bool, Field(3, "Mount it so that containers cannot write to it. Off by default.")] = False


class ScaleIOVolumeSource(Struct):
    """A ScaleIO volume. No longer supported."""

    gateway: Annotated[str, Field(1, "The gateway's address.", required=True)] = ALWAYS_STR
    system: Annotated[str, Field(2, "The storage system.", required=True)] = ALWAYS_STR
    secret_ref: Annotated[LocalObjectReference | None, Field(3, "The Secret with the credentials for this storage.", required=True, atomic=True)] = None
    ssl_enabled: Annotated[bool, Field(4, "Whether to talk to the gateway by TLS.")] = False
    protection_domain: Annotated[str, Field(5, "The protection domain.")] = ""
    storage_pool: Annotated[str, Field(6, "The pool.")] = ""
    storage_mode: Annotated[str, Field(7, "ThickProvisioned or ThinProvisioned.", default="ThinProvisioned")] = ""
    volume_name: Annotated[str, Field(8, "The volume's name.")] = ""
    fs_type: Annotated[str, Field(9, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.", default="xfs")] = ""
    read_only: Annotated[bool, Field(10, "Mount it so that containers cannot write to it. Off by default.")] = False


class StorageOSVolumeSource(Struct):
    """A StorageOS volume. No longer supported."""

    volume_name: Annotated[str, Field(1, "The volume's name.")] = ""
    volume_namespace: Annotated[str, Field(2, "The volume's namespace at StorageOS.")] = ""
    fs_type: Annotated[str, Field(3, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = ""
    read_only: Annotated[bool, Field(4, "Mount it so that containers cannot write to it. Off by default.")] = False
    secret_ref: Annotated[LocalObjectReference | None, Field(5, "The Secret with the credentials for this storage.", atomic=True)] = None


class ConfigMapVolumeSource(Struct):
    """A ConfigMap as files."""

    name: Annotated[str, Field((1, 1), "The ConfigMap's name.", default="")] = ""
    items: Annotated[tuple[KeyToPath, ...], Field(2, "The keys to show and under which paths; all when empty.")] = ()
    default_mode: Annotated[Int32 | None, Field(3, "The mode of the files. 0644 when absent.")] = None
    optional: Annotated[bool | None, Field(4, "Go on without when the ConfigMap or a key is not there.")] = None


class ConfigMapProjection(Struct):
    """A ConfigMap as part of a projected volume."""

    name: Annotated[str, Field((1, 1), "The ConfigMap's name.", default="")] = ""
    items: Annotated[tuple[KeyToPath, ...], Field(2, "The keys to show and under which paths; all when empty.")] = ()
    optional: Annotated[bool | None, Field(4, "Go on without when the ConfigMap or a key is not there.")] = None


class ServiceAccountTokenProjection(Struct):
    """A token of the pod's ServiceAccount, renewed in time."""

    audience: Annotated[str, Field(1, "Who the token is for; the API server when empty.")] = ""
    expiration_seconds: Annotated[Int64 | None, Field(2, "How long a token lives. An hour when absent, 600 at least.")] = None
    path: Annotated[str, Field(3, "The file's path in the volume.", required=True)] = ALWAYS_STR


class ClusterTrustBundleProjection(Struct):
    """Trusted certificates as a file."""

    name: Annotated[str | None, Field(1, "One bundle by name.")] = None
    signer_name: Annotated[str | None, Field(2, "All bundles of a signer.")] = None
    label_selector: Annotated[LabelSelector | None, Field(3, "With a signer: only the bundles with these labels.", atomic=True)] = None
    optional: Annotated[bool | None, Field(5, "Go on without when there is none.")] = None
    path: Annotated[str, Field(4, "The file's path in the volume.", required=True)] = ALWAYS_STR


class PodCertificateProjection(Struct):
    """A key and a certificate for the pod, renewed in time."""

    signer_name: Annotated[str, Field(1, "Who signs the certificate.", required=True)] = ""
    key_type: Annotated[str, Field(2, "The kind of key, for example ED25519 or ECDSAP256.", required=True)] = ""
    max_expiration_seconds: Annotated[Int32 | None, Field(3, "How long a certificate may live at most.")] = None
    credential_bundle_path: Annotated[str, Field(4, "The file that gets key and certificates together.")] = ""
    key_path: Annotated[str, Field(5, "The file that gets the key.")] = ""
    certificate_chain_path: Annotated[str, Field(6, "The file that gets the certificates.")] = ""
    user_annotations: Annotated[dict[str, str], Field(7, "Annotations for the signer.")] = MAP


class ProjectedVolumeSource(Struct):
    """Several sources in one directory."""

    sources: Annotated[tuple[VolumeProjection, ...], Field(1, "The sources; later ones win where paths meet.")] = ALWAYS_LIST
    default_mode: Annotated[Int32 | None, Field(2, "The mode of the files. 0644 when absent.")] = None


class VolumeProjection(Struct):
    """One source of a projected volume."""

    secret: Annotated[SecretProjection | None, Field(1, "A Secret.")] = None
    downward_api: Annotated[DownwardAPIProjection | None, Field(2, "Facts of the pod.")] = msgspec.field(name="downwardAPI", default=None)
    config_map: Annotated[ConfigMapProjection | None, Field(3, "A ConfigMap.")] = None
    service_account_token: Annotated[ServiceAccountTokenProjection | None, Field(4, "A token of the pod's ServiceAccount.")] = None
    cluster_trust_bundle: Annotated[ClusterTrustBundleProjection | None, Field(5, "Trusted certificates.")] = None
    pod_certificate: Annotated[PodCertificateProjection | None, Field(6, "A key and a certificate for the pod.")] = None


class KeyToPath(Struct):
    """A key and the file it becomes."""

    key: Annotated[str, Field(1, "The key.", required=True)] = ALWAYS_STR
    path: Annotated[str, Field(2, "The file's path in the volume; it cannot leave it.", required=True)] = ALWAYS_STR
    mode: Annotated[Int32 | None, Field(3, "The mode of the file; the volume's default when absent.")] = None


class CSIVolumeSource(Struct):
    """A volume of a CSI driver that lives with the pod."""

    driver: Annotated[str, Field(1, "The driver's name.", required=True)] = ALWAYS_STR
    read_only: Annotated[bool | None, Field(2, "Mount it so that containers cannot write to it. Off by default.")] = None
    fs_type: Annotated[str | None, Field(3, "The filesystem to mount, for example ext4 or xfs. The driver's choice when empty.")] = None
    volume_attributes: Annotated[dict[str, str], Field(4, "Attributes for the driver.")] = MAP
    node_publish_secret_ref: Annotated[LocalObjectReference | None, Field(5, "The Secret for the driver.", atomic=True)] = None


class EphemeralVolumeSource(Struct):
    """A claim made for one pod."""

    volume_claim_template: Annotated[PersistentVolumeClaimTemplate | None, Field(1, "What the claim is like; its name is the pod's and the volume's.")] = None


class PersistentVolumeClaimTemplate(Struct):
    """What a claim is like."""

    metadata: Annotated[ObjectMeta, Field(1, "Labels and annotations of the claim.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PersistentVolumeClaimSpec, Field(2, "What storage is wanted.", required=True)] = msgspec.field(default_factory=PersistentVolumeClaimSpec)


class DownwardAPIVolumeSource(Struct):
    """Facts of the pod as files."""

    items: Annotated[tuple[DownwardAPIVolumeFile, ...], Field(1, "The files.")] = ()
    default_mode: Annotated[Int32 | None, Field(2, "The mode of the files. 0644 when absent.")] = None


class DownwardAPIVolumeFile(Struct):
    """A fact of the pod as a file."""

    path: Annotated[str, Field(1, "The file's path in the volume.", required=True)] = ALWAYS_STR
    field_ref: Annotated[ObjectFieldSelector | None, Field(2, "A field of the pod.", atomic=True)] = None
    resource_field_ref: Annotated[ResourceFieldSelector | None, Field(3, "A request or limit of a container.", atomic=True)] = None
    mode: Annotated[Int32 | None, Field(4, "The mode of the file; the volume's default when absent.")] = None


class DownwardAPIProjection(Struct):
    """Facts of the pod as part of a projected volume."""

    items: Annotated[tuple[DownwardAPIVolumeFile, ...], Field(1, "The files.")] = ()


class ImageVolumeSource(Struct):
    """The files of an image."""

    reference: Annotated[str, Field(1, "The image.")] = ""
    pull_policy: Annotated[str, Field(2, "Always, IfNotPresent or Never.", enum=("Always", "Never", "IfNotPresent"))] = ""
