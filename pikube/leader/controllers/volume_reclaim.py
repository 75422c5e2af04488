"""Pure: the phases of volumes, what becomes of them when their claim is gone, and what protects both from deletion.

Enter: volumes and claims, and who uses them. Leave: phases, deletions, finalizers taken away. Run by the controller
loop. Source: kubernetes pv_controller.go:syncVolume, pkg/controller/volume/{pvcprotection,pvprotection}.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeClaim
from pikube.api.kinds.meta import Object
from pikube.api.local_volumes import HELD_BY_BOARD, HOSTNAME, PROVISIONED_BY, PROVISIONER, board_of
from pikube.api.times import render_time
from pikube.informer.actions import Action, Delete, Identity, PatchObject, RecordEvent, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Index, Lister, Watch, itself
from pikube.leader.controllers.volume_binding import BOUND_BY_CONTROLLER

CLAIM_PROTECTION, VOLUME_PROTECTION = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"
BY_CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim that a volume names, if it is there; and whether the board that holds its directory still exists."""

    claim: PersistentVolumeClaim | None
    has_board: bool = False


def reconcile_volume(desired: PersistentVolume, observed: Claim, now: float) -> list[Action]:
    """The volume's phase, and its end."""
    ref, claim = desired.spec.claim_ref, observed.claim
    if desired.metadata.deletion_timestamp:
        is_used = ref is not None and claim is not None and claim.metadata.uid == ref.uid
        if desired.status.phase == "Bound" and not is_used:
            return _phase(desired, "Released", now)
        return _unprotect_volume(desired, observed)
    if ref is None or not ref.uid:
        return _phase(desired, "Available", now)
    if claim is None or claim.metadata.uid != ref.uid:
        return _reclaim(desired, now)
    if claim.spec.volume_name == desired.metadata.name:
        return _phase(desired, "Bound", now)
    if not claim.spec.volume_name:
        return []  # the claim is about to be bound
    return _let_go(desired)


def _reclaim(volume: PersistentVolume, now: float) -> list[Action]:
    """The claim is gone: Retain keeps the volume as it is, Delete removes what pikube provisioned."""
    released = _phase(volume, "Released", now)
    policy = volume.spec.persistent_volume_reclaim_policy
    if policy == "Retain" or released:
        return released
    ref = volume.spec.claim_ref
    assert ref is not None
    if policy == "Delete" and volume.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER:
        claim = Identity(PersistentVolumeClaim, ObjectKey(ref.namespace, ref.name), ref.uid)
        return [Delete(PersistentVolume, key_of(volume), volume.metadata.uid, unless=(claim,))]
    if volume.metadata.annotations.get(PROVISIONED_BY):
        return []  # its external provisioner's to delete
    words = f"No {'deleter' if policy == 'Delete' else 'recycler'} volume plugin for the volume"
    failed = _phase(volume, "Failed", now, words)
    return [*failed, RecordEvent(volume, "Warning", "VolumeFailedDelete", words)] if failed else []


def _let_go(volume: PersistentVolume) -> list[Action]:
    """The claim went to another volume: forget it, unless a user reserved this one for it by name."""
    ref = volume.spec.claim_ref
    assert ref is not None
    if volume.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER:
        return [Delete(PersistentVolume, key_of(volume), volume.metadata.uid)]
    annotations = dict(volume.metadata.annotations)
    was_ours = annotations.pop(BOUND_BY_CONTROLLER, "") == "yes"
    kept = None if was_ours else structs.replace(ref, uid="", resource_version="")
    meta = structs.replace(volume.metadata, annotations=annotations)
    spec = structs.replace(volume.spec, claim_ref=kept)
    return [Update(structs.replace(volume, metadata=meta, spec=spec))]


def _phase(volume: PersistentVolume, phase: str, now: float, message: str = "") -> list[Action]:
    known = volume.status
    if phase == "Released" and known.phase == "Failed":
        return []
    if known.phase == phase and message in ("", known.message):  # what others say of it, stays
        return []
    status = structs.replace(
        known, phase=phase, message=message, reason="", last_phase_transition_time=render_time(now)
    )
    return [Update(structs.replace(volume, status=status), "status")]


def _unprotect_volume(volume: PersistentVolume, observed: Claim) -> list[Action]:
    """A bound volume stays. A directory is removed by its board, which takes HELD_BY_BOARD away when that is done;
    where there is nothing to remove, or no board to do it, nobody waits."""
    held = volume.metadata.finalizers
    if VOLUME_PROTECTION in held:
        return [] if volume.status.phase == "Bound" else [_without(volume, VOLUME_PROTECTION)]
    is_removed = volume.spec.persistent_volume_reclaim_policy == "Delete" and observed.has_board
    if HELD_BY_BOARD in held and not is_removed:
        return [_without(volume, HELD_BY_BOARD)]
    return []


def _without(obj: Object, finalizer: str) -> PatchObject:
    meta = obj.metadata
    kept = [name for name in meta.finalizers if name != finalizer]
    patch = {
        "metadata": {"uid": meta.uid, "resourceVersion": meta.resource_version, "finalizers": kept or None}
    }
    return PatchObject(type(obj), key_of(obj), patch)


def observe_volume(lister: Lister, key: ObjectKey) -> tuple[PersistentVolume, Claim] | None:
    volume = lister.cache(PersistentVolume).get(key)
    if volume is None:
        return None
    board = board_of(volume)
    has_board = any(node.metadata.labels.get(HOSTNAME) == board for node in lister.cache(Node))
    ref = volume.spec.claim_ref
    if ref is None:
        return volume, Claim(None, has_board)
    claim = lister.cache(PersistentVolumeClaim).get(ObjectKey(ref.namespace, ref.name))
    return volume, Claim(claim, has_board)


def volumes_going(lister: Lister, node: Node) -> list[ObjectKey]:
    """Watch keys of a node: the volumes that are being deleted: without their board they need not wait."""
    return [key_of(v) for v in lister.cache(PersistentVolume) if v.metadata.deletion_timestamp]


def volumes_of_claim(lister: Lister, claim: PersistentVolumeClaim) -> list[ObjectKey]:
    """Watch keys: the volumes that name the claim, and the one that it names."""
    found = [key_of(v) for v in lister.cache(PersistentVolume).indexed(BY_CLAIM, str(key_of(claim)))]
    return [*found, ObjectKey("", claim.spec.volume_name)] if claim.spec.volume_name else found


def claim_of_volume(volume: PersistentVolume) -> list[str]:
    """Index: `namespace/name` of the claim."""
    ref = volume.spec.claim_ref
    return [f"{ref.namespace}/{ref.name}"] if ref is not None else []


VOLUME_RECLAIM: Controller[PersistentVolume, Claim] = Controller(
    name="persistentvolume-reclaim-controller",
    watches=(
        Watch(PersistentVolume, itself),
        Watch(PersistentVolumeClaim, volumes_of_claim),
        Watch(Node, volumes_going),
    ),
    indexes=(Index(PersistentVolume, BY_CLAIM, claim_of_volume),),
    observe=observe_volume,
    reconcile=reconcile_volume,
)


@dataclass(frozen=True, slots=True)
class Users:
    """Pods on nodes that mount the claim."""

    pods: tuple[Pod, ...]


def reconcile_claim(desired: PersistentVolumeClaim, observed: Users, now: float) -> list[Action]:
    """A claim that is deleted goes when no pod uses it any more."""
    is_going = desired.metadata.deletion_timestamp and CLAIM_PROTECTION in desired.metadata.finalizers
    return [_without(desired, CLAIM_PROTECTION)] if is_going and not observed.pods else []


def observe_claim(lister: Lister, key: ObjectKey) -> tuple[PersistentVolumeClaim, Users] | None:
    claim = lister.cache(PersistentVolumeClaim).get(key)
    if claim is None or not claim.metadata.deletion_timestamp:
        return None
    pods = lister.cache(Pod).indexed(BY_CLAIM, str(key))
    return claim, Users(tuple(pod for pod in pods if pod.spec.node_name))


def claims_of_pod(pod: Pod) -> list[str]:
    """Index: `namespace/name` of the claims that a pod mounts."""
    found = []
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            found.append(f"{pod.metadata.namespace}/{volume.persistent_volume_claim.claim_name}")
        elif volume.ephemeral is not None:
            found.append(f"{pod.metadata.namespace}/{pod.metadata.name}-{volume.name}")
    return found


def _keys_of_pod(lister: Lister, pod: Pod) -> list[ObjectKey]:
    return [ObjectKey(*text.split("/", 1)) for text in claims_of_pod(pod)]


CLAIM_PROTECTING: Controller[PersistentVolumeClaim, Users] = Controller(
    name="pvc-protection-controller",
    watches=(Watch(PersistentVolumeClaim, itself), Watch(Pod, _keys_of_pod)),
    indexes=(Index(Pod, BY_CLAIM, claims_of_pod),),
    observe=observe_claim,
    reconcile=reconcile_claim,
    workers=1,
)
