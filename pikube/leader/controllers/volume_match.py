"""Pure: which PersistentVolume suits which claim.

Enter: volumes and claims. Leave: booleans and the best volume. Called by volume binding and the scheduler.
Source: kubernetes component-helpers storage/volume/pv_helpers.go:FindMatchingVolume.
"""

from __future__ import annotations

from collections.abc import Iterable

from pikube.api.default_class import class_of
from pikube.api.kinds.core_references import ObjectReference
from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeClaim
from pikube.api.quantity import bytes_of
from pikube.api.selector import from_label_selector

SELECTED_NODE = "volume.kubernetes.io/selected-node"


def is_free_for(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Whether the volume is nobody's, or was reserved for this claim."""
    ref = volume.spec.claim_ref
    if volume.metadata.deletion_timestamp:
        return False
    if ref is None:
        return volume.status.phase in ("", "Available", "Pending")
    return is_reserved_for(volume, claim)


def is_reserved_for(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Whether the volume's claimRef names this claim (with its uid, if it names one)."""
    ref, meta = volume.spec.claim_ref, claim.metadata
    return (
        ref is not None
        and (ref.namespace, ref.name) == (meta.namespace, meta.name)
        and ref.uid in ("", meta.uid)
    )


def fits(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Class, size, access modes, volume mode and label selector."""
    spec, wanted = volume.spec, claim.spec
    if (class_of(volume) or "") != (class_of(claim) or ""):
        return False
    if (spec.volume_mode or "Filesystem") != (wanted.volume_mode or "Filesystem"):
        return False
    if not set(wanted.access_modes) <= set(spec.access_modes):
        return False
    if wanted.selector is not None and not from_label_selector(wanted.selector).matches(
        volume.metadata.labels
    ):
        return False
    return size_of(volume) >= wanted_size(claim)


def best(volumes: Iterable[PersistentVolume], claim: PersistentVolumeClaim) -> PersistentVolume | None:
    """The volume reserved for the claim, else the smallest that suits; by name among equals."""
    usable = [volume for volume in volumes if is_free_for(volume, claim)]
    reserved = [volume for volume in usable if volume.spec.claim_ref is not None]
    pool = reserved or [volume for volume in usable if fits(volume, claim)]
    return min(pool, key=lambda volume: (size_of(volume), volume.metadata.name), default=None)


def size_of(volume: PersistentVolume) -> int:
    return bytes_of(volume.spec.capacity.get("storage", 0))


def wanted_size(claim: PersistentVolumeClaim) -> int:
    return bytes_of(claim.spec.resources.requests.get("storage", 0))


def claim_reference(claim: PersistentVolumeClaim) -> ObjectReference:
    """How a volume names the claim that it is bound to."""
    meta = claim.metadata
    return ObjectReference(
        kind="PersistentVolumeClaim",
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        api_version="v1",
        resource_version=meta.resource_version,
    )
