"""Pure: which ReplicaSet of a Deployment has its template, and the annotations that number the others.

Enter: the Deployment and its ReplicaSets. Leave: the new one, made or renumbered, and those to clean up.
Called by deployment.py. Source: kubernetes pkg/controller/deployment/{sync.go,util/deployment_util.go}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from pikube.api.kinds.apps import Deployment, ReplicaSet, ReplicaSetSpec
from pikube.api.kinds.meta import LabelSelector, ObjectMeta
from pikube.leader.controllers.deployment_scaling import DESIRED, MAXIMUM, max_surge, replicas_of
from pikube.leader.controllers.ownership import owner_reference
from pikube.leader.controllers.pods import with_labels
from pikube.leader.controllers.templates import HASH_LABEL, hash_of, is_same_template

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
HISTORY_LIMIT_CHARS = 2000  # kubernetes deployment_controller.go:maxRevHistoryLengthInChars
NOT_COPIED = frozenset((
    "kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MAXIMUM,
    "deprecated.deployment.rollback.to",
))  # fmt: skip


def new_replica_set(deployment: Deployment, replica_sets: Sequence[ReplicaSet]) -> ReplicaSet | None:
    """The oldest ReplicaSet that has the Deployment's template."""
    same = [rs for rs in replica_sets if is_same_template(rs.spec.template, deployment.spec.template)]
    return min(same, key=_age, default=None)


def revision_of(replica_set: ReplicaSet) -> int:
    """Its number; 0 for none or nonsense."""
    text = replica_set.metadata.annotations.get(REVISION, "")
    return int(text) if text.isdigit() else 0


def oldest_first(replica_sets: Sequence[ReplicaSet]) -> list[ReplicaSet]:
    """By time of creation, then name."""
    return sorted(replica_sets, key=_age)


def make_replica_set(deployment: Deployment, replicas: int, revision: int) -> ReplicaSet:
    """The ReplicaSet for a template that has none yet. Its name says the template's hash, so that making it
    twice makes it once."""
    spec, meta = deployment.spec, deployment.metadata
    hash_ = hash_of(spec.template, deployment.status.collision_count)
    template = with_labels(spec.template, {HASH_LABEL: hash_})
    selector = spec.selector or LabelSelector()
    annotations = {
        **_copied(meta.annotations),
        REVISION: str(revision),
        **scale_annotations(deployment),
    }
    return ReplicaSet(
        metadata=ObjectMeta(
            name=f"{meta.name}-{hash_}",
            namespace=meta.namespace,
            labels=template.metadata.labels,
            annotations=annotations,
            owner_references=(owner_reference(deployment),),
        ),
        spec=ReplicaSetSpec(
            replicas=replicas,
            min_ready_seconds=spec.min_ready_seconds,
            selector=structs.replace(selector, match_labels={**selector.match_labels, HASH_LABEL: hash_}),
            template=template,
        ),
    )


def renumbered(deployment: Deployment, replica_set: ReplicaSet, revision: int) -> ReplicaSet:
    """The new ReplicaSet with the Deployment's annotations and minReadySeconds and, if it comes back from
    history, the newest number; itself if nothing changes."""
    before = replica_set.metadata.annotations
    annotations = {**before, **_copied(deployment.metadata.annotations)}
    if revision_of(replica_set) < revision:
        if before.get(REVISION):
            annotations[HISTORY] = _longer_history(before.get(HISTORY, ""), before[REVISION])
        annotations[REVISION] = str(revision)
    changed = with_annotations(replica_set, annotations)
    if changed.spec.min_ready_seconds != deployment.spec.min_ready_seconds:
        spec = structs.replace(changed.spec, min_ready_seconds=deployment.spec.min_ready_seconds)
        changed = structs.replace(changed, spec=spec)
    return changed


def scale_annotations(deployment: Deployment) -> dict[str, str]:
    """How many replicas were wanted when a ReplicaSet was last scaled: what tells scaling from rolling."""
    replicas = replicas_of(deployment)
    return {DESIRED: str(replicas), MAXIMUM: str(replicas + max_surge(deployment))}


def with_annotations(replica_set: ReplicaSet, annotations: dict[str, str]) -> ReplicaSet:
    """A copy with these annotations; itself if they are what it has."""
    if annotations == replica_set.metadata.annotations:
        return replica_set
    meta = structs.replace(replica_set.metadata, annotations=annotations)
    return structs.replace(replica_set, metadata=meta)


def to_clean_up(deployment: Deployment, old: Sequence[ReplicaSet]) -> list[ReplicaSet]:
    """The ended ReplicaSets beyond revisionHistoryLimit, lowest revision first."""
    limit = deployment.spec.revision_history_limit
    if limit is None or limit == 2**31 - 1:
        return []
    alive = [rs for rs in old if not rs.metadata.deletion_timestamp]
    excess = len(alive) - limit
    if excess <= 0:
        return []
    by_revision = sorted(alive, key=lambda rs: (revision_of(rs), *_age(rs)))
    return [
        rs
        for rs in by_revision[:excess]
        if not rs.status.replicas
        and rs.spec.replicas == 0
        and rs.metadata.generation <= rs.status.observed_generation
    ]


def _age(replica_set: ReplicaSet) -> tuple[str, str]:
    return replica_set.metadata.creation_timestamp, replica_set.metadata.name


def _copied(annotations: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in annotations.items() if key not in NOT_COPIED}


def _longer_history(history: str, revision: str) -> str:
    kept = [*history.split(","), revision] if history else [revision]
    while len(kept) > 1 and len(",".join(kept)) > HISTORY_LIMIT_CHARS:
        del kept[0]
    return ",".join(kept)
