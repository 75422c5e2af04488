"""Pure: where a pod's volumes let it run.

Enter: the pod and its claims, volumes and storage classes. Leaves: `VolumeNeeds`, asked for each node. Called by
the scheduler's task and decide.py. Source: kubernetes scheduler plugins volumebinding, volumerestrictions.

A claim of a class that waits for its first consumer is bound in two steps: the decision notes the node on the
claim, the volume controllers bind or provision, and the pod is decided again with a bound claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pikube.api.default_class import class_of
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeClaim
from pikube.api.kinds.storage import StorageClass
from pikube.api.placement import NodeTerms
from pikube.leader.controllers.volume_match import SELECTED_NODE, fits, is_free_for

WRONG_NODE = "node(s) didn't match PersistentVolume's node affinity"
NO_VOLUME = "node(s) didn't find available persistent volumes to bind"
IN_USE = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
WAITS = "WaitForFirstConsumer"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A claim that waits for its consumer: volumes that would fit, and whether one can be made anywhere."""

    claim: PersistentVolumeClaim
    volumes: tuple[tuple[PersistentVolume, NodeTerms], ...]
    can_provision: bool


@dataclass(frozen=True, slots=True)
class VolumeNeeds:
    """`problem`: what keeps the pod from every node. `bound`: where its volumes can be reached. `lone`: the claims
    that one pod may use at a time."""

    problem: str = ""
    bound: tuple[NodeTerms, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    lone: frozenset[str] = frozenset()

    def reason_against(self, node: Node) -> str:
        """Why the pod's volumes keep it from this node; ''."""
        if not all(terms.matches(node) for terms in self.bound):
            return WRONG_NODE
        for claim in self.waiting:
            if claim.can_provision or any(terms.matches(node) for _, terms in claim.volumes):
                continue
            return NO_VOLUME
        return ""


NO_VOLUMES = VolumeNeeds()


def claim_names(pod: Pod) -> list[str]:
    """The claims a pod mounts, ephemeral ones by the name that is made for them."""
    found = []
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            found.append(volume.persistent_volume_claim.claim_name)
        elif volume.ephemeral is not None:
            found.append(f"{pod.metadata.name}-{volume.name}")
    return found


def volume_needs(
    pod: Pod,
    claims: Mapping[str, PersistentVolumeClaim],
    volumes: Mapping[str, PersistentVolume],
    classes: Mapping[str, StorageClass],
) -> VolumeNeeds:
    """What the volumes of a pod ask for; `claims` are those of its namespace by name."""
    bound: list[NodeTerms] = []
    waiting: list[Waiting] = []
    made_for_it = {f"{pod.metadata.name}-{v.name}" for v in pod.spec.volumes if v.ephemeral is not None}
    for name in claim_names(pod):
        claim = claims.get(name)
        if claim is None and name in made_for_it:
            words = "waiting for ephemeral volume controller to create the persistentvolumeclaim"
            return VolumeNeeds(f'{words} "{name}"')
        if claim is None:
            return VolumeNeeds(f'persistentvolumeclaim "{name}" not found')
        if claim.metadata.deletion_timestamp:
            return VolumeNeeds(f'persistentvolumeclaim "{name}" is being deleted')
        if claim.status.phase == "Lost":
            return VolumeNeeds(f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume')
        class_ = classes.get(class_of(claim) or "")
        if claim.spec.volume_name:
            volume = volumes.get(claim.spec.volume_name)
            if volume is None or claim.status.phase != "Bound":
                return VolumeNeeds(UNBOUND)
            bound.append(terms_of(volume))
        elif class_ is None or class_.volume_binding_mode != WAITS:
            return VolumeNeeds(UNBOUND)
        else:
            waiting.append(_waiting(claim, class_, volumes.values()))
    lone = frozenset(n for n in claim_names(pod) if "ReadWriteOncePod" in claims[n].spec.access_modes)
    return VolumeNeeds("", tuple(bound), tuple(waiting), lone)


def uses_any(pod: Pod, namespace: str, claims: frozenset[str]) -> bool:
    """Whether a pod mounts one of these claims of the namespace."""
    return pod.metadata.namespace == namespace and not claims.isdisjoint(claim_names(pod))


def terms_of(volume: PersistentVolume) -> NodeTerms:
    """From which nodes a volume can be reached."""
    affinity = volume.spec.node_affinity
    return NodeTerms(affinity.required if affinity is not None else None)


def undecided(needs: VolumeNeeds, node: str) -> list[PersistentVolumeClaim]:
    """The waiting claims that do not know their node yet, or know another."""
    claims = (waiting.claim for waiting in needs.waiting)
    return [claim for claim in claims if claim.metadata.annotations.get(SELECTED_NODE) != node]


def _waiting(
    claim: PersistentVolumeClaim, class_: StorageClass, volumes: Iterable[PersistentVolume]
) -> Waiting:
    free = [v for v in volumes if is_free_for(v, claim) and fits(v, claim)]
    return Waiting(
        claim, tuple((v, terms_of(v)) for v in free), class_.provisioner not in ("", NO_PROVISIONER)
    )
