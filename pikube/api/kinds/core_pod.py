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
    """One thing that is known of a pod's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    observed_generation: Annotated[Int64, Field(7, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = 0
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_probe_time: Annotated[Time, Field(3, "When the condition was last checked.")] = ""
    last_transition_time: Annotated[Time, Field(4, "When the status last changed from one value to another.")] = ""
    reason: Annotated[str, Field(5, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(6, "A sentence that says why, for people.")] = ""


class Affinity(Struct):
    """Where a pod likes or must run."""

    node_affinity: Annotated[NodeAffinity | None, Field(1, "By the labels of nodes.")] = None
    pod_affinity: Annotated[PodAffinity | None, Field(2, "Near other pods.")] = None
    pod_anti_affinity: Annotated[PodAntiAffinity | None, Field(3, "Away from other pods.")] = None


class PodAffinity(Struct):
    """Keeps a pod near others."""

    required_during_scheduling_ignored_during_execution: Annotated[tuple[PodAffinityTerm, ...], Field(1, "Must all hold, or the pod is not scheduled.")] = ()
    preferred_during_scheduling_ignored_during_execution: Annotated[tuple[WeightedPodAffinityTerm, ...], Field(2, "Count in favour of a node by their weights.")] = ()


class PodAntiAffinity(Struct):
    """Keeps a pod away from others."""

    required_during_scheduling_ignored_during_execution: Annotated[tuple[PodAffinityTerm, ...], Field(1, "Must all hold, or the pod is not scheduled.")] = ()
    preferred_during_scheduling_ignored_during_execution: Annotated[tuple[WeightedPodAffinityTerm, ...], Field(2, "Count in favour of a node by their weights.")] = ()


class PodAffinityTerm(Struct):
    """Which pods are meant, and what counts as the same place."""

    label_selector: Annotated[LabelSelector | None, Field(1, "Selects the pods by label.", atomic=True)] = None
    namespaces: Annotated[tuple[str, ...], Field(2, "The namespaces of the pods; the pod's own when neither these nor a selector is given.")] = ()
    topology_key: Annotated[str, Field(3, "The node label whose value is the place, for example kubernetes.io/hostname.", required=True)] = ALWAYS_STR
    namespace_selector: Annotated[LabelSelector | None, Field(4, "Selects namespaces by their labels; an empty one selects all.", atomic=True)] = None
    match_label_keys: Annotated[tuple[str, ...], Field(5, "Labels of the pod itself whose values the others must have too.")] = ()
    mismatch_label_keys: Annotated[tuple[str, ...], Field(6, "Labels of the pod itself whose values the others must not have.")] = ()


class WeightedPodAffinityTerm(Struct):
    """A wish with its weight."""

    weight: Annotated[Int32, Field(1, "From 1 to 100.", required=True)] = ALWAYS_INT
    pod_affinity_term: Annotated[PodAffinityTerm, Field(2, "The wish.", required=True)] = msgspec.field(default_factory=PodAffinityTerm)


class NodeAffinity(Struct):
    """Where a pod may run by the labels of nodes."""

    required_during_scheduling_ignored_during_execution: Annotated[NodeSelector | None, Field(1, "Must match, or the pod is not scheduled there.", atomic=True)] = None
    preferred_during_scheduling_ignored_during_execution: Annotated[tuple[PreferredSchedulingTerm, ...], Field(2, "Count in favour of a node by their weights.")] = ()


class PreferredSchedulingTerm(Struct):
    """A wish about nodes with its weight."""

    weight: Annotated[Int32, Field(1, "From 1 to 100.", required=True)] = ALWAYS_INT
    preference: Annotated[NodeSelectorTerm, Field(2, "The nodes that are preferred.", required=True, atomic=True)] = msgspec.field(default_factory=NodeSelectorTerm)


class PodReadinessGate(Struct):
    """A further condition that must be True for the pod to be ready."""

    condition_type: Annotated[str, Field(1, "The condition's type.", required=True)] = ALWAYS_STR


class PodSpec(Struct):
    """What a pod is to be."""

    volumes: Annotated[tuple[Volume, ...], Field(1, "Volumes that its containers can mount.", merge_key="name", retain_keys=True, list_type="map", list_keys=("name",))] = ()
    init_containers: Annotated[tuple[Container, ...], Field(20, "Containers that run before the others, one after the other; each must succeed.", merge_key="name", list_type="map", list_keys=("name",))] = ()
    containers: Annotated[tuple[Container, ...], Field(2, "The containers, at least one. They cannot be added or taken away later.", required=True, merge_key="name", list_type="map", list_keys=("name",))] = ALWAYS_LIST
    ephemeral_containers: Annotated[tuple[EphemeralContainer, ...], Field(34, "Containers added to the running pod to look into it; set through the subresource of that name.", merge_key="name", list_type="map", list_keys=("name",))] = ()
    restart_policy: Annotated[str, Field(3, "Always (the default), OnFailure or Never.", enum=("Always", "OnFailure", "Never"))] = ""
    termination_grace_period_seconds: Annotated[Int64 | None, Field(4, "Seconds between the request to end and the kill. 30 when absent.")] = None
    active_deadline_seconds: Annotated[Int64 | None, Field(5, "Seconds that the pod may run before it is ended as failed.")] = None
    dns_policy: Annotated[str, Field(6, "ClusterFirst (the default), ClusterFirstWithHostNet, Default or None.", enum=("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"))] = ""
    node_selector: Annotated[dict[str, str], Field(7, "Labels that a node must have.", atomic=True)] = MAP
    service_account_name: Annotated[str, Field(8, "The ServiceAccount it runs as; default when empty.")] = ""
    service_account: Annotated[str, Field(9, "The older name of serviceAccountName.")] = ""
    automount_service_account_token: Annotated[bool | None, Field(21, "Whether the account's token is mounted.")] = None
    node_name: Annotated[str, Field(10, "The node that the pod is on. Set by the scheduler; given by a user it skips the scheduler.")] = ""
    host_network: Annotated[bool, Field(11, "Use the node's own network. Off by default.")] = False
    host_pid: Annotated[bool, Field(12, "See the node's processes. Off by default.")] = msgspec.field(name="hostPID", default=False)
    host_ipc: Annotated[bool, Field(13, "Use the node's IPC namespace. Off by default.")] = msgspec.field(name="hostIPC", default=False)
    share_process_namespace: Annotated[bool | None, Field(27, "Let all containers see each other's processes. Off by default.")] = None
    security_context: Annotated[PodSecurityContext | None, Field(14, "User, groups and other settings for all containers.")] = None
    image_pull_secrets: Annotated[tuple[LocalObjectReference, ...], Field(15, "Secrets with credentials for registries.", merge_key="name", list_type="map", list_keys=("name",))] = ()
    hostname: Annotated[str, Field(16, "The pod's host name; its name when empty.")] = ""
    subdomain: Annotated[str, Field(17, "With a headless Service of this name, the pod gets a DNS name below it.")] = ""
    affinity: Annotated[Affinity | None, Field(18, "Where the pod likes or must run.")] = None
    scheduler_name: Annotated[str, Field(19, "The scheduler that places it; default-scheduler when empty.")] = ""
    tolerations: Annotated[tuple[Toleration, ...], Field(22, "Taints of nodes that do not keep this pod away.")] = ()
    host_aliases: Annotated[tuple[HostAlias, ...], Field(23, "Further lines of its /etc/hosts.", merge_key="ip", list_type="map", list_keys=("ip",))] = ()
    priority_class_name: Annotated[str, Field(24, "The PriorityClass; system-node-critical and system-cluster-critical are the highest.")] = ""
    priority: Annotated[Int32 | None, Field(25, "The priority's number, filled in from the class.")] = None
    dns_config: Annotated[PodDNSConfig | None, Field(26, "DNS settings that are added to what dnsPolicy gives.")] = None
    readiness_gates: Annotated[tuple[PodReadinessGate, ...], Field(28, "Further conditions that must be True for the pod to be ready.")] = ()
    runtime_class_name: Annotated[str | None, Field(29, "The RuntimeClass to run it with.")] = None
    enable_service_links: Annotated[bool | None, Field(30, "Whether Services of the namespace appear as environment variables. On by default.")] = None
    preemption_policy: Annotated[str | None, Field(31, "PreemptLowerPriority (the default) or Never.", enum=("PreemptLowerPriority", "Never"))] = None
    overhead: Annotated[dict[str, Quantity], Field(32, "Resources that running the pod takes beside its containers; set from the RuntimeClass.")] = MAP
    topology_spread_constraints: Annotated[tuple[TopologySpreadConstraint, ...], Field(33, "How its pods are spread over places.", merge_key="topologyKey", list_type="map", list_keys=("topologyKey", "whenUnsatisfiable"))] = ()
    set_hostname_as_fqdn: Annotated[bool | None, Field(35, "Whether the host name is the full DNS name.")] = msgspec.field(name="setHostnameAsFQDN", default=None)
    os: Annotated[PodOS | None, Field(36, "The operating system that the containers need.")] = None
    host_users: Annotated[bool | None, Field(37, "Whether to use the node's user namespace. On by default.")] = None
    scheduling_gates: Annotated[tuple[PodSchedulingGate, ...], Field(38, "While there is one, the pod is not scheduled.", merge_key="name", list_type="map", list_keys=("name",))] = ()
    resource_claims: Annotated[tuple[PodResourceClaim, ...], Field(39, "Resource claims that must be there before it starts.", merge_key="name", retain_keys=True, list_type="map", list_keys=("name",))] = ()
    resources: Annotated[ResourceRequirements | None, Field(40, "Resources for all containers together.")] = None
    hostname_override: Annotated[str | None, Field(41, "The host name, word for word.")] = None
    scheduling_group: Annotated[PodSchedulingGroup | None, Field(43, "The group of pods that is scheduled together.")] = None


class PodResourceClaim(Struct):
    """A resource claim of a pod."""

    name: Annotated[str, Field(1, "The name by which containers mean it.", required=True)] = ALWAYS_STR
    resource_claim_name: Annotated[str | None, Field(3, "An existing claim.")] = None
    resource_claim_template_name: Annotated[str | None, Field(4, "A template to make a claim from.")] = None


class PodResourceClaimStatus(Struct):
    """The claim made for a pod."""

    name: Annotated[str, Field(1, "The name in spec.resourceClaims.", required=True)] = ALWAYS_STR
    resource_claim_name: Annotated[str | None, Field(2, "The claim that was made.")] = None


class PodExtendedResourceClaimStatus(Struct):
    """The claim made for the pod's extended resources."""

    request_mappings: Annotated[tuple[ContainerExtendedResourceRequest, ...], Field(1, "Which request serves which container.", required=True)] = ALWAYS_LIST
    resource_claim_name: Annotated[str, Field(2, "The claim's name.", required=True)] = ALWAYS_STR


class ContainerExtendedResourceRequest(Struct):
    """A container's extended resource and the request that serves it."""

    container_name: Annotated[str, Field(1, "The container.", required=True)] = ALWAYS_STR
    resource_name: Annotated[str, Field(2, "The extended resource.", required=True)] = ALWAYS_STR
    request_name: Annotated[str, Field(3, "The request of the claim.", required=True)] = ALWAYS_STR


class PodOS(Struct):
    """The operating system of a pod."""

    name: Annotated[str, Field(1, "linux or windows.", required=True)] = ALWAYS_STR


class PodSchedulingGate(Struct):
    """Keeps a pod from being scheduled."""

    name: Annotated[str, Field(1, "The gate's name.", required=True)] = ALWAYS_STR


class PodSchedulingGroup(Struct):
    """The group that a pod is scheduled with."""

    pod_group_name: Annotated[str | None, Field(1, "The group's name.")] = None


class TopologySpreadConstraint(Struct):
    """Spreads pods over places such as nodes."""

    max_skew: Annotated[Int32, Field(1, "By how many pods the fullest place may exceed the emptiest.", required=True)] = ALWAYS_INT
    topology_key: Annotated[str, Field(2, "The node label whose value is the place.", required=True)] = ALWAYS_STR
    when_unsatisfiable: Annotated[str, Field(3, "DoNotSchedule, or ScheduleAnyway for a mere wish.", required=True, enum=("DoNotSchedule", "ScheduleAnyway"))] = ALWAYS_STR
    label_selector: Annotated[LabelSelector | None, Field(4, "Selects the pods that are counted.", atomic=True)] = None
    min_domains: Annotated[Int32 | None, Field(5, "The least number of places that must be there.")] = None
    node_affinity_policy: Annotated[str | None, Field(6, "Whether nodes that the pod's affinity rules out are counted: Honor (the default) or Ignore.", enum=("Ignore", "Honor"))] = None
    node_taints_policy: Annotated[str | None, Field(7, "Whether nodes whose taints the pod does not tolerate are left out: Honor or Ignore (the default).", enum=("Ignore", "Honor"))] = None
    match_label_keys: Annotated[tuple[str, ...], Field(8, "Labels of the pod whose values the counted pods must have too.")] = ()


class HostAlias(Struct):
    """A line of /etc/hosts."""

    ip: Annotated[str, Field(1, "The address.", required=True)] = ALWAYS_STR
    hostnames: Annotated[tuple[str, ...], Field(2, "The names.")] = ()


class PodSecurityContext(Struct):
    """Settings for all containers of a pod; a container's own count first."""

    se_linux_options: Annotated[SELinuxOptions | None, Field(1, "The SELinux label.")] = None
    windows_options: Annotated[WindowsSecurityContextOptions | None, Field(8, "Settings for Windows; without meaning here.")] = None
    run_as_user: Annotated[Int64 | None, Field(2, "The user's number; the image's when absent.")] = None
    run_as_group: Annotated[Int64 | None, Field(6, "The group's number.")] = None
    run_as_non_root: Annotated[bool | None, Field(3, "Refuse to start containers as user 0.")] = None
    supplemental_groups: Annotated[tuple[Int64, ...], Field(4, "Further groups of each first process.")] = ()
    supplemental_groups_policy: Annotated[str | None, Field(12, "Merge (the default) adds the image's groups, Strict does not.", enum=("Merge", "Strict"))] = None
    fs_group: Annotated[Int64 | None, Field(5, "A group that owns the pod's volumes, and that processes are in.")] = None
    sysctls: Annotated[tuple[Sysctl, ...], Field(7, "Kernel settings of the pod.")] = ()
    fs_group_change_policy: Annotated[str | None, Field(9, "When volumes change their owner: Always (the default) or OnRootMismatch.", enum=("OnRootMismatch", "Always"))] = None
    seccomp_profile: Annotated[SeccompProfile | None, Field(10, "Which system calls are allowed.")] = None
    app_armor_profile: Annotated[AppArmorProfile | None, Field(11, "The AppArmor profile.")] = None
    se_linux_change_policy: Annotated[str | None, Field(13, "How volumes get the SELinux label: MountOption or Recursive.")] = None


class PodDNSConfig(Struct):
    """DNS settings of a pod."""

    nameservers: Annotated[tuple[str, ...], Field(1, "Addresses of DNS servers.")] = ()
    searches: Annotated[tuple[str, ...], Field(2, "Domains to complete short names with.")] = ()
    options: Annotated[tuple[PodDNSConfigOption, ...], Field(3, "Options of the resolver.")] = ()


class PodDNSConfigOption(Struct):
    """An option of the resolver."""

    name: Annotated[str, Field(1, "Its name, for example ndots.")] = ""
    value: Annotated[str | None, Field(2, "Its value.")] = None


class PodIP(Struct):
    """An address of a pod."""

    ip: Annotated[str, Field(1, "The address.", required=True)] = ALWAYS_STR


class HostIP(Struct):
    """An address of a node."""

    ip: Annotated[str, Field(1, "The address.", required=True)] = ALWAYS_STR


class PodStatus(Struct):
    """What is known of a pod."""

    observed_generation: Annotated[Int64, Field(17, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = 0
    phase: Annotated[str, Field(1, "Pending, Running, Succeeded, Failed or Unknown: a summary.", enum=("Pending", "Running", "Succeeded", "Failed", "Unknown"))] = ""
    conditions: Annotated[tuple[PodCondition, ...], Field(2, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()
    message: Annotated[str, Field(3, "Why the pod is in this state, in a sentence.")] = ""
    reason: Annotated[str, Field(4, "Why, in one word, for example Evicted.")] = ""
    nominated_node_name: Annotated[str, Field(11, "The node on which room is being made for this pod.")] = ""
    host_ip: Annotated[str, Field(5, "The address of its node.")] = msgspec.field(name="hostIP", default="")
    host_ips: Annotated[tuple[HostIP, ...], Field(16, "The addresses of its node.", merge_key="ip")] = msgspec.field(name="hostIPs", default=())
    pod_ip: Annotated[str, Field(6, "The pod's address in the cluster.")] = msgspec.field(name="podIP", default="")
    pod_ips: Annotated[tuple[PodIP, ...], Field(12, "The pod's addresses, at most one of each family.", merge_key="ip", list_type="map", list_keys=("ip",))] = msgspec.field(name="podIPs", default=())
    start_time: Annotated[Time, Field(7, "When the node took it.")] = ""
    init_container_statuses: Annotated[tuple[ContainerStatus, ...], Field(10, "The init containers, in order.")] = ()
    container_statuses: Annotated[tuple[ContainerStatus, ...], Field(8, "The containers.")] = ()
    qos_class: Annotated[str, Field(9, "Guaranteed, Burstable or BestEffort, by its requests and limits.", enum=("Guaranteed", "Burstable", "BestEffort"))] = ""
    ephemeral_container_statuses: Annotated[tuple[ContainerStatus, ...], Field(13, "The ephemeral containers.")] = ()
    resize: Annotated[str, Field(14, "How far a change of its resources has come.")] = ""
    resource_claim_statuses: Annotated[tuple[PodResourceClaimStatus, ...], Field(15, "Claims made for it.", merge_key="name", retain_keys=True, list_type="map", list_keys=("name",))] = ()
    extended_resource_claim_status: Annotated[PodExtendedResourceClaimStatus | None, Field(18, "The claim made for its extended resources.")] = None
    allocated_resources: Annotated[dict[str, Quantity], Field(19, "What the node has set aside for the pod.")] = MAP
    resources: Annotated[ResourceRequirements | None, Field(20, "The pod's requests and limits in force.")] = None
    node_allocatable_resource_claim_statuses: Annotated[tuple[NodeAllocatableResourceClaimStatus, ...], Field(21, "Claims that count against what the node can give.")] = ()


class PodStatusResult(Struct):
    """The status of a pod alone."""

    kind: str = msgspec.field(default_factory=lambda: "PodStatusResult")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    status: Annotated[PodStatus, Field(2, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=PodStatus)


class Pod(Object):
    """A group of containers that are placed on one node together and share its network and volumes: the smallest thing that is run."""

    names: ClassVar[Names] = Names("", "v1", "Pod", "pods", True, short=("po",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "Pod")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PodSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=PodSpec)
    status: Annotated[PodStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=PodStatus)


class PodTemplateSpec(Struct):
    """What the pods that a controller makes are like."""

    metadata: Annotated[ObjectMeta, Field(1, "Labels and annotations of the pods.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PodSpec, Field(2, "What the pods are to be.")] = msgspec.field(default_factory=PodSpec)


class PodTemplate(Object):
    """A stored template for pods."""

    names: ClassVar[Names] = Names("", "v1", "PodTemplate", "podtemplates", True)
    kind: str = msgspec.field(default_factory=lambda: "PodTemplate")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    template: Annotated[PodTemplateSpec, Field(2, "The template.")] = msgspec.field(default_factory=PodTemplateSpec)


class Binding(Object):
    """Puts a pod on a node."""

    names: ClassVar[Names] = Names("", "v1", "Binding", "bindings", True)
    kind: str = msgspec.field(default_factory=lambda: "Binding")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    target: Annotated[ObjectReference, Field(2, "The node.", required=True, atomic=True)] = msgspec.field(default_factory=ObjectReference)


class Sysctl(Struct):
    """A kernel setting."""

    name: Annotated[str, Field(1, "Its name, for example net.ipv4.ip_local_port_range.", required=True)] = ALWAYS_STR
    value: Annotated[str, Field(2, "Its value.", required=True)] = ALWAYS_STR


class NodeAllocatableResourceClaimStatus(Struct):
    """A claim that counts against what the node can give."""

    resource_claim_name: Annotated[str, Field(1, "The claim.", required=True)] = ALWAYS_STR
    containers: Annotated[tuple[str, ...], Field(2, "The containers that use it.", list_type="set")] = ()
    resources: Annotated[dict[str, Quantity], Field(3, "How much of each resource.", required=True)] = ALWAYS_MAP
