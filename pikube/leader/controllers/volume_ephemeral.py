"""Pure: the claims of generic ephemeral volumes: made with their pod, owned by it, gone with it.

Enter: a pod and the claims of its volumes. Leave: new claims, events. Run by the controller loop.
Source: kubernetes pkg/controller/volume/ephemeral/controller.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.core_volume import Volume
from pikube.api.kinds.meta import Object, ObjectMeta
from pikube.informer.actions import Action, Create, RecordEvent
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, owner_of_kind
from pikube.leader.controllers.ownership import controller_of, owner_reference
from pikube.leader.controllers.pods import ENDED


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of the pod's ephemeral volumes that are there."""

    claims: tuple[PersistentVolumeClaim, ...]


def claim_name(pod: Pod, volume: Volume) -> str:
    return f"{pod.metadata.name}-{volume.name}"


def reconcile(desired: Pod, observed: Claims, now: float) -> list[Action]:
    """Make what is missing. A claim of that name that is another's is never used."""
    if desired.metadata.deletion_timestamp or desired.status.phase in ENDED:
        return []
    known = {claim.metadata.name: claim for claim in observed.claims}
    actions: list[Action] = []
    for volume in desired.spec.volumes:
        if volume.ephemeral is None or volume.ephemeral.volume_claim_template is None:
            continue
        claim = known.get(claim_name(desired, volume))
        if claim is None:
            actions.append(Create(_claim(desired, volume)))
        elif not belongs_to(claim, desired):
            key = key_of(claim)
            words = f"PVC {key} was not created for pod {key_of(desired)} (pod is not owner)"
            text = f"ephemeral volume {volume.name}: {words}"
            actions.append(RecordEvent(desired, "Warning", "FailedBinding", text))
    return actions


def belongs_to(claim: PersistentVolumeClaim, pod: Object) -> bool:
    """Whether the claim was made for exactly this pod."""
    ref = controller_of(claim)
    return ref is not None and ref.uid == pod.metadata.uid


def _claim(pod: Pod, volume: Volume) -> PersistentVolumeClaim:
    assert volume.ephemeral is not None and volume.ephemeral.volume_claim_template is not None
    template = volume.ephemeral.volume_claim_template
    return PersistentVolumeClaim(
        metadata=ObjectMeta(
            name=claim_name(pod, volume),
            namespace=pod.metadata.namespace,
            labels=template.metadata.labels,
            annotations=template.metadata.annotations,
            owner_references=(owner_reference(pod),),
        ),
        spec=template.spec,
    )


def observe(lister: Lister, key: ObjectKey) -> tuple[Pod, Claims] | None:
    pod = lister.cache(Pod).get(key)
    if pod is None or not any(volume.ephemeral is not None for volume in pod.spec.volumes):
        return None
    cache = lister.cache(PersistentVolumeClaim)
    names = [claim_name(pod, volume) for volume in pod.spec.volumes if volume.ephemeral is not None]
    found = (cache.get(ObjectKey(key.namespace, name)) for name in names)
    return pod, Claims(tuple(claim for claim in found if claim is not None))


def _itself_if_ephemeral(lister: Lister, pod: Pod) -> list[ObjectKey]:
    """Watch keys: few pods have such volumes; the others cost nothing."""
    return [key_of(pod)] if any(volume.ephemeral is not None for volume in pod.spec.volumes) else []


EPHEMERAL_VOLUMES: Controller[Pod, Claims] = Controller(
    name="ephemeral-volume-controller",
    watches=(Watch(Pod, _itself_if_ephemeral), Watch(PersistentVolumeClaim, owner_of_kind("Pod"))),
    observe=observe,
    reconcile=reconcile,
    workers=1,
)
