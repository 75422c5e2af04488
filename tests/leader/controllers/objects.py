"""Small objects for tests of controllers."""

from __future__ import annotations

from typing import Any

from pikube.api.kinds.apps import (
    Deployment,
    DeploymentSpec,
    DeploymentStrategy,
    ReplicaSet,
    ReplicaSetSpec,
    RollingUpdateDeployment,
)
from pikube.api.kinds.core_container import Container, ContainerPort, ResourceRequirements
from pikube.api.kinds.core_node import Node, NodeCondition, NodeSpec, NodeStatus
from pikube.api.kinds.core_pod import Pod, PodCondition, PodSpec, PodStatus, PodTemplateSpec
from pikube.api.kinds.meta import LabelSelector, ObjectMeta
from pikube.informer.cache import ObjectKey
from pikube.leader.controllers.custom_scale import CustomScale, Missing, NoScale
from pikube.leader.controllers.ownership import owner_reference

AT = "2023-11-14T22:13:20Z"  # the fake API's start


def meta(name: str, namespace: str = "default", **more: Any) -> ObjectMeta:
    more.setdefault("uid", f"uid-of-{name}")
    more.setdefault("creation_timestamp", AT)
    return ObjectMeta(name=name, namespace=namespace, **more)


def template(image: str = "web:1", **labels: str) -> PodTemplateSpec:
    labels = labels or {"app": "web"}
    container = Container(name="web", image=image, ports=(ContainerPort(name="http", container_port=80),))
    return PodTemplateSpec(metadata=ObjectMeta(labels=labels), spec=PodSpec(containers=(container,)))


def new_deployment(
    name: str = "web",
    replicas: int = 3,
    image: str = "web:1",
    surge: int | str = "25%",
    unavailable: int | str = "25%",
    **spec: Any,
) -> Deployment:
    """As a user sends it."""
    strategy = spec.pop("strategy", None) or DeploymentStrategy(
        type="RollingUpdate",
        rolling_update=RollingUpdateDeployment(max_surge=surge, max_unavailable=unavailable),
    )
    return Deployment(
        metadata=ObjectMeta(name=name, namespace="default"),
        spec=DeploymentSpec(
            replicas=replicas,
            selector=LabelSelector(match_labels={"app": "web"}),
            template=template(image),
            strategy=strategy,
            **spec,
        ),
    )


def replica_set(name: str = "web-1", replicas: int = 3, **spec: Any) -> ReplicaSet:
    """As the API has it."""
    return ReplicaSet(
        metadata=meta(name, generation=1),
        spec=ReplicaSetSpec(
            replicas=replicas,
            selector=LabelSelector(match_labels={"app": "web"}),
            template=template(),
            **spec,
        ),
    )


def pod(
    name: str,
    owner: Any = None,
    *,
    node: str = "board1",
    phase: str = "Running",
    ready: bool = True,
    ready_at: str = AT,
    labels: dict[str, str] | None = None,
    ip: str = "",
    **metadata: Any,
) -> Pod:
    """A pod as the API has it; `ready` says its condition."""
    condition = PodCondition(type="Ready", status=str(ready), last_transition_time=ready_at)
    owners = (owner_reference(owner),) if owner is not None else ()
    return Pod(
        metadata=meta(
            name, labels={"app": "web"} if labels is None else labels, owner_references=owners, **metadata
        ),
        spec=PodSpec(node_name=node, containers=template().spec.containers),
        status=PodStatus(phase=phase, conditions=(condition,), pod_ip=ip),
    )


def node(
    name: str, *, ready: str = "True", cpu: str = "4", memory: str = "4Gi", pods: str = "110", **spec: Any
) -> Node:
    """A board."""
    conditions = (NodeCondition(type="Ready", status=ready, last_heartbeat_time=AT),) if ready else ()
    return Node(
        metadata=ObjectMeta(
            name=name, uid=f"uid-of-{name}", creation_timestamp=AT, labels={"kubernetes.io/hostname": name}
        ),
        spec=NodeSpec(**spec),
        status=NodeStatus(allocatable={"cpu": cpu, "memory": memory, "pods": pods}, conditions=conditions),
    )


class FakeScales:
    """The scales of custom resources: those of Rollouts, by name; Jobs have none, other kinds are not served.
    Implements pikube.leader.controllers.custom_scale.FindScale."""

    def __init__(self, **by_name: CustomScale) -> None:
        self.by_name = by_name

    def __call__(self, group: str, kind: str, key: ObjectKey) -> CustomScale | Missing:
        if kind == "Job":
            return Missing(NoScale.NO_SUBRESOURCE, "jobs.batch")
        if kind != "Rollout":
            return Missing(NoScale.NO_KIND)
        return self.by_name.get(key.name) or Missing(NoScale.NO_OBJECT, f"rollouts.{group}")


def requests(**amounts: str) -> ResourceRequirements:
    return ResourceRequirements(requests=amounts)
