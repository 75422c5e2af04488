"""Shell: admission by ResourceQuota: what a namespace may use at most.

Reads the store's memory, so that it counts what is there now and not what the controller last wrote; what was
admitted and is not yet stored counts too. Source: kubernetes apiserver pkg/admission/plugin/resourcequota.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pikube.api.errors import Forbidden
from pikube.api.kinds.core_config import ResourceQuota
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.leader.quota_usage import counts, limit_of, render, total, usage_of
from pikube.leader.request.admission import Attributes
from pikube.leader.request.plugins import Decode, Plugin
from pikube.leader.store.contract import Key, Store

GROWING = (Service, PersistentVolumeClaim)
"""Kinds whose use may change after they were made."""
DEMANDED = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
"""A quota on one of these demands that every container states it: what is not stated cannot be counted."""


class QuotaAdmission(Plugin):
    """Last in the chain: everything else has had its say on the object."""

    def __init__(self, store: Store, decode: Decode) -> None:
        super().__init__(store, decode)
        self._known: dict[Key, tuple[int, Any]] = {}
        self._pending: dict[int, tuple[str, Any]] = {}  # by id of the Attributes: (namespace, object)

    def admit(self, attributes: Attributes) -> None:
        """Raises Forbidden for what would exceed a quota, or cannot be counted."""
        if attributes.operation == "DELETE" or attributes.subresource or not attributes.namespace:
            return
        if attributes.info.is_ephemeral:
            return
        if attributes.operation == "UPDATE" and attributes.info.cls not in GROWING:
            return
        quotas = self._all(ResourceQuota, attributes.namespace)
        if not quotas:
            return
        obj, is_new = attributes.obj, attributes.operation == "CREATE"
        asked = usage_of(obj)
        before: dict[str, int] = {} if is_new else usage_of(attributes.old)
        more = {n: a - before.get(n, 0) for n, a in asked.items() if a > before.get(n, 0)}
        for quota in sorted(quotas, key=lambda quota: str(quota.metadata.name)):
            if more and counts(quota, obj):
                self._check(attributes, quota, more, is_new=is_new)
        if more and is_new:
            self._pending[id(attributes)] = (attributes.namespace, obj)

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """It is in the store, or nowhere."""
        self._pending.pop(id(attributes), None)

    def _check(
        self, attributes: Attributes, quota: ResourceQuota, more: Mapping[str, int], *, is_new: bool
    ) -> None:
        hard = quota.spec.hard
        name = quota.metadata.name
        if is_new and isinstance(attributes.obj, Pod):
            missing = missing_words(attributes.obj, hard)
            if missing:
                raise _refused(attributes, f"failed quota: {name}: {missing}")
        concerned = [resource for resource in hard if resource in more]
        if not concerned:
            return
        used = self._used(quota, attributes, concerned)
        over = sorted(r for r in concerned if used[r] + more[r] > limit_of(r, hard[r]))
        if over:
            requested, in_use, limits = (
                ",".join(f"{r}={text}" for r, text in pairs)
                for pairs in (
                    [(r, render(r, more[r], hard[r])) for r in over],
                    [(r, render(r, used[r], hard[r])) for r in over],
                    [(r, hard[r]) for r in over],
                )
            )
            words = f"exceeded quota: {name}, requested: {requested}, used: {in_use}, limited: {limits}"
            raise _refused(attributes, words)

    def _used(self, quota: ResourceQuota, attributes: Attributes, names: Iterable[str]) -> dict[str, int]:
        cls, namespace = attributes.info.cls, attributes.namespace
        items = self._store.list(attributes.info.storage, namespace).items
        objects = [self._remembered(cls, item) for item in items]
        objects += [obj for where, obj in self._pending.values() if where == namespace and type(obj) is cls]
        return total((usage for obj, usage in map(_with_usage, objects) if counts(quota, obj)), names)

    def _remembered(self, cls: type[Any], item: Any) -> Any:
        known = self._known.get(item.key)
        if known is None or known[0] != item.revision:
            if len(self._known) > 20_000:
                self._known.clear()
            known = self._known[item.key] = (item.revision, self._decode(cls, item))
        return known[1]


def _with_usage(obj: Any) -> tuple[Any, dict[str, int]]:
    return obj, usage_of(obj)


def _refused(attributes: Attributes, words: str) -> Forbidden:
    return Forbidden.of(attributes.info.resource, attributes.obj.metadata.name or attributes.name, words)


def missing_words(pod: Pod, hard: Mapping[str, Any]) -> str:
    """`must specify limits.cpu for: web; …`, or '' when every container states what the quota limits."""
    parts = []
    for resource in sorted(set(DEMANDED) & set(hard)):
        which, _, plain = resource.rpartition(".")
        containers = (*pod.spec.containers, *pod.spec.init_containers)
        silent = sorted(
            c.name
            for c in containers
            if plain not in (c.resources.limits if which == "limits" else c.resources.requests)
        )
        if silent:
            parts.append(f"{resource} for: {','.join(silent)}")
    return f"must specify {'; '.join(parts)}" if parts else ""
