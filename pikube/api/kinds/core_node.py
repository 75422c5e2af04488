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
    """Keeps pods off a node unless they tolerate it."""

    key: Annotated[str, Field(1, "The taint's key.", required=True)] = ALWAYS_STR
    value: Annotated[str, Field(2, "The taint's value.")] = ""
    effect: Annotated[str, Field(3, "NoSchedule, PreferNoSchedule or NoExecute; the last also evicts pods that run already.", required=True, enum=("NoSchedule", "PreferNoSchedule", "NoExecute"))] = ALWAYS_STR
    time_added: Annotated[Time, Field(4, "When the taint was added.")] = ""


class NodeSpec(Struct):
    """What a node is to be."""

    pod_cidr: Annotated[str, Field(1, "The range of addresses for the node's pods.")] = msgspec.field(name="podCIDR", default="")
    pod_cidrs: Annotated[tuple[str, ...], Field(7, "The ranges of addresses for the node's pods, at most one of each family.", merge=True, list_type="set")] = msgspec.field(name="podCIDRs", default=())
    provider_id: Annotated[str, Field(3, "The machine's name at its provider.")] = msgspec.field(name="providerID", default="")
    unschedulable: Annotated[bool, Field(4, "Take no new pods: what kubectl cordon sets.")] = False
    taints: Annotated[tuple[Taint, ...], Field(5, "Taints that keep pods away.")] = ()
    config_source: Annotated[NodeConfigSource | None, Field(6, "No longer used.")] = None
    external_id: Annotated[str, Field(2, "No longer used.")] = msgspec.field(name="externalID", default="")


class NodeConfigSource(Struct):
    """No longer used."""

    config_map: Annotated[ConfigMapNodeConfigSource | None, Field(2, "No longer used.")] = None


class ConfigMapNodeConfigSource(Struct):
    """No longer used."""

    namespace: Annotated[str, Field(1, "No longer used.", required=True)] = ALWAYS_STR
    name: Annotated[str, Field(2, "No longer used.", required=True)] = ALWAYS_STR
    uid: Annotated[str, Field(3, "No longer used.")] = ""
    resource_version: Annotated[str, Field(4, "No longer used.")] = ""
    kubelet_config_key: Annotated[str, Field(5, "No longer used.", required=True)] = ALWAYS_STR


class DaemonEndpoint(Struct):
    """The port of a program on the node."""

    port: Annotated[Int32, Field(1, "The port's number.", required=True)] = msgspec.field(name="Port", default_factory=int)


class NodeDaemonEndpoints(Struct):
    """Ports of programs on the node."""

    kubelet_endpoint: Annotated[DaemonEndpoint, Field(1, "Where logs, exec and metrics are answered.")] = msgspec.field(default_factory=DaemonEndpoint)


class NodeRuntimeHandlerFeatures(Struct):
    """What a runtime can do."""

    recursive_read_only_mounts: Annotated[bool | None, Field(1, "Whether it can make mounts read-only with all below them.")] = None
    user_namespaces: Annotated[bool | None, Field(2, "Whether it can use user namespaces.")] = None


class NodeRuntimeHandler(Struct):
    """A runtime of the node."""

    name: Annotated[str, Field(1, "Its name; empty for the default one.")] = ALWAYS_STR
    features: Annotated[NodeRuntimeHandlerFeatures | None, Field(2, "What it can do.")] = None


class NodeFeatures(Struct):
    """What the node can do."""

    supplemental_groups_policy: Annotated[bool | None, Field(1, "Whether it knows supplementalGroupsPolicy.")] = None


class NodeSystemInfo(Struct):
    """Facts about the machine and its software."""

    machine_id: Annotated[str, Field(1, "The id in /etc/machine-id.", required=True)] = msgspec.field(name="machineID", default_factory=str)
    system_uuid: Annotated[str, Field(2, "The id of the hardware.", required=True)] = msgspec.field(name="systemUUID", default_factory=str)
    boot_id: Annotated[str, Field(3, "The id of the current boot.", required=True)] = msgspec.field(name="bootID", default_factory=str)
    kernel_version: Annotated[str, Field(4, "The kernel's version.", required=True)] = ALWAYS_STR
    os_image: Annotated[str, Field(5, "The operating system's name.", required=True)] = ALWAYS_STR
    container_runtime_version: Annotated[str, Field(6, "The runtime and its version, for example podman://5.4.2.", required=True)] = ALWAYS_STR
    kubelet_version: Annotated[str, Field(7, "The version of the program that runs pods.", required=True)] = ALWAYS_STR
    kube_proxy_version: Annotated[str, Field(8, "No longer used.", required=True)] = ALWAYS_STR
    operating_system: Annotated[str, Field(9, "linux.", required=True)] = ALWAYS_STR
    architecture: Annotated[str, Field(10, "For example arm64 or amd64.", required=True)] = ALWAYS_STR
    swap: Annotated[NodeSwapStatus | None, Field(11, "The swap space.")] = None


class NodeSwapStatus(Struct):
    """The swap space of a node."""

    capacity: Annotated[Int64 | None, Field(1, "Its size in bytes.")] = None


class NodeConfigStatus(Struct):
    """No longer used."""

    assigned: Annotated[NodeConfigSource | None, Field(1, "No longer used.")] = None
    active: Annotated[NodeConfigSource | None, Field(2, "No longer used.")] = None
    last_known_good: Annotated[NodeConfigSource | None, Field(3, "No longer used.")] = None
    error: Annotated[str, Field(4, "No longer used.")] = ""


class NodeStatus(Struct):
    """What is known of a node."""

    capacity: Annotated[dict[str, Quantity], Field(1, "All that the machine has.")] = MAP
    allocatable: Annotated[dict[str, Quantity], Field(2, "What is left for pods.")] = MAP
    phase: Annotated[str, Field(3, "No longer used.", enum=("Pending", "Running", "Terminated"))] = ""
    conditions: Annotated[tuple[NodeCondition, ...], Field(4, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()
    addresses: Annotated[tuple[NodeAddress, ...], Field(5, "The addresses and names of the machine.", merge_key="type", list_type="map", list_keys=("type",))] = ()
    daemon_endpoints: Annotated[NodeDaemonEndpoints, Field(6, "Ports of programs on the node.")] = msgspec.field(default_factory=NodeDaemonEndpoints)
    node_info: Annotated[NodeSystemInfo, Field(7, "Facts about the machine and its software.")] = msgspec.field(default_factory=NodeSystemInfo)
    images: Annotated[tuple[ContainerImage, ...], Field(8, "Images that are on the node.")] = ()
    volumes_in_use: Annotated[tuple[str, ...], Field(9, "Attached volumes that are mounted.")] = ()
    volumes_attached: Annotated[tuple[AttachedVolume, ...], Field(10, "Volumes attached to the node.")] = ()
    config: Annotated[NodeConfigStatus | None, Field(11, "No longer used.")] = None
    runtime_handlers: Annotated[tuple[NodeRuntimeHandler, ...], Field(12, "The runtimes of the node.")] = ()
    features: Annotated[NodeFeatures | None, Field(13, "What the node can do.")] = None
    declared_features: Annotated[tuple[str, ...], Field(14, "Features that the node says it has.")] = ()


class AttachedVolume(Struct):
    """A volume attached to a node."""

    name: Annotated[str, Field(1, "The volume's name.", required=True)] = ALWAYS_STR
    device_path: Annotated[str, Field(2, "The device.", required=True)] = ALWAYS_STR


class ContainerImage(Struct):
    """An image on a node."""

    names: Annotated[tuple[str, ...], Field(1, "Its names.")] = ALWAYS_LIST
    size_bytes: Annotated[Int64, Field(2, "Its size.")] = 0


class NodeCondition(Struct):
    """One thing that is known of a node's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_heartbeat_time: Annotated[Time, Field(3, "When the condition was last reported.")] = ""
    last_transition_time: Annotated[Time, Field(4, "When the status last changed from one value to another.")] = ""
    reason: Annotated[str, Field(5, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(6, "A sentence that says why, for people.")] = ""


class NodeAddress(Struct):
    """An address of a node."""

    type: Annotated[str, Field(1, "Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS.", required=True)] = ALWAYS_STR
    address: Annotated[str, Field(2, "The address or name.", required=True)] = ALWAYS_STR


class Node(Object):
    """A machine of the cluster."""

    names: ClassVar[Names] = Names("", "v1", "Node", "nodes", False, short=("no",))
    kind: str = msgspec.field(default_factory=lambda: "Node")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[NodeSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=NodeSpec)
    status: Annotated[NodeStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=NodeStatus)
