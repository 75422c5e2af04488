"""Declaration: the kinds of core/v1 as the API serves them, in the order of discovery, with their behaviour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pikube.api import names
from pikube.api.defaulting import pods, services, workloads
from pikube.api.defaulting.app_armor import adopt_annotations
from pikube.api.errors import Cause
from pikube.api.kinds import (
    authentication,
    autoscaling,
    core_config,
    core_node,
    core_pod,
    core_service,
    core_storage,
    policy,
)
from pikube.api.scheme import ALL_VERBS, STATUS, KindInfo, Subresource
from pikube.api.validation import bounds as check_bounds
from pikube.api.validation import cluster as check_cluster
from pikube.api.validation import endpoints as check_endpoints
from pikube.api.validation import events as check_events
from pikube.api.validation import nodes as check_nodes
from pikube.api.validation import pods as check_pods
from pikube.api.validation import resources as check_resources
from pikube.api.validation import services as check_services
from pikube.api.validation import workloads as check_workloads
from pikube.api.warnings import network as warn_network
from pikube.api.warnings import pods as warn_pods
from pikube.api.warnings import storage as warn_storage
from pikube.api.warnings import workloads as warn_workloads


def again(validate: Callable[[Any], list[Cause]]) -> Callable[[Any, Any], list[Cause]]:
    """An update is checked like a new object; one that leaves spec alone needs no check."""

    def validate_update(new: Any, old: Any) -> list[Cause]:
        return [] if new.spec == old.spec else validate(new)

    return validate_update


SCALE = Subresource("scale", cls=autoscaling.Scale)
GET_ONLY = ("get",)
STREAM = ("create", "get")
PROXY = ("create", "delete", "get", "patch", "update")


def _pod_fields(pod: core_pod.Pod) -> dict[str, str]:
    return {
        "spec.nodeName": pod.spec.node_name,
        "spec.restartPolicy": pod.spec.restart_policy,
        "spec.schedulerName": pod.spec.scheduler_name,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "spec.hostNetwork": "true" if pod.spec.host_network else "false",
        "status.phase": pod.status.phase,
        "status.podIP": pod.status.pod_ip,
        "status.nominatedNodeName": pod.status.nominated_node_name,
    }


def _event_fields(event: core_config.Event) -> dict[str, str]:
    about = event.involved_object
    return {
        "involvedObject.kind": about.kind,
        "involvedObject.namespace": about.namespace,
        "involvedObject.name": about.name,
        "involvedObject.uid": about.uid,
        "involvedObject.apiVersion": about.api_version,
        "involvedObject.resourceVersion": about.resource_version,
        "involvedObject.fieldPath": about.field_path,
        "reason": event.reason,
        "reportingComponent": event.reporting_component,
        "source": event.source.component or event.reporting_component,
        "type": event.type,
    }


def _node_fields(obj: core_node.Node) -> dict[str, str]:
    return {"spec.unschedulable": "true" if obj.spec.unschedulable else "false"}


def _namespace_fields(obj: core_config.Namespace) -> dict[str, str]:
    return {"status.phase": obj.status.phase}


def _secret_fields(obj: core_config.Secret) -> dict[str, str]:
    return {"type": obj.type}


def _service_fields(obj: core_service.Service) -> dict[str, str]:
    return {"spec.clusterIP": obj.spec.cluster_ip, "spec.type": obj.spec.type}


def replica_fields(obj: Any) -> dict[str, str]:
    return {"status.replicas": str(obj.status.replicas)}


POD_FIELDS = tuple(_pod_fields(core_pod.Pod()))
EVENT_FIELDS = tuple(_event_fields(core_config.Event()))

CORE_EVENT = KindInfo(
    cls=core_config.Event,
    validate=check_events.event_causes,
    validate_update=check_events.event_update_causes,
    is_made_by_update=True,
    is_ephemeral=True,
    select=_event_fields,
    field_labels=EVENT_FIELDS,
)
EVENT_ALIASES = {
    **{f"regarding.{name[15:]}": name for name in EVENT_FIELDS if name.startswith("involvedObject.")},
    "reportingController": "reportingComponent",
    "reason": "reason",
    "type": "type",
}
"""What events.k8s.io/v1 calls the fields of an event that can be selected by."""

CORE = (
    KindInfo(
        cls=core_config.ConfigMap,
        validate=check_resources.config_map_causes,
        validate_update=check_resources.config_map_update_causes,
    ),
    KindInfo(cls=core_pod.Binding, verbs=("create",), is_review=True),
    KindInfo(
        cls=core_config.ComponentStatus,
        verbs=("get", "list"),
        deprecation="v1 ComponentStatus is deprecated in v1.19+",
    ),
    KindInfo(
        cls=core_service.Endpoints,
        deprecation="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
        is_made_by_update=True,
        validate=check_endpoints.endpoints_causes,
        validate_update=check_endpoints.endpoints_update_causes,
        default=services.default_endpoints,
    ),
    CORE_EVENT,
    KindInfo(
        cls=core_config.LimitRange,
        is_made_by_update=True,
        validate=check_bounds.limit_range_causes,
        validate_update=check_bounds.limit_range_update_causes,
        default=services.default_limit_range,
    ),
    KindInfo(
        cls=core_config.Namespace,
        validate=check_cluster.namespace_causes,
        name_rule=names.dns1123_label,
        default=services.default_namespace,
        select=_namespace_fields,
        field_labels=("status.phase",),
        subresources=(STATUS, Subresource("finalize", ("update",))),
        verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
    ),
    KindInfo(
        cls=core_node.Node,
        default=services.default_node,
        validate=check_nodes.node_causes,
        validate_update=check_nodes.node_update_causes,
        select=_node_fields,
        field_labels=("spec.unschedulable",),
        subresources=(STATUS, Subresource("proxy", PROXY)),
    ),
    KindInfo(
        cls=core_storage.PersistentVolumeClaim,
        warn=warn_storage.claim_warnings,
        validate=check_resources.claim_causes,
        validate_update=check_resources.claim_update_causes,
        default=services.default_claim,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=core_storage.PersistentVolume,
        warn=warn_storage.volume_warnings,
        validate=check_cluster.volume_causes,
        validate_update=check_cluster.volume_update_causes,
        default=services.default_volume,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=core_pod.Pod,
        warn=warn_pods.pod_warnings,
        validate=check_pods.pod_causes,
        validate_update=check_pods.pod_update_causes,
        default=pods.default_pod,
        prepare=adopt_annotations,
        select=_pod_fields,
        field_labels=POD_FIELDS,
        has_generation=True,
        subresources=(
            STATUS,
            Subresource("attach", STREAM),
            Subresource("binding", ("create",), core_pod.Binding),
            Subresource("ephemeralcontainers"),
            Subresource("eviction", ("create",), policy.Eviction),
            Subresource("exec", STREAM),
            Subresource("log", GET_ONLY),
            Subresource("portforward", STREAM),
            Subresource("proxy", PROXY),
            Subresource("resize"),
        ),
    ),
    KindInfo(
        cls=core_pod.PodTemplate,
        warn=warn_workloads.pod_template_warnings,
        validate=check_workloads.pod_template_causes,
        validate_update=check_workloads.pod_template_update_causes,
        default=pods.default_pod_template,
    ),
    KindInfo(
        cls=core_config.ReplicationController,
        warn=warn_workloads.replicated_warnings,
        validate=check_workloads.replication_controller_causes,
        validate_update=again(check_workloads.replication_controller_causes),
        default=workloads.default_replication_controller,
        select=replica_fields,
        field_labels=("status.replicas",),
        has_generation=True,
        subresources=(STATUS, SCALE),
    ),
    KindInfo(
        cls=core_config.ResourceQuota,
        validate=check_bounds.quota_causes,
        validate_update=check_bounds.quota_update_causes,
        default=services.default_quota,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=core_config.Secret,
        validate=check_resources.secret_causes,
        validate_update=check_resources.secret_update_causes,
        default=services.default_secret,
        select=_secret_fields,
        field_labels=("type",),
    ),
    KindInfo(
        cls=core_config.ServiceAccount,
        subresources=(Subresource("token", ("create",), authentication.TokenRequest),),
    ),
    KindInfo(
        cls=core_service.Service,
        warn=warn_network.service_warnings,
        name_rule=names.dns1035_label,
        is_made_by_update=True,
        validate=check_services.service_causes,
        validate_update=check_services.service_update_causes,
        default=services.default_service,
        select=_service_fields,
        field_labels=("spec.clusterIP", "spec.type"),
        subresources=(STATUS, Subresource("proxy", PROXY)),
    ),
)
