"""Pure: the Node object of a board, from its facts.

Enter: BoardFacts, settings, what the runtime said. Leave: labels, capacity, conditions, addresses. Source:
kubernetes pkg/kubelet/nodestatus/setters.go.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from pikube import __version__
from pikube.agent.facts import BoardFacts
from pikube.agent.pressure.signals import DISK, MEMORY, parse_thresholds
from pikube.agent.runtime.contract import RuntimeInfo
from pikube.api.kinds.base import Quantity
from pikube.api.kinds.core_node import (
    ContainerImage,
    Node,
    NodeAddress,
    NodeCondition,
    NodeDaemonEndpoints,
    NodeFeatures,
    NodeRuntimeHandler,
    NodeRuntimeHandlerFeatures,
    NodeStatus,
    NodeSystemInfo,
    Taint,
)
from pikube.api.kinds.core_node import DaemonEndpoint as Endpoint
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.quantity import parse
from pikube.api.times import render_time
from pikube.config import Settings

KUBELET_VERSION = f"v1.36.0+pikube{__version__}"
NANO = 10**9
LAYERED = "overlay"  # the driver whose layers we can read: groups of an image's users are found there
INCOMPLETE = "PodNetworkIncomplete"  # ours; NetworkUnavailable would keep pods away from boards that work
UNHEALTHY = "ContainerRuntimeUnhealthy"
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def node_labels(facts: BoardFacts, settings: Settings, *, is_leader: bool) -> dict[str, str]:
    """The well-known labels, the board's model, and the user's own."""
    labels = {
        "beta.kubernetes.io/arch": facts.architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": facts.architecture,
        "kubernetes.io/hostname": settings.node_name,
        "kubernetes.io/os": "linux",
    }
    if facts.model:
        labels["pikube.io/board"] = label_text(facts.model)
    if is_leader:
        labels[CONTROL_PLANE] = ""
    for given in settings.node_label:
        key, _, value = given.partition("=")
        labels[key] = value
    return labels


def label_text(text: str) -> str:
    """A text as a label value: `Raspberry Pi 4 Model B Rev 1.4` → `raspberry-pi-4-model-b-rev-1.4`."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:63].rstrip("-.")


def node_taints(settings: Settings) -> tuple[Taint, ...]:
    """--node-taint key=value:effect."""
    taints = []
    for given in settings.node_taint:
        rest, _, effect = given.rpartition(":")
        key, _, value = rest.partition("=")
        taints.append(Taint(key=key, value=value, effect=effect))
    return tuple(taints)


def new_node(facts: BoardFacts, settings: Settings, *, is_leader: bool) -> Node:
    """The Node as it is registered."""
    node = Node(
        metadata=ObjectMeta(name=settings.node_name, labels=node_labels(facts, settings, is_leader=is_leader))
    )
    node.spec.taints = node_taints(settings)
    return node


def node_status(
    facts: BoardFacts,
    runtime: RuntimeInfo,
    settings: Settings,
    address: str,
    old: NodeStatus,
    now: float,
    *,
    not_ready_because: str = "",
    pressures: AbstractSet[str] = frozenset(),
    images: tuple[ContainerImage, ...] = (),
    unreached: str = "",
    trouble: str = "",
    handlers: AbstractSet[str] = frozenset(),
) -> NodeStatus:
    """The whole status; transition times move only when a condition does. Allocatable is what is left after the
    system's reserve and what evictions keep free (kubelet cm/node_container_manager.go), and all of the resources
    that somebody else says are there (kubelet nodestatus/setters.go:MachineInfo). `unreached`: boards that cannot
    be; `trouble`: of the container runtime, which may heal by itself; `handlers`: OCI runtimes that are there beside
    Podman's own choice."""
    kib = 1024
    capacity: dict[str, Quantity] = {
        "cpu": str(facts.cpus),
        "memory": f"{facts.memory_bytes // kib}Ki",
        "pods": str(settings.max_pods),
        "ephemeral-storage": f"{facts.disk_bytes // kib}Ki",
    }
    pairs = (part.strip().partition("=") for part in settings.system_reserved.split(","))
    reserved = {name: parse(amount).nano for name, _, amount in pairs}
    kept = dict(parse_thresholds(settings.eviction_hard).items())
    kept_memory = kept[MEMORY].of(facts.memory_bytes) if MEMORY in kept else 0
    kept_disk = kept[DISK].of(facts.disk_bytes) if DISK in kept else 0
    usable = max(0, facts.memory_bytes - reserved.get("memory", 0) // NANO - kept_memory)
    disk = max(0, facts.disk_bytes - reserved.get("ephemeral-storage", 0) // NANO - kept_disk)
    allocatable: dict[str, Quantity] = {
        **capacity,
        "cpu": f"{max(0, facts.cpus * 1000 - reserved.get('cpu', 0) // (NANO // 1000))}m",
        "memory": f"{usable // kib}Ki",
        "ephemeral-storage": str(disk),
    }
    if not reserved.get("cpu"):
        allocatable["cpu"] = str(facts.cpus)
    others = {name: amount for name, amount in old.capacity.items() if name not in capacity}
    return NodeStatus(
        capacity={**capacity, **others},
        allocatable={**allocatable, **others},
        conditions=node_conditions(pressures, old.conditions, now, not_ready_because, unreached, trouble),
        addresses=(
            NodeAddress(type="InternalIP", address=address),
            NodeAddress(type="Hostname", address=settings.node_name),
        ),
        daemon_endpoints=NodeDaemonEndpoints(kubelet_endpoint=Endpoint(port=settings.kubelet_port)),
        node_info=NodeSystemInfo(
            machine_id=facts.machine_id,
            system_uuid=facts.machine_id,
            boot_id=facts.boot_id,
            kernel_version=facts.kernel,
            os_image=runtime.os_image,
            container_runtime_version=f"podman://{runtime.version}",
            kubelet_version=KUBELET_VERSION,
            operating_system="linux",
            architecture=facts.architecture,
        ),
        images=images,
        features=NodeFeatures(supplemental_groups_policy=runtime.storage_driver == LAYERED),
        runtime_handlers=tuple(
            NodeRuntimeHandler(
                name=name,
                features=NodeRuntimeHandlerFeatures(recursive_read_only_mounts=False, user_namespaces=False),
            )
            for name in ("", *sorted(handlers))
        ),
    )


def has_other_resources(status: NodeStatus) -> bool:
    """Whether somebody has said, or taken back, how much there is of a resource of his: allocatable must follow."""
    return status.capacity.keys() != status.allocatable.keys() or any(
        status.allocatable[name] != amount for name, amount in status.capacity.items() if "/" in name
    )


def node_conditions(
    pressures: AbstractSet[str],
    before: tuple[NodeCondition, ...],
    now: float,
    not_ready_because: str,
    unreached: str = "",
    trouble: str = "",
) -> tuple[NodeCondition, ...]:
    """MemoryPressure, DiskPressure, PIDPressure, Ready; PodNetworkIncomplete and ContainerRuntimeUnhealthy (a name of
    node-problem-detector's) where they ever were."""
    memory = ("KubeletHasSufficientMemory", "kubelet has sufficient memory available")
    no_memory = ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available")
    disk = ("KubeletHasNoDiskPressure", "kubelet has no disk pressure")
    no_disk = ("KubeletHasDiskPressure", "kubelet has disk pressure")
    pids = ("KubeletHasSufficientPID", "kubelet has sufficient PID available")
    no_pids = ("KubeletHasInsufficientPID", "kubelet has insufficient PID available")
    ready = ("KubeletReady", "kubelet is posting ready status")
    not_ready = ("KubeletNotReady", not_ready_because)
    wanted = [
        _condition("MemoryPressure", "MemoryPressure" in pressures, memory, no_memory),
        _condition("DiskPressure", "DiskPressure" in pressures, disk, no_disk),
        _condition("PIDPressure", "PIDPressure" in pressures, pids, no_pids),
        _condition("Ready", not not_ready_because, not_ready, ready),
    ]
    old = {condition.type: condition for condition in before}
    if unreached or INCOMPLETE in old:
        whole = ("RoutesCreated", "every other node is on one link with this node")
        wanted.insert(0, _condition(INCOMPLETE, bool(unreached), whole, ("NotOnLink", unreached)))
    if trouble or UNHEALTHY in old:
        healthy = ("ContainerRuntimeIsHealthy", "the container runtime answers")
        wanted.insert(0, _condition(UNHEALTHY, bool(trouble), healthy, ("PodmanUnhealthy", trouble)))
    for condition in wanted:
        condition.last_heartbeat_time = render_time(now)
        known = old.get(condition.type)
        is_same = known is not None and known.status == condition.status
        condition.last_transition_time = known.last_transition_time if known and is_same else render_time(now)
    mine = {condition.type for condition in wanted}
    return (*(c for c in before if c.type not in mine), *wanted)


def _condition(
    type_: str, is_true: bool, when_false: tuple[str, str], when_true: tuple[str, str]
) -> NodeCondition:
    reason, message = when_true if is_true else when_false
    return NodeCondition(type=type_, status="True" if is_true else "False", reason=reason, message=message)
