"""Pure: defaults of core/v1 beside pods, of networking, storage, rbac, policy and the rest.

Source: kubernetes pkg/apis/*/v1/defaults.go. Cluster IPs and node ports are no defaults: admission hands
them out.
"""

from __future__ import annotations

import base64
from typing import Any

from pikube.api.defaulting.pods import default_claim_spec
from pikube.api.kinds import admission, core_config, core_node, core_service, core_storage, networking
from pikube.api.kinds.core_service import ClientIPConfig, Service, SessionAffinityConfig
from pikube.api.kinds.discovery import EndpointSlice
from pikube.api.kinds.meta import LabelSelector
from pikube.api.kinds.rbac import ClusterRoleBinding, RoleBinding
from pikube.api.kinds.scheduling import PriorityClass
from pikube.api.kinds.storage import CSIDriver, StorageClass
from pikube.api.quantity import canonical

AFFINITY_S = 10800
KUBERNETES_FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"


def is_reached_from_outside(obj: Service) -> bool:
    """kubernetes api/service/util.go:ExternallyAccessible"""
    spec = obj.spec
    return spec.type in ("LoadBalancer", "NodePort") or (spec.type == "ClusterIP" and bool(spec.external_ips))


def needs_health_port(service: Service) -> bool:
    """Only where a balancer outside has to choose among nodes (kubernetes api/service/util.go:NeedsHealthCheck)."""
    return service.spec.type == "LoadBalancer" and service.spec.external_traffic_policy == "Local"


def default_service(obj: Service) -> None:
    spec = obj.spec
    spec.session_affinity = spec.session_affinity or "None"
    if spec.session_affinity == "None":
        spec.session_affinity_config = None
    if spec.session_affinity == "ClientIP" and spec.session_affinity_config is None:
        spec.session_affinity_config = SessionAffinityConfig(
            client_ip=ClientIPConfig(timeout_seconds=AFFINITY_S)
        )
    spec.type = spec.type or "ClusterIP"
    for port in spec.ports:
        port.protocol = port.protocol or "TCP"
        if port.target_port in (None, 0, ""):
            port.target_port = port.port
    if spec.type == "ExternalName":
        return
    if is_reached_from_outside(obj):
        spec.external_traffic_policy = spec.external_traffic_policy or "Cluster"
    if spec.type == "LoadBalancer" and spec.allocate_load_balancer_node_ports is None:
        spec.allocate_load_balancer_node_ports = True
    if spec.internal_traffic_policy is None:
        spec.internal_traffic_policy = "Cluster"


def default_endpoints(obj: core_service.Endpoints) -> None:
    for subset in obj.subsets:
        for port in subset.ports:
            port.protocol = port.protocol or "TCP"


def default_endpoint_slice(obj: EndpointSlice) -> None:
    for port in obj.ports:
        if port.name is None:
            port.name = ""
        if port.protocol is None:
            port.protocol = "TCP"


def default_secret(obj: core_config.Secret) -> None:
    """stringData is written into data, as base64."""
    obj.type = obj.type or "Opaque"
    if obj.string_data:
        obj.data = {**obj.data, **{key: to_base64(text) for key, text in obj.string_data.items()}}
        obj.string_data = {}


def to_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def default_namespace(obj: core_config.Namespace) -> None:
    """The finalizer that keeps it until its content is gone, and the label that selectors use."""
    if not obj.metadata.deletion_timestamp and KUBERNETES_FINALIZER not in obj.spec.finalizers:
        obj.spec.finalizers = (*obj.spec.finalizers, KUBERNETES_FINALIZER)
    obj.status.phase = obj.status.phase or "Active"
    if obj.metadata.name:
        obj.metadata.labels = {**obj.metadata.labels, NAME_LABEL: obj.metadata.name}


def default_node(obj: core_node.Node) -> None:
    """Allocatable is the capacity unless the board says less."""
    status = obj.status
    status.capacity = {name: canonical(amount) for name, amount in status.capacity.items()}
    status.allocatable = {name: canonical(amount) for name, amount in status.allocatable.items()}
    if not status.allocatable:
        status.allocatable = dict(status.capacity)


def default_limit_range(obj: core_config.LimitRange) -> None:
    """A container's default limit is its maximum, its default request the limit, or else the minimum."""
    for item in obj.spec.limits:
        for attribute in ("max", "min", "default", "default_request", "max_limit_request_ratio"):
            amounts = getattr(item, attribute)
            setattr(item, attribute, {name: canonical(amount) for name, amount in amounts.items()})
        if item.type == "Container":
            item.default = {**item.max, **item.default}
            item.default_request = {**item.min, **item.default, **item.default_request}


def default_quota(obj: core_config.ResourceQuota) -> None:
    obj.spec.hard = {name: canonical(amount) for name, amount in obj.spec.hard.items()}


def default_claim(obj: core_storage.PersistentVolumeClaim) -> None:
    default_claim_spec(obj.spec)
    obj.status.phase = obj.status.phase or "Pending"


def default_volume(obj: core_storage.PersistentVolume) -> None:
    obj.status.phase = obj.status.phase or "Pending"
    obj.spec.persistent_volume_reclaim_policy = obj.spec.persistent_volume_reclaim_policy or "Retain"
    obj.spec.volume_mode = obj.spec.volume_mode or "Filesystem"
    obj.spec.capacity = {name: canonical(amount) for name, amount in obj.spec.capacity.items()}
    if obj.spec.host_path is not None and obj.spec.host_path.type is None:
        obj.spec.host_path.type = ""


def default_storage_class(obj: StorageClass) -> None:
    if obj.reclaim_policy is None:
        obj.reclaim_policy = "Delete"
    if obj.volume_binding_mode is None:
        obj.volume_binding_mode = "Immediate"


def default_csi_driver(obj: CSIDriver) -> None:
    spec = obj.spec
    if spec.attach_required is None:
        spec.attach_required = True
    if spec.pod_info_on_mount is None:
        spec.pod_info_on_mount = False
    if spec.storage_capacity is None:
        spec.storage_capacity = False
    if spec.fs_group_policy is None:
        spec.fs_group_policy = "ReadWriteOnceWithFSType"
    spec.volume_lifecycle_modes = spec.volume_lifecycle_modes or ("Persistent",)
    if spec.requires_republish is None:
        spec.requires_republish = False
    if spec.se_linux_mount is None:
        spec.se_linux_mount = False


def default_network_policy(obj: networking.NetworkPolicy) -> None:
    spec = obj.spec
    if not spec.policy_types:
        spec.policy_types = ("Ingress", "Egress") if spec.egress else ("Ingress",)
    ports = [port for ingress in spec.ingress for port in ingress.ports]
    for port in ports + [port for egress in spec.egress for port in egress.ports]:
        port.protocol = port.protocol or "TCP"


def default_binding(obj: RoleBinding | ClusterRoleBinding) -> None:
    """Groups of role reference and subjects."""
    rbac = "rbac.authorization.k8s.io"
    obj.role_ref.api_group = obj.role_ref.api_group or rbac
    for subject in obj.subjects:
        if subject.kind in ("User", "Group"):
            subject.api_group = subject.api_group or rbac


def default_webhooks(
    obj: admission.ValidatingWebhookConfiguration | admission.MutatingWebhookConfiguration,
) -> None:
    webhook: Any
    for webhook in obj.webhooks:
        webhook.failure_policy = webhook.failure_policy or "Fail"
        webhook.match_policy = webhook.match_policy or "Equivalent"
        webhook.timeout_seconds = webhook.timeout_seconds or 10
        webhook.namespace_selector = webhook.namespace_selector or LabelSelector()
        webhook.object_selector = webhook.object_selector or LabelSelector()
        if webhook.client_config.service is not None:
            webhook.client_config.service.port = webhook.client_config.service.port or 443
        if isinstance(webhook, admission.MutatingWebhook):
            webhook.reinvocation_policy = webhook.reinvocation_policy or "Never"
        for rule in webhook.rules:
            rule.scope = rule.scope or "*"


def default_priority_class(obj: PriorityClass) -> None:
    if obj.preemption_policy is None:
        obj.preemption_policy = "PreemptLowerPriority"
