"""Declaration: metrics.k8s.io/v1beta1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import (
    ALWAYS_LIST,
    ALWAYS_MAP,
    ALWAYS_STR,
    Duration,
    Field,
    Names,
    Quantity,
    Struct,
    Time,
)
from pikube.api.kinds.meta import Object, ObjectMeta


class NodeMetrics(Object):
    """What a node uses."""

    names: ClassVar[Names] = Names("metrics.k8s.io", "v1beta1", "NodeMetrics", "nodes", False)
    kind: str = msgspec.field(default_factory=lambda: "NodeMetrics")
    api_version: str = msgspec.field(default_factory=lambda: "metrics.k8s.io/v1beta1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    timestamp: Annotated[Time, Field(2, "When it was measured.", required=True)] = ""
    window: Annotated[Duration, Field(3, "Over which time.", required=True)] = ALWAYS_STR
    usage: Annotated[dict[str, Quantity], Field(4, "CPU and memory.", required=True)] = ALWAYS_MAP


class PodMetrics(Object):
    """What a pod uses."""

    names: ClassVar[Names] = Names("metrics.k8s.io", "v1beta1", "PodMetrics", "pods", True)
    kind: str = msgspec.field(default_factory=lambda: "PodMetrics")
    api_version: str = msgspec.field(default_factory=lambda: "metrics.k8s.io/v1beta1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    timestamp: Annotated[Time, Field(2, "When it was measured.", required=True)] = ""
    window: Annotated[Duration, Field(3, "Over which time.", required=True)] = ALWAYS_STR
    containers: Annotated[tuple[ContainerMetrics, ...], Field(4, "What each container uses.", required=True)] = ALWAYS_LIST


class ContainerMetrics(Struct):
    """What a container uses."""

    name: Annotated[str, Field(1, "The container's name.", required=True)] = ALWAYS_STR
    usage: Annotated[dict[str, Quantity], Field(2, "CPU and memory.", required=True)] = ALWAYS_MAP
