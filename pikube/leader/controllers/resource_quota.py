"""Pure: ResourceQuotas tell how much of each limit their namespace uses.

Enter: the quota and what each object counts for. Leaves: the quota's status. Run by the controller loop; what exceeds
a quota is refused at admission (request/quota.py). Source: kubernetes pkg/controller/resourcequota.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from pikube.api.kinds.core_config import ResourceQuota
from pikube.api.kinds.meta import Object
from pikube.informer.actions import Action, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch
from pikube.leader.quota_usage import counts, render, total, usage_of


@dataclass(frozen=True, slots=True)
class Used:
    """What each object that the quota counts uses."""

    usages: tuple[Mapping[str, int], ...]


def reconcile(desired: ResourceQuota, observed: Used, now: float) -> list[Action]:
    """Sum up, and write what changed."""
    if desired.metadata.deletion_timestamp:
        return []
    hard = desired.spec.hard
    sums = total(observed.usages, hard)
    used: dict[str, Any] = {name: render(name, sums[name], hard[name]) for name in hard}
    status = structs.replace(desired.status, hard=hard, used=used)
    if status == desired.status:
        return []
    return [Update(structs.replace(desired, status=status), "status")]


class _Observing:
    """Remembers what each object counts for until it changes: a namespace may hold thousands."""

    def __init__(self, kinds: Sequence[type[Any]]) -> None:
        self._kinds = tuple(kinds)
        self._known: dict[str, tuple[str, dict[str, int]]] = {}

    def keys(self, lister: Lister, obj: Object) -> list[ObjectKey]:
        """Watch keys: the quotas of the namespace."""
        current = lister.cache(type(obj)).get(key_of(obj))
        if current is None:
            self._known.pop(obj.metadata.uid, None)
        quotas = lister.cache(ResourceQuota).in_namespace(obj.metadata.namespace)
        if not quotas or (isinstance(obj, ResourceQuota) and current is None):
            return []
        return [key_of(quota) for quota in quotas]

    def observe(self, lister: Lister, key: ObjectKey) -> tuple[ResourceQuota, Used] | None:
        quota = lister.cache(ResourceQuota).get(key)
        if quota is None:
            return None
        found = []
        for cls in self._kinds:
            if _may_matter(cls, quota):
                objects = lister.cache(cls).in_namespace(key.namespace)
                found += [self._usage(obj) for obj in objects if counts(quota, obj)]
        return quota, Used(tuple(found))

    def _usage(self, obj: Object) -> dict[str, int]:
        meta = obj.metadata
        known = self._known.get(meta.uid)
        if known is None or known[0] != meta.resource_version:
            known = self._known[meta.uid] = (meta.resource_version, usage_of(obj))
        return known[1]


def _may_matter(cls: type[Any], quota: ResourceQuota) -> bool:
    """Whether any limit of the quota is about this kind."""
    names, hard = cls.names, quota.spec.hard
    if f"count/{names.plural}{'.' + names.group if names.group else ''}" in hard:
        return True
    if names.group:
        return False
    return names.plural in hard or names.plural in ("pods", "services", "persistentvolumeclaims")


def quota_controller(kinds: Sequence[type[Any]]) -> Controller[ResourceQuota, Used]:
    """`kinds`: the namespaced kinds that informers hold."""
    observing = _Observing(kinds)
    return Controller(
        name="resourcequota-controller",
        watches=tuple(Watch(cls, observing.keys) for cls in kinds),
        observe=observing.observe,
        reconcile=reconcile,
        workers=1,
    )
