"""Declaration: Node, core/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import (
    ALWAYS_LIST,
    ALWAYS_STR,
    MAP,
    Field,
    Int32,
    Int64,
    Names,
    Quantity,
    Struct,
    Time,
)
from pikube.api.kinds.meta import Object, ObjectMeta


class Taint(Struct):
    key: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    value: Annotated[str, Field(2)] = ""
    effect: Annotated[str, Field(3, required=True, enum=("NoSchedule", "PreferNoSchedule", "NoExecute"))] = ALWAYS_STR
    time_added: Annotated[Time, Field(4)] = ""


class NodeSpec(Struct):
    pod_cidr: Annotated[str, Field(1)] = msgspec.field(name="podCIDR", default="")
    pod_cidrs: Annotated[tuple[str, ...], Field(7, merge=True, list_type="set")] = msgspec.field(name="podCIDRs", default=())
    provider_id: Annotated[str, Field(3)] = msgspec.field(name="providerID", default="")
    unschedulable: Annotated[bool, Field(4)] = False
    taints: Annotated[tuple[Taint, ...], Field(5)] = ()
    config_source: Annotated[NodeConfigSource | None, Field(6)] = None
    external_id: Annotated[str, Field(2)] = msgspec.field(name="externalID", default="")


class NodeConfigSource(Struct):
    config_map: Annotated[ConfigMapNodeConfigSource | None, Field(2)] = None


class ConfigMapNodeConfigSource(Struct):
    namespace: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    name: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    uid: Annotated[str, Field(3)] = ""
    resource_version: Annotated[str, Field(4)] = ""
    kubelet_config_key: Annotated[str, Field(5, required=True)] = ALWAYS_STR


class DaemonEndpoint(Struct):
    port: Annotated[Int32, Field(1, required=True)] = msgspec.field(name="Port", default_factory=int)


class NodeDaemonEndpoints(Struct):
    kubelet_endpoint: Annotated[DaemonEndpoint, Field(1)] = msgspec.field(default_factory=DaemonEndpoint)


class NodeRuntimeHandlerFeatures(Struct):
    recursive_read_only_mounts: Annotated[bool | None, Field(1)] = None
    user_namespaces: Annotated[bool | None, Field(2)] = None


class NodeRuntimeHandler(Struct):
    name: Annotated[str, Field(1)] = ALWAYS_STR
    features: Annotated[NodeRuntimeHandlerFeatures | None, Field(2)] = None


class NodeFeatures(Struct):
    supplemental_groups_policy: Annotated[bool | None, Field(1)] = None


class NodeSystemInfo(Struct):
    machine_id: Annotated[str, Field(1, required=True)] = msgspec.field(name="machineID", default_factory=str)
    system_uuid: Annotated[str, Field(2, required=True)] = msgspec.field(name="systemUUID", default_factory=str)
    boot_id: Annotated[str, Field(3, required=True)] = msgspec.field(name="bootID", default_factory=str)
    kernel_version: Annotated[str, Field(4, required=True)] = ALWAYS_STR
    os_image: Annotated[str, Field(5, required=True)] = ALWAYS_STR
    container_runtime_version: Annotated[str, Field(6, required=True)] = ALWAYS_STR
    kubelet_version: Annotated[str, Field(7, required=True)] = ALWAYS_STR
    kube_proxy_version: Annotated[str, Field(8, required=True)] = ALWAYS_STR
    operating_system: Annotated[str, Field(9, required=True)] = ALWAYS_STR
    architecture: Annotated[str, Field(10, required=True)] = ALWAYS_STR
    swap: Annotated[NodeSwapStatus | None, Field(11)] = None


class NodeSwapStatus(Struct):
    capacity: Annotated[Int64 | None, Field(1)] = None


class NodeConfigStatus(Struct):
    assigned: Annotated[NodeConfigSource | None, Field(1)] = None
    active: Annotated[NodeConfigSource | None, Field(2)] = None
    last_known_good: Annotated[NodeConfigSource | None, Field(3)] = None
    error: Annotated[str, Field(4)] = ""


class NodeStatus(Struct):
    capacity: Annotated[dict[str, Quantity], Field(1)] = MAP
    allocatable: Annotated[dict[str, Quantity], Field(2)] = MAP
    phase: Annotated[str, Field(3, enum=("Pending", "Running", "Terminated"))] = ""
    conditions: Annotated[tuple[NodeCondition, ...], Field(4, merge_key="type", list_type="map", list_keys=("type",))] = ()
    addresses: Annotated[tuple[NodeAddress, ...], Field(5, merge_key="type", list_type="map", list_keys=("type",))] = ()
    daemon_endpoints: Annotated[NodeDaemonEndpoints, Field(6)] = msgspec.field(default_factory=NodeDaemonEndpoints)
    node_info: Annotated[NodeSystemInfo, Field(7)] = msgspec.field(default_factory=NodeSystemInfo)
    images: Annotated[tuple[ContainerImage, ...], Field(8)] = ()
    volumes_in_use: Annotated[tuple[str, ...], Field(9)] = ()
    volumes_attached: Annotated[tuple[AttachedVolume, ...], Field(10)] = ()
    config: Annotated[NodeConfigStatus | None, Field(11)] = None
    runtime_handlers: Annotated[tuple[NodeRuntimeHandler, ...], Field(12)] = ()
    features: Annotated[NodeFeatures | None, Field(13)] = None
    declared_features: Annotated[tuple[str, ...], Field(14)] = ()


class AttachedVolume(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    device_path: Annotated[str, Field(2, required=True)] = ALWAYS_STR


class ContainerImage(Struct):
    names: Annotated[tuple[str, ...], Field(1)] = ALWAYS_LIST
    size_bytes: Annotated[Int64, Field(2)] = 0


class NodeCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    last_heartbeat_time: Annotated[Time, Field(3)] = ""
    last_transition_time: Annotated[Time, Field(4)] = ""
    reason: Annotated[str, Field(5)] = ""
    message: Annotated[str, Field(6)] = ""


class NodeAddress(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    address: Annotated[str, Field(2, required=True)] = ALWAYS_STR


class Node(Object):
    names: ClassVar[Names] = Names("", "v1", "Node", "nodes", False, short=("no",))
    kind: str = msgspec.field(default_factory=lambda: "Node")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[NodeSpec, Field(2)] = msgspec.field(default_factory=NodeSpec)
    status: Annotated[NodeStatus, Field(3)] = msgspec.field(default_factory=NodeStatus)
