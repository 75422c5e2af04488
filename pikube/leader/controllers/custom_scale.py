"""Declaration: the scale subresource of a custom resource, as the controllers that look at scales are given it.

Caches hold only the metadata of custom objects, so `FindScale` reads the store (pikube.leader.custom_scales).
Used by the autoscaler and by disruption budgets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from pikube.api.kinds.meta import Object
from pikube.informer.cache import ObjectKey


@dataclass(frozen=True, slots=True)
class CustomScale:
    """`cls` is the class by which caches and the client know the object, `path` where the wanted number is in it.
    `selector` is the text of a label selector, '' for none."""

    cls: type[Object]
    path: tuple[str, ...]
    replicas: int
    selector: str
    uid: str


class NoScale(Enum):
    """Why there is none."""

    NO_KIND = "the API does not serve the kind"
    NO_SUBRESOURCE = "the kind has no scale subresource"
    NO_OBJECT = "the object is not there"


@dataclass(frozen=True, slots=True)
class Missing:
    """`resource` is `plural.group`, '' for a kind that is not served."""

    why: NoScale
    resource: str = ""


FindScale = Callable[[str, str, ObjectKey], CustomScale | Missing]
"""(group, kind, key) → the scale now."""
