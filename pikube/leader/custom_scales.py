"""Shell: the scales of custom objects, read from the store for the controllers that look at them.

Enter: a group, a kind, a key. Leaves: the scale now, or why there is none. Handed to the controllers by run.py.
"""

from __future__ import annotations

from pikube.api.custom.objects import CustomObject
from pikube.api.scheme import Scheme
from pikube.informer.cache import ObjectKey
from pikube.leader.controllers.custom_scale import CustomScale, FindScale, Missing, NoScale
from pikube.leader.request.registry import Registry
from pikube.leader.request.subresources import custom_scale
from pikube.leader.store.contract import Key


def find_scale(scheme: Scheme, registry: Registry) -> FindScale:
    """By the version that is stored: its paths say where the numbers are in what the client patches."""

    def find(group: str, kind: str, key: ObjectKey) -> CustomScale | Missing:
        info = next((i.stored for i in scheme if (i.names.group, i.names.kind) == (group, kind)), None)
        if info is None:
            return Missing(NoScale.NO_KIND)
        resource = str(info.resource)
        paths = info.cls.facts.scale if issubclass(info.cls, CustomObject) else None
        if paths is None:
            return Missing(NoScale.NO_SUBRESOURCE, resource)
        item = registry.store.get(Key(info.storage, key.namespace, key.name))
        if item is None:
            return Missing(NoScale.NO_OBJECT, resource)
        scale = custom_scale(registry.decode(info, item))
        return CustomScale(
            info.cls.head, paths.spec_replicas, scale.spec.replicas, scale.status.selector, scale.metadata.uid
        )

    return find
