"""Pure: the pods and claims of a StatefulSet by ordinal: names, identity, storage.

Enter: the StatefulSet and an ordinal. Leave: pods, claims, owner references. Called by stateful_set.py.
Source: kubernetes pkg/controller/statefulset/stateful_set_utils.go.
"""

from __future__ import annotations

from msgspec import structs

from pikube.api.kinds.apps import StatefulSet
from pikube.api.kinds.core_pod import Pod, PodTemplateSpec
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.core_volume import PersistentVolumeClaimVolumeSource, Volume
from pikube.api.kinds.meta import Object, ObjectMeta, OwnerReference
from pikube.informer.actions import Action, Update
from pikube.leader.controllers.ownership import references_patch
from pikube.leader.controllers.pods import pod_from_template, with_labels
from pikube.leader.controllers.revision_history import HASH_LABEL

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
DELETE = "Delete"


def first_ordinal(owner: StatefulSet) -> int:
    """spec.ordinals.start."""
    return owner.spec.ordinals.start if owner.spec.ordinals is not None else 0


def replicas_of(owner: StatefulSet) -> int:
    return 1 if owner.spec.replicas is None else owner.spec.replicas


def wanted_ordinals(owner: StatefulSet) -> range:
    """The ordinals that ought to run."""
    start = first_ordinal(owner)
    return range(start, start + replicas_of(owner))


def pod_name(owner: StatefulSet, ordinal: int) -> str:
    return f"{owner.metadata.name}-{ordinal}"


def ordinal_of(owner: StatefulSet, pod: Pod) -> int | None:
    """The pod's ordinal; None for a pod that does not bear the set's name."""
    parent, dash, text = pod.metadata.name.rpartition("-")
    is_member = dash and parent == owner.metadata.name and text.isascii() and text.isdigit()
    return int(text) if is_member else None


def claim_name(owner: StatefulSet, template: PersistentVolumeClaim, ordinal: int) -> str:
    return f"{template.metadata.name}-{pod_name(owner, ordinal)}"


def new_pod(owner: StatefulSet, template: PodTemplateSpec, ordinal: int, revision: str) -> Pod:
    """The pod of an ordinal, from the template of a revision."""
    name = pod_name(owner, ordinal)
    labels = {HASH_LABEL: revision, POD_NAME: name, POD_INDEX: str(ordinal)}
    pod = pod_from_template(with_labels(template, labels), owner, name=name)
    spec = structs.replace(
        pod.spec,
        hostname=name,
        subdomain=owner.spec.service_name,
        volumes=_volumes(owner, template, ordinal),
    )
    return structs.replace(pod, spec=spec)


def identity_update(owner: StatefulSet, pod: Pod, ordinal: int) -> list[Action]:
    """Bring the labels that tell who the pod is back, if someone took them away."""
    wanted = {POD_NAME: pod.metadata.name, POD_INDEX: str(ordinal)}
    if wanted.items() <= pod.metadata.labels.items():
        return []
    meta = structs.replace(pod.metadata, labels={**pod.metadata.labels, **wanted})
    return [Update(structs.replace(pod, metadata=meta))]


def new_claims(owner: StatefulSet, ordinal: int) -> list[PersistentVolumeClaim]:
    """The claims of an ordinal, one for each template."""
    selector = owner.spec.selector.match_labels if owner.spec.selector is not None else {}
    return [
        PersistentVolumeClaim(
            metadata=ObjectMeta(
                name=claim_name(owner, template, ordinal),
                namespace=owner.metadata.namespace,
                labels={**template.metadata.labels, **selector},
                annotations=template.metadata.annotations,
                owner_references=wanted_owners(owner, None),
            ),
            spec=template.spec,
        )
        for template in owner.spec.volume_claim_templates
    ]


def wanted_owners(owner: StatefulSet, condemned: Pod | None) -> tuple[OwnerReference, ...]:
    """Whom a claim goes with: the set, the pod that is scaled away, or nobody."""
    policy = owner.spec.persistent_volume_claim_retention_policy
    if policy is None:
        return ()
    if condemned is not None and policy.when_scaled == DELETE:
        return (_plain_reference(condemned),)
    return (_plain_reference(owner),) if policy.when_deleted == DELETE else ()


def claim_update(
    owner: StatefulSet, claim: PersistentVolumeClaim, ordinal: int, condemned: Pod | None
) -> list[Action]:
    """Set the claim's owners as the retention policy says; references to others stay."""
    name = pod_name(owner, ordinal)
    ours = [
        ref
        for ref in claim.metadata.owner_references
        if ref.uid == owner.metadata.uid or (ref.kind == "Pod" and ref.name == name)
    ]
    wanted = wanted_owners(owner, condemned)
    if {ref.uid for ref in ours} == {ref.uid for ref in wanted}:
        return []
    others = tuple(ref for ref in claim.metadata.owner_references if ref not in ours)
    return [references_patch(claim, (*others, *wanted))]


def _plain_reference(obj: Object) -> OwnerReference:
    """A reference that owns but does not control."""
    meta = obj.metadata
    return OwnerReference(api_version=obj.api_version, kind=obj.kind, name=meta.name, uid=meta.uid)


def _volumes(owner: StatefulSet, template: PodTemplateSpec, ordinal: int) -> tuple[Volume, ...]:
    claimed = {
        claim.metadata.name: Volume(
            name=claim.metadata.name,
            persistent_volume_claim=PersistentVolumeClaimVolumeSource(
                claim_name=claim_name(owner, claim, ordinal)
            ),
        )
        for claim in owner.spec.volume_claim_templates
    }
    others = tuple(volume for volume in template.spec.volumes if volume.name not in claimed)
    return (*claimed.values(), *others)
