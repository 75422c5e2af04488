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
    names: ClassVar[Names] = Names("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", False)
    kind: str = msgspec.field(default_factory=lambda: "RuntimeClass")
    api_version: str = msgspec.field(default_factory=lambda: "node.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    handler: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    overhead: Annotated[Overhead | None, Field(3)] = None
    scheduling: Annotated[Scheduling | None, Field(4)] = None


class Overhead(Struct):
    pod_fixed: Annotated[dict[str, Quantity], Field(1)] = MAP


class Scheduling(Struct):
    node_selector: Annotated[dict[str, str], Field(1, atomic=True)] = MAP
    tolerations: Annotated[tuple[Toleration, ...], Field(2)] = ()
