"""Declaration: Pod, PodTemplate and Binding, core/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import (
    ALWAYS_INT,
    ALWAYS_LIST,
    ALWAYS_MAP,
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
from pikube.api.kinds.core_container import (
    AppArmorProfile,
    Container,
    ContainerStatus,
    EphemeralContainer,
    ResourceRequirements,
    SeccompProfile,
    SELinuxOptions,
    WindowsSecurityContextOptions,
)
from pikube.api.kinds.core_references import (
    LocalObjectReference,
    NodeSelector,
    NodeSelectorTerm,
    ObjectReference,
    Toleration,
)
from pikube.api.kinds.core_volume import Volume
from pikube.api.kinds.meta import LabelSelector, Object, ObjectMeta


class PodCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    observed_generation: Annotated[Int64, Field(7)] = 0
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    last_probe_time: Annotated[Time, Field(3)] = ""
    last_transition_time: Annotated[Time, Field(4)] = ""
    reason: Annotated[str, Field(5)] = ""
    message: Annotated[str, Field(6)] = ""


class Affinity(Struct):
    node_affinity: Annotated[NodeAffinity | None, Field(1)] = None
    pod_affinity: Annotated[PodAffinity | None, Field(2)] = None
    pod_anti_affinity: Annotated[PodAntiAffinity | None, Field(3)] = None


class PodAffinity(Struct):
    required_during_scheduling_ignored_during_execution: Annotated[tuple[PodAffinityTerm, ...], Field(1)] = ()
    preferred_during_scheduling_ignored_during_execution: Annotated[tuple[WeightedPodAffinityTerm, ...], Field(2)] = ()


class PodAntiAffinity(Struct):
    required_during_scheduling_ignored_during_execution: Annotated[tuple[PodAffinityTerm, ...], Field(1)] = ()
    preferred_during_scheduling_ignored_during_execution: Annotated[tuple[WeightedPodAffinityTerm, ...], Field(2)] = ()


class PodAffinityTerm(Struct):
    label_selector: Annotated[LabelSelector | None, Field(1, atomic=True)] = None
    namespaces: Annotated[tuple[str, ...], Field(2)] = ()
    topology_key: Annotated[str, Field(3, required=True)] = ALWAYS_STR
    namespace_selector: Annotated[LabelSelector | None, Field(4, atomic=True)] = None
    match_label_keys: Annotated[tuple[str, ...], Field(5)] = ()
    mismatch_label_keys: Annotated[tuple[str, ...], Field(6)] = ()


class WeightedPodAffinityTerm(Struct):
    weight: Annotated[Int32, Field(1, required=True)] = ALWAYS_INT
    pod_affinity_term: Annotated[PodAffinityTerm, Field(2, required=True)] = msgspec.field(default_factory=PodAffinityTerm)


class NodeAffinity(Struct):
    required_during_scheduling_ignored_during_execution: Annotated[NodeSelector | None, Field(1, atomic=True)] = None
    preferred_during_scheduling_ignored_during_execution: Annotated[tuple[PreferredSchedulingTerm, ...], Field(2)] = ()


class PreferredSchedulingTerm(Struct):
    weight: Annotated[Int32, Field(1, required=True)] = ALWAYS_INT
    preference: Annotated[NodeSelectorTerm, Field(2, required=True, atomic=True)] = msgspec.field(default_factory=NodeSelectorTerm)


class PodReadinessGate(Struct):
    condition_type: Annotated[str, Field(1, required=True)] = ALWAYS_STR


class PodSpec(Struct):
    volumes: Annotated[tuple[Volume, ...], Field(1, merge_key="name", retain_keys=True, list_type="map", list_keys=("name",))] = ()
    init_containers: Annotated[tuple[Container, ...], Field(20, merge_key="name", list_type="map", list_keys=("name",))] = ()
    containers: Annotated[tuple[Container, ...], Field(2, required=True, merge_key="name", list_type="map", list_keys=("name",))] = ALWAYS_LIST
    ephemeral_containers: Annotated[tuple[EphemeralContainer, ...], Field(34, merge_key="name", list_type="map", list_keys=("name",))] = ()
    restart_policy: Annotated[str, Field(3, enum=("Always", "OnFailure", "Never"))] = ""
    termination_grace_period_seconds: Annotated[Int64 | None, Field(4)] = None
    active_deadline_seconds: Annotated[Int64 | None, Field(5)] = None
    dns_policy: Annotated[str, Field(6, enum=("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"))] = ""
    node_selector: Annotated[dict[str, str], Field(7, atomic=True)] = MAP
    service_account_name: Annotated[str, Field(8)] = ""
    service_account: Annotated[str, Field(9)] = ""
    automount_service_account_token: Annotated[bool | None, Field(21)] = None
    node_name: Annotated[str, Field(10)] = ""
    host_network: Annotated[bool, Field(11)] = False
    host_pid: Annotated[bool, Field(12)] = msgspec.field(name="hostPID", default=False)
    host_ipc: Annotated[bool, Field(13)] = msgspec.field(name="hostIPC", default=False)
    share_process_namespace: Annotated[bool | None, Field(27)] = None
    security_context: Annotated[PodSecurityContext | None, Field(14)] = None
    image_pull_secrets: Annotated[tuple[LocalObjectReference, ...], Field(15, merge_key="name", list_type="map", list_keys=("name",))] = ()
    hostname: Annotated[str, Field(16)] = ""
    subdomain: Annotated[str, Field(17)] = ""
    affinity: Annotated[Affinity | None, Field(18)] = None
    scheduler_name: Annotated[str, Field(19)] = ""
    tolerations: Annotated[tuple[Toleration, ...], Field(22)] = ()
    host_aliases: Annotated[tuple[HostAlias, ...], Field(23, merge_key="ip", list_type="map", list_keys=("ip",))] = ()
    priority_class_name: Annotated[str, Field(24)] = ""
    priority: Annotated[Int32 | None, Field(25)] = None
    dns_config: Annotated[PodDNSConfig | None, Field(26)] = None
    readiness_gates: Annotated[tuple[PodReadinessGate, ...], Field(28)] = ()
    runtime_class_name: Annotated[str | None, Field(29)] = None
    enable_service_links: Annotated[bool | None, Field(30)] = None
    preemption_policy: Annotated[str | None, Field(31, enum=("PreemptLowerPriority", "Never"))] = None
    overhead: Annotated[dict[str, Quantity], Field(32)] = MAP
    topology_spread_constraints: Annotated[tuple[TopologySpreadConstraint, ...], Field(33, merge_key="topologyKey", list_type="map", list_keys=("topologyKey", "whenUnsatisfiable"))] = ()
    set_hostname_as_fqdn: Annotated[bool | None, Field(35)] = msgspec.field(name="setHostnameAsFQDN", default=None)
    os: Annotated[PodOS | None, Field(36)] = None
    host_users: Annotated[bool | None, Field(37)] = None
    scheduling_gates: Annotated[tuple[PodSchedulingGate, ...], Field(38, merge_key="name", list_type="map", list_keys=("name",))] = ()
    resource_claims: Annotated[tuple[PodResourceClaim, ...], Field(39, merge_key="name", retain_keys=True, list_type="map", list_keys=("name",))] = ()
    resources: Annotated[ResourceRequirements | None, Field(40)] = None
    hostname_override: Annotated[str | None, Field(41)] = None
    scheduling_group: Annotated[PodSchedulingGroup | None, Field(43)] = None


class PodResourceClaim(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    resource_claim_name: Annotated[str | None, Field(3)] = None
    resource_claim_template_name: Annotated[str | None, Field(4)] = None


class PodResourceClaimStatus(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    resource_claim_name: Annotated[str | None, Field(2)] = None


class PodExtendedResourceClaimStatus(Struct):
    request_mappings: Annotated[tuple[ContainerExtendedResourceRequest, ...], Field(1, required=True)] = ALWAYS_LIST
    resource_claim_name: Annotated[str, Field(2, required=True)] = ALWAYS_STR


class ContainerExtendedResourceRequest(Struct):
    container_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    resource_name: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    request_name: Annotated[str, Field(3, required=True)] = ALWAYS_STR


class PodOS(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR


class PodSchedulingGate(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR


class PodSchedulingGroup(Struct):
    pod_group_name: Annotated[str | None, Field(1)] = None


class TopologySpreadConstraint(Struct):
    max_skew: Annotated[Int32, Field(1, required=True)] = ALWAYS_INT
    topology_key: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    when_unsatisfiable: Annotated[str, Field(3, required=True, enum=("DoNotSchedule", "ScheduleAnyway"))] = ALWAYS_STR
    label_selector: Annotated[LabelSelector | None, Field(4, atomic=True)] = None
    min_domains: Annotated[Int32 | None, Field(5)] = None
    node_affinity_policy: Annotated[str | None, Field(6, enum=("Ignore", "Honor"))] = None
    node_taints_policy: Annotated[str | None, Field(7, enum=("Ignore", "Honor"))] = None
    match_label_keys: Annotated[tuple[str, ...], Field(8)] = ()


class HostAlias(Struct):
    ip: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    hostnames: Annotated[tuple[str, ...], Field(2)] = ()


class PodSecurityContext(Struct):
    se_linux_options: Annotated[SELinuxOptions | None, Field(1)] = None
    windows_options: Annotated[WindowsSecurityContextOptions | None, Field(8)] = None
    run_as_user: Annotated[Int64 | None, Field(2)] = None
    run_as_group: Annotated[Int64 | None, Field(6)] = None
    run_as_non_root: Annotated[bool | None, Field(3)] = None
    supplemental_groups: Annotated[tuple[Int64, ...], Field(4)] = ()
    supplemental_groups_policy: Annotated[str | None, Field(12, enum=("Merge", "Strict"))] = None
    fs_group: Annotated[Int64 | None, Field(5)] = None
    sysctls: Annotated[tuple[Sysctl, ...], Field(7)] = ()
    fs_group_change_policy: Annotated[str | None, Field(9, enum=("OnRootMismatch", "Always"))] = None
    seccomp_profile: Annotated[SeccompProfile | None, Field(10)] = None
    app_armor_profile: Annotated[AppArmorProfile | None, Field(11)] = None
    se_linux_change_policy: Annotated[str | None, Field(13)] = None


class PodDNSConfig(Struct):
    nameservers: Annotated[tuple[str, ...], Field(1)] = ()
    searches: Annotated[tuple[str, ...], Field(2)] = ()
    options: Annotated[tuple[PodDNSConfigOption, ...], Field(3)] = ()


class PodDNSConfigOption(Struct):
    name: Annotated[str, Field(1)] = ""
    value: Annotated[str | None, Field(2)] = None


class PodIP(Struct):
    ip: Annotated[str, Field(1, required=True)] = ALWAYS_STR


class HostIP(Struct):
    ip: Annotated[str, Field(1, required=True)] = ALWAYS_STR


class PodStatus(Struct):
    observed_generation: Annotated[Int64, Field(17)] = 0
    phase: Annotated[str, Field(1, enum=("Pending", "Running", "Succeeded", "Failed", "Unknown"))] = ""
    conditions: Annotated[tuple[PodCondition, ...], Field(2, merge_key="type", list_type="map", list_keys=("type",))] = ()
    message: Annotated[str, Field(3)] = ""
    reason: Annotated[str, Field(4)] = ""
    nominated_node_name: Annotated[str, Field(11)] = ""
    host_ip: Annotated[str, Field(5)] = msgspec.field(name="hostIP", default="")
    host_ips: Annotated[tuple[HostIP, ...], Field(16, merge_key="ip")] = msgspec.field(name="hostIPs", default=())
    pod_ip: Annotated[str, Field(6)] = msgspec.field(name="podIP", default="")
    pod_ips: Annotated[tuple[PodIP, ...], Field(12, merge_key="ip", list_type="map", list_keys=("ip",))] = msgspec.field(name="podIPs", default=())
    start_time: Annotated[Time, Field(7)] = ""
    init_container_statuses: Annotated[tuple[ContainerStatus, ...], Field(10)] = ()
    container_statuses: Annotated[tuple[ContainerStatus, ...], Field(8)] = ()
    qos_class: Annotated[str, Field(9, enum=("Guaranteed", "Burstable", "BestEffort"))] = ""
    ephemeral_container_statuses: Annotated[tuple[ContainerStatus, ...], Field(13)] = ()
    resize: Annotated[str, Field(14)] = ""
    resource_claim_statuses: Annotated[tuple[PodResourceClaimStatus, ...], Field(15, merge_key="name", retain_keys=True, list_type="map", list_keys=("name",))] = ()
    extended_resource_claim_status: Annotated[PodExtendedResourceClaimStatus | None, Field(18)] = None
    allocated_resources: Annotated[dict[str, Quantity], Field(19)] = MAP
    resources: Annotated[ResourceRequirements | None, Field(20)] = None
    node_allocatable_resource_claim_statuses: Annotated[tuple[NodeAllocatableResourceClaimStatus, ...], Field(21)] = ()


class PodStatusResult(Struct):
    kind: str = msgspec.field(default_factory=lambda: "PodStatusResult")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    status: Annotated[PodStatus, Field(2)] = msgspec.field(default_factory=PodStatus)


class Pod(Object):
    names: ClassVar[Names] = Names("", "v1", "Pod", "pods", True, short=("po",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "Pod")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PodSpec, Field(2)] = msgspec.field(default_factory=PodSpec)
    status: Annotated[PodStatus, Field(3)] = msgspec.field(default_factory=PodStatus)


class PodTemplateSpec(Struct):
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PodSpec, Field(2)] = msgspec.field(default_factory=PodSpec)


class PodTemplate(Object):
    names: ClassVar[Names] = Names("", "v1", "PodTemplate", "podtemplates", True)
    kind: str = msgspec.field(default_factory=lambda: "PodTemplate")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    template: Annotated[PodTemplateSpec, Field(2)] = msgspec.field(default_factory=PodTemplateSpec)


class Binding(Object):
    names: ClassVar[Names] = Names("", "v1", "Binding", "bindings", True)
    kind: str = msgspec.field(default_factory=lambda: "Binding")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    target: Annotated[ObjectReference, Field(2, required=True, atomic=True)] = msgspec.field(default_factory=ObjectReference)


class Sysctl(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    value: Annotated[str, Field(2, required=True)] = ALWAYS_STR


class NodeAllocatableResourceClaimStatus(Struct):
    resource_claim_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    containers: Annotated[tuple[str, ...], Field(2, list_type="set")] = ()
    resources: Annotated[dict[str, Quantity], Field(3, required=True)] = ALWAYS_MAP
