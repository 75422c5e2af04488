"""Declaration: policy/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_INT, MAP, Field, Int32, Int64, IntOrString, Names, Struct, Time
from pikube.api.kinds.meta import Condition, DeleteOptions, LabelSelector, Object, ObjectMeta


class PodDisruptionBudgetSpec(Struct):
    min_available: Annotated[IntOrString | None, Field(1)] = None
    selector: Annotated[LabelSelector | None, Field(2, atomic=True)] = None
    max_unavailable: Annotated[IntOrString | None, Field(3)] = None
    unhealthy_pod_eviction_policy: Annotated[str | None, Field(4, enum=("IfHealthyBudget", "AlwaysAllow"))] = None


class PodDisruptionBudgetStatus(Struct):
    observed_generation: Annotated[Int64, Field(1)] = 0
    disrupted_pods: Annotated[dict[str, Time], Field(2)] = MAP
    disruptions_allowed: Annotated[Int32, Field(3)] = ALWAYS_INT
    current_healthy: Annotated[Int32, Field(4)] = ALWAYS_INT
    desired_healthy: Annotated[Int32, Field(5)] = ALWAYS_INT
    expected_pods: Annotated[Int32, Field(6)] = ALWAYS_INT
    conditions: Annotated[tuple[Condition, ...], Field(7, merge_key="type", list_type="map", list_keys=("type",))] = ()


class PodDisruptionBudget(Object):
    names: ClassVar[Names] = Names("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True, short=("pdb",))
    kind: str = msgspec.field(default_factory=lambda: "PodDisruptionBudget")
    api_version: str = msgspec.field(default_factory=lambda: "policy/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PodDisruptionBudgetSpec, Field(2)] = msgspec.field(default_factory=PodDisruptionBudgetSpec)
    status: Annotated[PodDisruptionBudgetStatus, Field(3)] = msgspec.field(default_factory=PodDisruptionBudgetStatus)


class Eviction(Object):
    names: ClassVar[Names] = Names("policy", "v1", "Eviction", "evictions", True)
    kind: str = msgspec.field(default_factory=lambda: "Eviction")
    api_version: str = msgspec.field(default_factory=lambda: "policy/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    delete_options: Annotated[DeleteOptions | None, Field(2)] = None
