"""Declaration: scheduling.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_INT, Field, Int32, Names
from pikube.api.kinds.meta import Object, ObjectMeta


class PriorityClass(Object):
    """A name for a priority of pods."""

    names: ClassVar[Names] = Names("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", False, short=("pc",))
    kind: str = msgspec.field(default_factory=lambda: "PriorityClass")
    api_version: str = msgspec.field(default_factory=lambda: "scheduling.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    value: Annotated[Int32, Field(2, "The priority; more counts more.")] = ALWAYS_INT
    global_default: Annotated[bool, Field(3, "Whether pods that name no class get this one.")] = False
    description: Annotated[str, Field(4, "When to use it.")] = ""
    preemption_policy: Annotated[str | None, Field(5, "PreemptLowerPriority (the default) or Never.", enum=("PreemptLowerPriority", "Never"))] = None
