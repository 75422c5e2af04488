"""Pure: Deployments roll their ReplicaSets from template to template.

Enter: the Deployment, the ReplicaSets that it controls or may adopt and, for Recreate, their pods. Leave:
ReplicaSets to make, scale, renumber and clean up, and the status. Run by the controller loop.
Source: kubernetes pkg/controller/deployment.

    paused, or spec.replicas changed  →  scale what there is, make nothing new
    Recreate                          →  old ones to 0; when their last pod is gone, the new one
    RollingUpdate                     →  one step of the new one up or of the old ones down
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import structs

from pikube.api.errors import AlreadyExists, ApiError
from pikube.api.kinds.apps import Deployment, DeploymentStatus, ReplicaSet
from pikube.api.kinds.core_pod import Pod
from pikube.api.selector import LabelSelector, from_label_selector
from pikube.informer.actions import Action, Create, Delete, RecordEvent, RequeueAfter, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself
from pikube.leader.controllers import deployment_revisions as revisions
from pikube.leader.controllers import deployment_scaling as scaling
from pikube.leader.controllers import deployment_status as statuses
from pikube.leader.controllers.conditions import condition_of
from pikube.leader.controllers.ownership import candidates, claim, controller_of, orphans_index, wakes_owner
from pikube.leader.controllers.pods import ENDED

RECREATE = "Recreate"


@dataclass(frozen=True, slots=True)
class Children:
    """`pods`: of all the ReplicaSets, for the strategy Recreate only."""

    replica_sets: tuple[ReplicaSet, ...]
    pods: tuple[Pod, ...] = ()


@dataclass(slots=True)
class Rollout:
    """One round's working values: `old` oldest first, `new` None while the template has no ReplicaSet; `changed`
    are ReplicaSets to write, with the events that tell of it."""

    deployment: Deployment
    status: DeploymentStatus
    old: list[ReplicaSet]
    new: ReplicaSet | None
    now: float
    created: bool = False
    changed: dict[str, Update] = field(default_factory=dict)
    deleted: list[ReplicaSet] = field(default_factory=list)

    @property
    def every(self) -> list[ReplicaSet]:
        return self.old if self.new is None else [*self.old, self.new]


def selector_of(deployment: Deployment) -> LabelSelector:
    return from_label_selector(deployment.spec.selector)


def reconcile(desired: Deployment, observed: Children, now: float) -> list[Action]:
    """One step towards the wanted template and number, and the status."""
    mine, claims = claim(desired, observed.replica_sets, selector_of(desired))
    new = revisions.new_replica_set(desired, mine)
    old = revisions.oldest_first([rs for rs in mine if rs is not new])
    rollout = Rollout(desired, desired.status, old, new, now)
    if desired.metadata.deletion_timestamp:
        rollout.status = statuses.counted(desired, rollout.status, rollout.every, new, now)
        return claims + _actions(rollout)
    rollout.status = statuses.pause_condition(desired, now)
    if desired.spec.paused or scaling.is_scaling(desired, mine):
        _follow_scale(rollout)
    elif desired.spec.strategy.type == RECREATE:
        _recreate(rollout, observed.pods)
    else:
        _roll(rollout)
    return claims + _actions(rollout)


def _follow_scale(rollout: Rollout) -> None:
    """No new ReplicaSet and no step of the rollout, only sizes (deployment sync.go:sync)."""
    _renumber(rollout)
    _resize(rollout, scaling.scale(rollout.deployment, rollout.new, rollout.old), annotate=True)
    if rollout.deployment.spec.paused:
        _clean_up(rollout)
    rollout.status = statuses.counted(
        rollout.deployment, rollout.status, rollout.every, rollout.new, rollout.now
    )


def _recreate(rollout: Rollout, pods: Sequence[Pod]) -> None:
    _renumber(rollout)
    running = scaling.active(rollout.old)
    if running:
        _resize(rollout, {rs.metadata.name: 0 for rs in running})
    elif not _old_pods_live(rollout, pods):
        new = rollout.new
        if new is None:
            _create(rollout)
        elif scaling.replicas_of(new) != scaling.replicas_of(rollout.deployment):
            _resize(rollout, {new.metadata.name: scaling.replicas_of(rollout.deployment)})
        elif statuses.is_complete(rollout.deployment, rollout.deployment.status):
            _clean_up(rollout)
    _progress(rollout)


def _roll(rollout: Rollout) -> None:
    if rollout.new is None:
        _create(rollout)
    else:
        _renumber(rollout)
        sizes = scaling.roll(rollout.deployment, rollout.new, rollout.old)
        _resize(rollout, sizes)
        if not sizes and statuses.is_complete(rollout.deployment, rollout.deployment.status):
            _clean_up(rollout)
    _progress(rollout)


def _old_pods_live(rollout: Rollout, pods: Sequence[Pod]) -> bool:
    new_uid = rollout.new.metadata.uid if rollout.new is not None else ""
    if any(rs.status.replicas for rs in rollout.old):
        return True
    owners = [(pod, controller_of(pod)) for pod in pods if pod.status.phase not in ENDED]
    return any(ref is not None and ref.uid != new_uid for _, ref in owners)


def _progress(rollout: Rollout) -> None:
    deployment, now = rollout.deployment, rollout.now
    status = statuses.counted(deployment, rollout.status, rollout.every, rollout.new, now)
    rollout.status = statuses.progressed(deployment, status, rollout.every, rollout.new, now)


def _renumber(rollout: Rollout) -> None:
    """Bring annotations and minReadySeconds of the new ReplicaSet up to date, if there is one."""
    deployment, new = rollout.deployment, rollout.new
    if new is None:
        return
    changed = revisions.renumbered(deployment, new, _next_revision(rollout))
    if changed is not new:
        rollout.new = changed
        rollout.changed[changed.metadata.name] = Update(changed)
    has_deadline = statuses.deadline_s(deployment) is not None
    if has_deadline and condition_of(rollout.status.conditions, statuses.PROGRESSING) is None:
        words = f'Found new replica set "{new.metadata.name}"'
        rollout.status = statuses.say(
            rollout.status, statuses.PROGRESSING, "True", statuses.NEW_FOUND, words, rollout.now
        )


def _create(rollout: Rollout) -> None:
    deployment = rollout.deployment
    size = scaling.new_size(deployment, rollout.old, None)
    rollout.new = revisions.make_replica_set(deployment, size, _next_revision(rollout))
    rollout.created = True
    if statuses.deadline_s(deployment) is not None:
        words = f'Created new replica set "{rollout.new.metadata.name}"'
        rollout.status = statuses.say(
            rollout.status, statuses.PROGRESSING, "True", statuses.NEW_CREATED, words, rollout.now
        )


def _next_revision(rollout: Rollout) -> int:
    return max(map(revisions.revision_of, rollout.old), default=0) + 1


def _resize(rollout: Rollout, sizes: scaling.Sizes, *, annotate: bool = False) -> None:
    """Take over new sizes; with `annotate`, all active ones also note what number was wanted."""
    annotations = revisions.scale_annotations(rollout.deployment)
    rollout.old = [_resized(rollout, rs, sizes, annotations, annotate) for rs in rollout.old]
    if rollout.new is not None:
        rollout.new = _resized(rollout, rollout.new, sizes, annotations, annotate)


def _resized(
    rollout: Rollout,
    replica_set: ReplicaSet,
    sizes: scaling.Sizes,
    annotations: dict[str, str],
    annotate: bool,
) -> ReplicaSet:
    name, before = replica_set.metadata.name, scaling.replicas_of(replica_set)
    after = sizes.get(name, before)
    if after == before and not (annotate and (before or name in sizes)):
        return replica_set
    changed = revisions.with_annotations(replica_set, {**replica_set.metadata.annotations, **annotations})
    said = None
    if after != before:
        changed = structs.replace(changed, spec=structs.replace(changed.spec, replicas=after))
        said = _scaled_event(rollout.deployment, name, before, after)
    if changed is not replica_set:
        rollout.changed[name] = Update(changed, said=said)
    return changed


def _scaled_event(deployment: Deployment, name: str, before: int, after: int) -> RecordEvent:
    direction = "up" if after > before else "down"
    words = f"Scaled {direction} replica set {name} from {before} to {after}"
    return RecordEvent(deployment, "Normal", "ScalingReplicaSet", words)


def _clean_up(rollout: Rollout) -> None:
    rollout.deleted += revisions.to_clean_up(rollout.deployment, rollout.old)


def _actions(rollout: Rollout) -> list[Action]:
    deployment, new = rollout.deployment, rollout.new
    actions: list[Action] = list(rollout.changed.values())
    if rollout.created and new is not None:
        size = scaling.replicas_of(new)
        said = _scaled_event(deployment, new.metadata.name, 0, size) if size else None
        actions.append(Create(new, said))
    actions += [Delete(ReplicaSet, key_of(rs), rs.metadata.uid) for rs in rollout.deleted]
    written = structs.replace(deployment, status=rollout.status)
    if new is not None:
        number = new.metadata.annotations.get(revisions.REVISION, "")
        if number and deployment.metadata.annotations.get(revisions.REVISION) != number:
            annotations = {**deployment.metadata.annotations, revisions.REVISION: number}
            written = structs.replace(
                written, metadata=structs.replace(deployment.metadata, annotations=annotations)
            )
    if written != deployment:
        actions.append(Update(written, "status"))
    wait_s = statuses.deadline_in(deployment, rollout.status, rollout.now)
    if wait_s is not None:
        actions.append(RequeueAfter(wait_s))
    return actions


def on_failure(
    desired: Deployment, observed: Children, action: Action, error: ApiError, now: float
) -> list[Action]:
    """A ReplicaSet that could not be made: another hash if the name is another's, else event and condition."""
    if not isinstance(action, Create):
        return []
    status = desired.status
    if isinstance(error, AlreadyExists):
        status = structs.replace(status, collision_count=(status.collision_count or 0) + 1)
        return [Update(structs.replace(desired, status=status), "status")]
    words = f'Failed to create new replica set "{action.obj.metadata.name}": {error.message}'
    actions: list[Action] = [RecordEvent(desired, "Warning", "ReplicaSetCreateError", words)]
    if statuses.deadline_s(desired) is not None:
        status = statuses.say(status, statuses.PROGRESSING, "False", "ReplicaSetCreateError", words, now)
        if status != desired.status:
            actions.append(Update(structs.replace(desired, status=status), "status"))
    return actions


def observe(lister: Lister, key: ObjectKey) -> tuple[Deployment, Children] | None:
    """The Deployment, its ReplicaSets, and for Recreate their pods."""
    deployment = lister.cache(Deployment).get(key)
    if deployment is None:
        return None
    replica_sets = candidates(lister, ReplicaSet, deployment, selector_of(deployment))
    if deployment.spec.strategy.type != RECREATE:
        return deployment, Children(replica_sets)
    pods = [pod for rs in replica_sets for pod in lister.cache(Pod).owned_by(rs.metadata.uid)]
    return deployment, Children(replica_sets, tuple(pods))


def recreated_by(lister: Lister, pod: Pod) -> list[ObjectKey]:
    """Watch keys of a pod: its Deployment, if that waits for pods to end."""
    ref = controller_of(pod)
    if ref is None or ref.kind != "ReplicaSet":
        return []
    replica_set = lister.cache(ReplicaSet).get(ObjectKey(pod.metadata.namespace, ref.name))
    owner = controller_of(replica_set) if replica_set is not None else None
    if owner is None or owner.kind != "Deployment":
        return []
    key = ObjectKey(pod.metadata.namespace, owner.name)
    deployment = lister.cache(Deployment).get(key)
    is_waiting = deployment is not None and deployment.spec.strategy.type == RECREATE
    return [key] if is_waiting else []


DEPLOYMENTS: Controller[Deployment, Children] = Controller(
    name="deployment-controller",
    watches=(
        Watch(Deployment, itself),
        Watch(ReplicaSet, wakes_owner(Deployment, "Deployment", selector_of)),
        Watch(Pod, recreated_by),
    ),
    indexes=(orphans_index(ReplicaSet),),
    observe=observe,
    reconcile=reconcile,
    on_failure=on_failure,
)
