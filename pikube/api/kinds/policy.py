"""Declaration: policy/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_INT, MAP, Field, Int32, Int64, IntOrString, Names, Struct, Time
from pikube.api.kinds.meta import Condition, DeleteOptions, LabelSelector, Object, ObjectMeta


class PodDisruptionBudgetSpec(Struct):
    """How many pods may be away."""

    min_available: Annotated[IntOrString | None, Field(1, "How many must be there, as number or percentage.")] = None
    selector: Annotated[LabelSelector | None, Field(2, "Selects the pods.", atomic=True)] = None
    max_unavailable: Annotated[IntOrString | None, Field(3, "How many may be away, as number or percentage; not together with minAvailable.")] = None
    unhealthy_pod_eviction_policy: Annotated[str | None, Field(4, "Whether pods that are not ready may be evicted: IfHealthyBudget (the default) or AlwaysAllow.", enum=("IfHealthyBudget", "AlwaysAllow"))] = None


class PodDisruptionBudgetStatus(Struct):
    """How many pods may be away now."""

    observed_generation: Annotated[Int64, Field(1, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = 0
    disrupted_pods: Annotated[dict[str, Time], Field(2, "Pods whose eviction was allowed and that are not gone yet.")] = MAP
    disruptions_allowed: Annotated[Int32, Field(3, "How many evictions are allowed now.")] = ALWAYS_INT
    current_healthy: Annotated[Int32, Field(4, "How many pods are ready.")] = ALWAYS_INT
    desired_healthy: Annotated[Int32, Field(5, "How many must be ready.")] = ALWAYS_INT
    expected_pods: Annotated[Int32, Field(6, "How many pods there should be.")] = ALWAYS_INT
    conditions: Annotated[tuple[Condition, ...], Field(7, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()


class PodDisruptionBudget(Object):
    """Limits how many pods of a set are taken away on purpose at once."""

    names: ClassVar[Names] = Names("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True, short=("pdb",))
    kind: str = msgspec.field(default_factory=lambda: "PodDisruptionBudget")
    api_version: str = msgspec.field(default_factory=lambda: "policy/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PodDisruptionBudgetSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=PodDisruptionBudgetSpec)
    status: Annotated[PodDisruptionBudgetStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=PodDisruptionBudgetStatus)


class Eviction(Object):
    """Asks a pod to leave, if its budget allows."""

    names: ClassVar[Names] = Names("policy", "v1", "Eviction", "evictions", True)
    kind: str = msgspec.field(default_factory=lambda: "Eviction")
    api_version: str = msgspec.field(default_factory=lambda: "policy/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    delete_options: Annotated[DeleteOptions | None, Field(2, "How it is to be deleted.")] = None
