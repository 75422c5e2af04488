"""Pure: how many replicas each ReplicaSet of a Deployment is to have next.

Enter: the Deployment, its new ReplicaSet and the old ones. Leaves: wanted replicas by ReplicaSet name, of
those that change. Called by deployment.py. Source: kubernetes pkg/controller/deployment/{rolling.go,
recreate.go,sync.go} and util/deployment_util.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from pikube.api.kinds.apps import Deployment, ReplicaSet
from pikube.leader.controllers.rounding import fenceposts

Sizes: TypeAlias = dict[str, int]
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"


def replicas_of(obj: Deployment | ReplicaSet) -> int:
    """spec.replicas; 1 if it is not said."""
    return 1 if obj.spec.replicas is None else obj.spec.replicas


def is_rolling(deployment: Deployment) -> bool:
    return deployment.spec.strategy.type != "Recreate"


def max_surge(deployment: Deployment) -> int:
    """How many pods more than wanted there may be."""
    return _fenceposts(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Deployment) -> int:
    """How many pods fewer than wanted may be available; never more than there are."""
    replicas = replicas_of(deployment)
    if not is_rolling(deployment) or not replicas:
        return 0
    return min(_fenceposts(deployment)[1], replicas)


def new_size(deployment: Deployment, every: Iterable[ReplicaSet], new: ReplicaSet | None) -> int:
    """How far the new ReplicaSet may grow beside the old ones (NewRSNewReplicas). Pods that an old one was told to
    drop count until its status says that they are gone; upstream trusts its spec and may surge further."""
    wanted, current = replicas_of(deployment), replicas_of(new) if new is not None else 0
    if not is_rolling(deployment):
        return wanted
    room = wanted + max_surge(deployment) - sum(max(replicas_of(rs), rs.status.replicas) for rs in every)
    return current if room <= 0 else current + max(0, min(room, wanted - current))


def roll(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> Sizes:
    """One step of a rolling update: the new one up as far as maxSurge allows; else the old ones down as far as
    maxUnavailable allows, unhealthy pods first."""
    wanted, current = replicas_of(deployment), replicas_of(new)
    size = wanted if current > wanted else new_size(deployment, [*old, new], new)
    if size != current:
        return {new.metadata.name: size}
    return _shrink_old(deployment, new, old)


def _shrink_old(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> Sizes:
    sizes = {rs.metadata.name: replicas_of(rs) for rs in old}
    min_available = replicas_of(deployment) - max_unavailable(deployment)
    new_unavailable = replicas_of(new) - new.status.available_replicas
    total = sum(sizes.values()) + replicas_of(new)
    budget = total - min_available - new_unavailable
    if not sum(sizes.values()) or budget <= 0:
        return {}
    for rs in old:  # pods that serve nobody go first and free the way
        unhealthy = sizes[rs.metadata.name] - rs.status.available_replicas
        taken = max(0, min(budget, unhealthy))
        sizes[rs.metadata.name] -= taken
        budget -= taken
    spare = sum(min(replicas_of(rs), rs.status.available_replicas) for rs in (*old, new)) - min_available
    for rs in old:
        taken = max(0, min(spare, sizes[rs.metadata.name]))
        sizes[rs.metadata.name] -= taken
        spare -= taken
    return {rs.metadata.name: sizes[rs.metadata.name] for rs in old if _differs(rs, sizes)}


def scale(deployment: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> Sizes:
    """Follow a change of spec.replicas: the only active one takes it; in mid-rollout all share it in proportion
    to their sizes."""
    wanted = replicas_of(deployment)
    every = [*old, new] if new is not None else list(old)
    only = _active_or_latest(new, old)
    if only is not None:
        return {only.metadata.name: wanted} if replicas_of(only) != wanted else {}
    if new is not None and _is_saturated(deployment, new):
        return {rs.metadata.name: 0 for rs in active(old)}
    if not is_rolling(deployment):
        return {}
    return _in_proportion(deployment, active(every))


def is_scaling(deployment: Deployment, replica_sets: Iterable[ReplicaSet]) -> bool:
    """Whether spec.replicas changed since the active ReplicaSets were last scaled."""
    wanted = str(replicas_of(deployment))
    return any(rs.metadata.annotations.get(DESIRED, wanted) != wanted for rs in active(replica_sets))


def active(replica_sets: Iterable[ReplicaSet]) -> list[ReplicaSet]:
    """Those that want pods."""
    return [rs for rs in replica_sets if replicas_of(rs) > 0]


def _fenceposts(deployment: Deployment) -> tuple[int, int]:
    rolling = deployment.spec.strategy.rolling_update
    if rolling is None:
        return fenceposts("25%", "25%", replicas_of(deployment))
    return fenceposts(rolling.max_surge, rolling.max_unavailable, replicas_of(deployment))


def _differs(replica_set: ReplicaSet, sizes: Sizes) -> bool:
    return sizes[replica_set.metadata.name] != replicas_of(replica_set)


def _active_or_latest(new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> ReplicaSet | None:
    running = active([*old, new] if new is not None else old)
    if len(running) == 1:
        return running[0]
    if running:
        return None
    return new if new is not None else (old[-1] if old else None)


def _is_saturated(deployment: Deployment, new: ReplicaSet) -> bool:
    wanted = replicas_of(deployment)
    annotated = new.metadata.annotations.get(DESIRED, "")
    return annotated == str(wanted) == str(replicas_of(new)) and new.status.available_replicas == wanted


def _in_proportion(deployment: Deployment, running: list[ReplicaSet]) -> Sizes:
    wanted = replicas_of(deployment)
    allowed = wanted + max_surge(deployment) if wanted > 0 else 0
    to_add = allowed - sum(map(replicas_of, running))
    by_creation = sorted(
        running, key=lambda rs: (rs.metadata.creation_timestamp, rs.metadata.name), reverse=to_add > 0
    )
    largest_first = sorted(by_creation, key=replicas_of, reverse=True)
    added = 0
    sizes: Sizes = {}
    for rs in largest_first:
        share = _share(deployment, rs, to_add - added) if to_add != added else 0
        sizes[rs.metadata.name] = replicas_of(rs) + share
        added += share
    if largest_first and to_add:
        name = largest_first[0].metadata.name
        sizes[name] = max(0, sizes[name] + to_add - added)
    return sizes


def _share(deployment: Deployment, replica_set: ReplicaSet, left: int) -> int:
    """The ReplicaSet's part of what is to be added (left > 0) or taken away (GetReplicaSetProportion)."""
    size, wanted = replicas_of(replica_set), replicas_of(deployment)
    if not size:
        return 0
    if not wanted:
        part = -size
    else:
        text = replica_set.metadata.annotations.get(MAXIMUM, "")
        annotated = int(text) if text.isdigit() else 0
        base = annotated or deployment.status.replicas or size
        part = int(size * (wanted + max_surge(deployment)) / base + 0.5) - size
    return min(part, left) if left > 0 else max(part, left)
