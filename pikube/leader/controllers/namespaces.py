"""Pure: a namespace that is being deleted takes its content along, then lets go of itself.

Source: kubernetes pkg/controller/namespace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import structs

from pikube.api.kinds.core_config import Namespace
from pikube.informer.actions import Action, DeleteAll, Update
from pikube.informer.cache import ObjectKey
from pikube.informer.controller import Controller, Lister, Watch, itself

FINALIZER = "kubernetes"


def observe(lister: Lister, key: ObjectKey) -> tuple[Namespace, None] | None:
    namespace = lister.cache(Namespace).get(key)
    if namespace is None or not namespace.metadata.deletion_timestamp:
        return None
    return namespace, None


def emptier(classes: Sequence[type[Any]]) -> Callable[[Namespace, None, float], list[Action]]:
    """The reconcile function for the namespaced kinds."""

    def reconcile(desired: Namespace, observed: None, now: float) -> list[Action]:
        if FINALIZER not in desired.spec.finalizers:
            return []
        left = tuple(f for f in desired.spec.finalizers if f != FINALIZER)
        done = structs.replace(
            desired,
            spec=structs.replace(desired.spec, finalizers=left),
            metadata=structs.replace(desired.metadata, resource_version=""),
        )
        return [DeleteAll(tuple(classes), desired.metadata.name), Update(done, "finalize")]

    return reconcile


def namespace_controller(classes: Sequence[type[Any]]) -> Controller[Namespace, None]:
    return Controller(
        name="namespace-controller",
        watches=(Watch(Namespace, itself),),
        observe=observe,
        reconcile=emptier(classes),
        workers=2,
    )
