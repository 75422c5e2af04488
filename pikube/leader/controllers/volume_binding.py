"""Pure: claims find their volumes, or have them provisioned.

Enter: the claim, all volumes, its class, the chosen node. Leave: the volume's claimRef, the claim's volumeName, the
claim's status. Run by the controller loop. Source: kubernetes pkg/controller/volume/persistentvolume
(pv_controller.go:syncClaim).

The volume is written first, at the revision that was read: of two claims that want it, one gets it and the
other meets Conflict. The claim follows; cut in between, the next round finds the volume reserved for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from pikube.api.default_class import OF_STORAGE, class_of, default_class
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeClaim
from pikube.api.kinds.meta import Object
from pikube.api.kinds.storage import StorageClass
from pikube.api.local_volumes import HOSTNAME, PROVISIONER
from pikube.api.placement import NodeTerms
from pikube.informer.actions import Action, Create, RecordEvent, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself
from pikube.leader.controllers import local_path
from pikube.leader.controllers.volume_match import (
    SELECTED_NODE,
    best,
    claim_reference,
    fits,
    is_reserved_for,
)

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
WAITS = "WaitForFirstConsumer"


@dataclass(frozen=True, slots=True)
class Supply:
    """Every volume, the claim's class, the node that the scheduler chose, and the name of the default class."""

    volumes: tuple[PersistentVolume, ...]
    class_: StorageClass | None = None
    node: Node | None = None
    default: str | None = None


def reconcile(desired: PersistentVolumeClaim, observed: Supply, now: float) -> list[Action]:
    """Bind, provision, or say why not yet."""
    if desired.metadata.deletion_timestamp:
        return []
    if desired.spec.volume_name:
        return _follow(desired, observed)
    volume = _find(desired, observed)
    if volume is not None:
        return _bind(desired, volume)
    if class_of(desired) is None and observed.default:  # it is older than its default class
        spec = structs.replace(desired.spec, storage_class_name=observed.default)
        return [Update(structs.replace(desired, spec=spec))]
    return _pending(desired) + _provision(desired, observed)


def _find(claim: PersistentVolumeClaim, supply: Supply) -> PersistentVolume | None:
    reserved = [v for v in supply.volumes if is_reserved_for(v, claim) and not v.metadata.deletion_timestamp]
    if reserved:
        return min(reserved, key=key_of)
    if not _waits(supply):
        return best(supply.volumes, claim)
    if supply.node is None:
        return None
    return best([v for v in supply.volumes if _is_reachable(v, supply.node)], claim)


def _waits(supply: Supply) -> bool:
    return supply.class_ is not None and supply.class_.volume_binding_mode == WAITS


def _is_reachable(volume: PersistentVolume, node: Node) -> bool:
    affinity = volume.spec.node_affinity
    return affinity is None or NodeTerms(affinity.required).matches(node)


def _bind(claim: PersistentVolumeClaim, volume: PersistentVolume) -> list[Action]:
    """Write what is missing: the volume's side, the claim's side, the status."""
    actions: list[Action] = []
    ref = volume.spec.claim_ref
    if ref is None or not ref.uid:
        annotations = dict(volume.metadata.annotations)
        if ref is None:
            annotations[BOUND_BY_CONTROLLER] = "yes"
        meta = structs.replace(volume.metadata, annotations=annotations)
        spec = structs.replace(volume.spec, claim_ref=claim_reference(claim))
        actions.append(Update(structs.replace(volume, metadata=meta, spec=spec)))
    annotations = dict(claim.metadata.annotations)
    annotations[BIND_COMPLETED] = "yes"
    if not claim.spec.volume_name:
        annotations[BOUND_BY_CONTROLLER] = "yes"
    if claim.spec.volume_name != volume.metadata.name or annotations != claim.metadata.annotations:
        meta = structs.replace(claim.metadata, annotations=annotations)
        named = structs.replace(claim.spec, volume_name=volume.metadata.name)
        actions.append(Update(structs.replace(claim, metadata=meta, spec=named)))
        return actions  # its own write brings the claim back, for the status
    is_bound = claim.status.phase == "Bound"  # from then on the expansion says how large it is
    capacity = claim.status.capacity if is_bound else volume.spec.capacity
    return actions + _status(claim, "Bound", access_modes=volume.spec.access_modes, capacity=capacity)


def _follow(claim: PersistentVolumeClaim, supply: Supply) -> list[Action]:
    """A claim that names its volume, because it is bound or because the user wants that one."""
    is_bound = BIND_COMPLETED in claim.metadata.annotations
    volume = next((v for v in supply.volumes if v.metadata.name == claim.spec.volume_name), None)
    if volume is None:
        words = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        return _lost(claim, "ClaimLost", words) if is_bound else _pending(claim)
    if volume.spec.claim_ref is not None and not is_reserved_for(volume, claim):
        words = "Two claims are bound to the same volume, this one is bound incorrectly"
        return _lost(claim, "ClaimMisbound", words) if is_bound else _pending(claim)
    if volume.spec.claim_ref is None and not is_bound and not fits(volume, claim):
        words = (
            f'Cannot bind to requested volume "{volume.metadata.name}": '
            "class, size, access modes or volume mode do not match"
        )
        return [*_pending(claim), RecordEvent(claim, "Warning", "VolumeMismatch", words)]
    return _bind(claim, volume)


def _provision(claim: PersistentVolumeClaim, supply: Supply) -> list[Action]:
    class_ = supply.class_
    if class_ is None:
        if class_of(claim):
            words = f'storageclass.storage.k8s.io "{class_of(claim)}" not found'
            return [RecordEvent(claim, "Warning", "ProvisioningFailed", words)]
        words = "no persistent volumes available for this claim and no storage class is set"
        return [RecordEvent(claim, "Normal", "FailedBinding", words)]
    if _waits(supply) and supply.node is None:
        words = "waiting for first consumer to be created before binding"
        return [RecordEvent(claim, "Normal", WAITS, words)]
    if class_.provisioner == PROVISIONER:
        return _provision_here(claim, class_, supply)
    if class_.provisioner in ("", NO_PROVISIONER):
        words = "no persistent volumes available for this claim and no storage class is set"
        return [RecordEvent(claim, "Normal", "FailedBinding", words)]
    return _ask_external(claim, class_.provisioner)


def _provision_here(claim: PersistentVolumeClaim, class_: StorageClass, supply: Supply) -> list[Action]:
    if supply.node is None:
        words = f"{PROVISIONER} needs a class with volumeBindingMode {WAITS}"
        return [RecordEvent(claim, "Warning", "ProvisioningFailed", words)]
    if any(v.metadata.name == local_path.volume_name(claim) for v in supply.volumes):
        return []  # on its way out, or about to be found
    said = RecordEvent(claim, "Normal", "ProvisioningSucceeded", "Successfully provisioned volume {name}")
    hostname = supply.node.metadata.labels.get(HOSTNAME, supply.node.metadata.name)
    return [Create(local_path.provision(claim, class_, hostname), said)]


def _ask_external(claim: PersistentVolumeClaim, provisioner: str) -> list[Action]:
    words = (
        "Waiting for a volume to be created either by the external provisioner "
        f"'{provisioner}' or manually by the system administrator. If volume creation is delayed, "
        "please verify that the provisioner is running and correctly registered."
    )
    event = RecordEvent(claim, "Normal", "ExternalProvisioning", words)
    if claim.metadata.annotations.get(STORAGE_PROVISIONER) == provisioner:
        return [event]
    annotations = {**claim.metadata.annotations, STORAGE_PROVISIONER: provisioner}
    meta = structs.replace(claim.metadata, annotations=annotations)
    return [Update(structs.replace(claim, metadata=meta)), event]


def _pending(claim: PersistentVolumeClaim) -> list[Action]:
    return _status(claim, "Pending", access_modes=(), capacity={})


def _lost(claim: PersistentVolumeClaim, reason: str, words: str) -> list[Action]:
    written = _status(claim, "Lost", access_modes=(), capacity={})
    return [*written, RecordEvent(claim, "Warning", reason, words)] if written else []


def _status(
    claim: PersistentVolumeClaim,
    phase: str,
    *,
    access_modes: tuple[str, ...],
    capacity: dict[str, str | int | float],
) -> list[Action]:
    status = structs.replace(claim.status, phase=phase, access_modes=access_modes, capacity=capacity)
    if status == claim.status:
        return []
    return [Update(structs.replace(claim, status=status), "status")]


def observe(lister: Lister, key: ObjectKey) -> tuple[PersistentVolumeClaim, Supply] | None:
    claim = lister.cache(PersistentVolumeClaim).get(key)
    if claim is None:
        return None
    class_ = lister.cache(StorageClass).get(ObjectKey("", class_of(claim) or ""))
    node = lister.cache(Node).get(ObjectKey("", claim.metadata.annotations.get(SELECTED_NODE, "")))
    default = default_class(lister.cache(StorageClass), OF_STORAGE)
    return claim, Supply(tuple(lister.cache(PersistentVolume)), class_, node, default)


def claims_of_volume(lister: Lister, volume: PersistentVolume) -> list[ObjectKey]:
    """Watch keys: the claim that a volume is for; a free one concerns every claim that has none."""
    ref = volume.spec.claim_ref
    if ref is not None:
        return [ObjectKey(ref.namespace, ref.name)]
    return unbound_claims(lister, volume)


def unbound_claims(lister: Lister, obj: Object) -> list[ObjectKey]:
    """Watch keys: every claim without a bound volume."""
    return [key_of(claim) for claim in lister.cache(PersistentVolumeClaim) if claim.status.phase != "Bound"]


VOLUME_BINDING: Controller[PersistentVolumeClaim, Supply] = Controller(
    name="persistentvolume-controller",
    watches=(
        Watch(PersistentVolumeClaim, itself),
        Watch(PersistentVolume, claims_of_volume),
        Watch(StorageClass, unbound_claims),
    ),
    observe=observe,
    reconcile=reconcile,
)
