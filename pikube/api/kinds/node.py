"""Declaration: node.k8s.io/v1 (RuntimeClass).

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_STR, MAP, Field, Names, Quantity, Struct
from pikube.api.kinds.core_references import Toleration
from pikube.api.kinds.meta import Object, ObjectMeta


class RuntimeClass(Object):
    """A way to run containers."""

    names: ClassVar[Names] = Names("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", False)
    kind: str = msgspec.field(default_factory=lambda: "RuntimeClass")
    api_version: str = msgspec.field(default_factory=lambda: "node.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    handler: Annotated[str, Field(2, "The runtime's name on the nodes.", required=True)] = ALWAYS_STR
    overhead: Annotated[Overhead | None, Field(3, "What running a pod takes beside its containers.")] = None
    scheduling: Annotated[Scheduling | None, Field(4, "The nodes that have it.")] = None


class Overhead(Struct):
    """What running a pod takes beside its containers."""

    pod_fixed: Annotated[dict[str, Quantity], Field(1, "The resources for each pod.")] = MAP


class Scheduling(Struct):
    """The nodes that have a runtime."""

    node_selector: Annotated[dict[str, str], Field(1, "Labels of these nodes; added to the pod's selector.", atomic=True)] = MAP
    tolerations: Annotated[tuple[Toleration, ...], Field(2, "Added to the pod's tolerations.")] = ()
