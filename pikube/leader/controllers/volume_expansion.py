"""Pure: claims that ask for more than their volume has get it, where the volume can grow.

Enter: a bound claim, its volume and class. Leave: the volume's and the claim's capacity. Run by the controller loop.
Source: kubernetes pkg/controller/volume/expand/expand_controller.go. A directory grows by being said to: nothing on
the board limits it.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from pikube.api.default_class import class_of
from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeClaim
from pikube.api.kinds.storage import StorageClass
from pikube.api.quantity import bytes_of
from pikube.informer.actions import Action, RecordEvent, Update
from pikube.informer.cache import ObjectKey
from pikube.informer.controller import Controller, Lister, Watch, itself
from pikube.leader.controllers.volume_match import size_of, wanted_size


@dataclass(frozen=True, slots=True)
class Held:
    """What the claim is bound to, and its class."""

    volume: PersistentVolume | None
    class_: StorageClass | None


def reconcile(desired: PersistentVolumeClaim, observed: Held, now: float) -> list[Action]:
    """The volume first, then the claim, so that the claim never says more than there is."""
    volume, class_ = observed.volume, observed.class_
    status = desired.status
    if desired.metadata.deletion_timestamp or status.phase != "Bound" or volume is None:
        return []
    wanted = desired.spec.resources.requests.get("storage", 0)
    if wanted_size(desired) <= bytes_of(status.capacity.get("storage", 0)):
        return []
    if class_ is None or not class_.allow_volume_expansion:
        return []
    if volume.spec.host_path is None:
        words = "waiting for an external controller to expand this PVC"
        return [RecordEvent(desired, "Normal", "ExternalExpanding", words)]
    actions: list[Action] = []
    if size_of(volume) < wanted_size(desired):
        spec = structs.replace(volume.spec, capacity={**volume.spec.capacity, "storage": wanted})
        actions.append(Update(structs.replace(volume, spec=spec)))
    said = RecordEvent(
        desired,
        "Normal",
        "VolumeResizeSuccessful",
        f"ExpandVolume succeeded for volume {desired.metadata.namespace}/{desired.metadata.name}",
    )
    grown = structs.replace(status, capacity={**status.capacity, "storage": wanted})
    actions.append(Update(structs.replace(desired, status=grown), "status", said))
    return actions


def observe(lister: Lister, key: ObjectKey) -> tuple[PersistentVolumeClaim, Held] | None:
    claim = lister.cache(PersistentVolumeClaim).get(key)
    if claim is None or not claim.spec.volume_name:
        return None
    volume = lister.cache(PersistentVolume).get(ObjectKey("", claim.spec.volume_name))
    class_ = lister.cache(StorageClass).get(ObjectKey("", class_of(claim) or ""))
    return claim, Held(volume, class_)


VOLUME_EXPANSION: Controller[PersistentVolumeClaim, Held] = Controller(
    name="volume_expand",
    watches=(Watch(PersistentVolumeClaim, itself),),
    observe=observe,
    reconcile=reconcile,
    workers=1,
)
