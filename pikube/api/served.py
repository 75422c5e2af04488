"""Declaration: every kind that the API serves, in the order of discovery, with its behaviour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pikube.api import admission_policy, names, views, views_autoscaling
from pikube.api.custom import definitions
from pikube.api.defaulting import pods, services, workloads
from pikube.api.errors import Cause
from pikube.api.kinds import (
    admission,
    apiregistration,
    apps,
    authentication,
    authorization,
    autoscaling,
    autoscaling_v2,
    batch,
    certificates,
    coordination,
    core_config,
    core_node,
    core_pod,
    core_service,
    core_storage,
    discovery,
    events,
    extensions,
    metrics,
    networking,
    node,
    policy,
    rbac,
    scheduling,
    storage,
)
from pikube.api.scheme import ALL_VERBS, REVIEW_VERBS, STATUS, KindInfo, Subresource
from pikube.api.validation import aggregation as check_aggregation
from pikube.api.validation import autoscaling as check_autoscaling
from pikube.api.validation import cluster as check_cluster
from pikube.api.validation import networking as check_networking
from pikube.api.validation import nodes as check_nodes
from pikube.api.validation import pods as check_pods
from pikube.api.validation import policies as check_policies
from pikube.api.validation import resources as check_resources
from pikube.api.validation import service_ranges as check_ranges
from pikube.api.validation import storage as check_storage
from pikube.api.validation import webhooks as check_webhooks
from pikube.api.validation import workloads as check_workloads


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


def _replica_fields(obj: Any) -> dict[str, str]:
    return {"status.replicas": str(obj.status.replicas)}


def _job_fields(obj: batch.Job) -> dict[str, str]:
    return {"status.successful": str(obj.status.succeeded)}


def _csr_fields(obj: certificates.CertificateSigningRequest) -> dict[str, str]:
    return {"spec.signerName": obj.spec.signer_name}


POD_FIELDS = tuple(_pod_fields(core_pod.Pod()))
EVENT_FIELDS = tuple(_event_fields(core_config.Event()))

CORE_EVENT = KindInfo(
    cls=core_config.Event,
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
    KindInfo(cls=core_config.ComponentStatus, verbs=("get", "list")),
    KindInfo(
        cls=core_service.Endpoints,
        is_made_by_update=True,
        validate=check_networking.endpoints_causes,
        validate_update=check_networking.endpoints_update_causes,
        default=services.default_endpoints,
    ),
    CORE_EVENT,
    KindInfo(
        cls=core_config.LimitRange,
        is_made_by_update=True,
        validate=check_cluster.limit_range_causes,
        validate_update=check_cluster.limit_range_update_causes,
        default=services.default_limit_range,
    ),
    KindInfo(
        cls=core_config.Namespace,
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
        validate=check_resources.claim_causes,
        validate_update=check_resources.claim_update_causes,
        default=services.default_claim,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=core_storage.PersistentVolume,
        validate=check_cluster.volume_causes,
        validate_update=check_cluster.volume_update_causes,
        default=services.default_volume,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=core_pod.Pod,
        validate=check_pods.pod_causes,
        validate_update=check_pods.pod_update_causes,
        default=pods.default_pod,
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
    KindInfo(cls=core_pod.PodTemplate, default=pods.default_pod_template),
    KindInfo(
        cls=core_config.ReplicationController,
        validate=check_workloads.replication_controller_causes,
        validate_update=again(check_workloads.replication_controller_causes),
        default=workloads.default_replication_controller,
        select=_replica_fields,
        field_labels=("status.replicas",),
        has_generation=True,
        subresources=(STATUS, SCALE),
    ),
    KindInfo(
        cls=core_config.ResourceQuota,
        validate=check_cluster.quota_causes,
        validate_update=check_cluster.quota_update_causes,
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
        is_made_by_update=True,
        validate=check_resources.service_causes,
        validate_update=check_resources.service_update_causes,
        default=services.default_service,
        select=_service_fields,
        field_labels=("spec.clusterIP", "spec.type"),
        subresources=(STATUS, Subresource("proxy", PROXY)),
    ),
)

APPS = (
    KindInfo(cls=apps.ControllerRevision),
    KindInfo(
        cls=apps.DaemonSet,
        validate=check_workloads.daemon_set_causes,
        validate_update=check_workloads.daemon_set_update_causes,
        default=workloads.default_daemon_set,
        has_generation=True,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=apps.Deployment,
        validate=check_workloads.deployment_causes,
        validate_update=check_workloads.deployment_update_causes,
        default=workloads.default_deployment,
        has_generation=True,
        subresources=(STATUS, SCALE),
    ),
    KindInfo(
        cls=apps.ReplicaSet,
        validate=check_workloads.replica_set_causes,
        validate_update=check_workloads.replica_set_update_causes,
        default=workloads.default_replica_set,
        select=_replica_fields,
        field_labels=("status.replicas",),
        has_generation=True,
        subresources=(STATUS, SCALE),
    ),
    KindInfo(
        cls=apps.StatefulSet,
        validate=check_workloads.stateful_set_causes,
        validate_update=check_workloads.stateful_set_update_causes,
        default=workloads.default_stateful_set,
        has_generation=True,
        subresources=(STATUS, SCALE),
    ),
)

EVENTS = (
    KindInfo(
        cls=events.Event,
        is_made_by_update=True,
        is_ephemeral=True,
        stored_in=CORE_EVENT,
        view=views.EVENTS,
        field_aliases=EVENT_ALIASES,
    ),
)

BATCH = (
    KindInfo(
        cls=batch.CronJob,
        validate=check_workloads.cron_job_causes,
        validate_update=again(check_workloads.cron_job_causes),
        default=workloads.default_cron_job,
        has_generation=True,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=batch.Job,
        validate=check_workloads.job_causes,
        validate_update=check_workloads.job_update_causes,
        default=workloads.default_job,
        select=_job_fields,
        field_labels=("status.successful",),
        has_generation=True,
        subresources=(STATUS,),
    ),
)

REVIEWS = (
    KindInfo(cls=authentication.SelfSubjectReview, verbs=REVIEW_VERBS, is_review=True),
    KindInfo(cls=authentication.TokenReview, verbs=REVIEW_VERBS, is_review=True),
    KindInfo(cls=authorization.LocalSubjectAccessReview, verbs=REVIEW_VERBS, is_review=True),
    KindInfo(cls=authorization.SelfSubjectAccessReview, verbs=REVIEW_VERBS, is_review=True),
    KindInfo(cls=authorization.SelfSubjectRulesReview, verbs=REVIEW_VERBS, is_review=True),
    KindInfo(cls=authorization.SubjectAccessReview, verbs=REVIEW_VERBS, is_review=True),
)

AUTOSCALER = KindInfo(
    cls=autoscaling_v2.HorizontalPodAutoscaler,
    validate=check_autoscaling.autoscaler_causes,
    validate_update=again(check_autoscaling.autoscaler_causes),
    default=workloads.default_autoscaler,
    subresources=(STATUS,),
)

AUTOSCALING = (
    AUTOSCALER,
    KindInfo(
        cls=autoscaling.HorizontalPodAutoscaler,
        validate=check_autoscaling.autoscaler_v1_causes,
        validate_update=again(check_autoscaling.autoscaler_v1_causes),
        default=workloads.default_autoscaler_v1,
        subresources=(STATUS,),
        stored_in=AUTOSCALER,
        view=views_autoscaling.AUTOSCALERS,
    ),
)

CERTIFICATES = (
    KindInfo(
        cls=certificates.CertificateSigningRequest,
        select=_csr_fields,
        field_labels=("spec.signerName",),
        subresources=(STATUS, Subresource("approval")),
    ),
)

NETWORKING = (
    KindInfo(
        cls=networking.IngressClass,
        validate=check_networking.ingress_class_causes,
        validate_update=check_networking.ingress_class_update_causes,
        has_generation=True,
    ),
    KindInfo(
        cls=networking.Ingress,
        validate=check_networking.ingress_causes,
        validate_update=check_networking.ingress_update_causes,
        has_generation=True,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=networking.IPAddress,
        validate=check_ranges.address_causes,
        validate_update=check_ranges.address_update_causes,
        name_rule=check_ranges.address_name,
    ),
    KindInfo(
        cls=networking.NetworkPolicy,
        validate=check_networking.network_policy_causes,
        validate_update=check_networking.network_policy_update_causes,
        default=services.default_network_policy,
        has_generation=True,
    ),
    KindInfo(
        cls=networking.ServiceCIDR,
        validate=check_ranges.range_causes,
        validate_update=check_ranges.range_update_causes,
        subresources=(STATUS,),
    ),
)

POLICY = (
    KindInfo(
        cls=policy.PodDisruptionBudget,
        needs_version=True,
        validate=check_workloads.budget_causes,
        validate_update=again(check_workloads.budget_causes),
        has_generation=True,
        subresources=(STATUS,),
    ),
)

RBAC = (
    KindInfo(
        cls=rbac.ClusterRoleBinding,
        is_made_by_update=True,
        validate=check_resources.binding_causes,
        validate_update=check_resources.binding_update_causes,
        default=services.default_binding,
    ),
    KindInfo(
        cls=rbac.ClusterRole,
        is_made_by_update=True,
        validate=check_cluster.cluster_role_causes,
        validate_update=check_cluster.cluster_role_update_causes,
    ),
    KindInfo(
        cls=rbac.RoleBinding,
        is_made_by_update=True,
        validate=check_resources.binding_causes,
        validate_update=check_resources.binding_update_causes,
        default=services.default_binding,
    ),
    KindInfo(
        cls=rbac.Role,
        is_made_by_update=True,
        validate=check_cluster.role_causes,
        validate_update=check_cluster.role_update_causes,
    ),
)

STORAGE = (
    KindInfo(
        cls=storage.CSIDriver,
        needs_version=True,
        default=services.default_csi_driver,
        validate=check_storage.driver_causes,
        validate_update=check_storage.driver_update_causes,
    ),
    KindInfo(
        cls=storage.CSINode,
        needs_version=True,
        validate=check_storage.node_causes,
        validate_update=check_storage.node_update_causes,
    ),
    KindInfo(
        cls=storage.CSIStorageCapacity,
        needs_version=True,
        validate=check_storage.capacity_causes,
        validate_update=check_storage.capacity_update_causes,
    ),
    KindInfo(
        cls=storage.StorageClass,
        validate=check_cluster.storage_class_causes,
        validate_update=check_cluster.storage_class_update_causes,
        default=services.default_storage_class,
    ),
    KindInfo(
        cls=storage.VolumeAttachment,
        needs_version=True,
        validate=check_storage.attachment_causes,
        validate_update=check_storage.attachment_update_causes,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=storage.VolumeAttributesClass,
        validate=check_storage.attributes_class_causes,
        validate_update=check_storage.attributes_class_update_causes,
    ),
)

ADMISSION = (
    KindInfo(
        cls=admission.MutatingWebhookConfiguration,
        needs_version=True,
        validate=check_webhooks.webhooks_causes,
        validate_update=check_webhooks.webhooks_update_causes,
        default=services.default_webhooks,
        has_generation=True,
    ),
    KindInfo(
        cls=admission.ValidatingAdmissionPolicy,
        needs_version=True,
        default=admission_policy.default_policy,
        validate=check_policies.policy_causes,
        validate_update=check_policies.policy_update_causes,
        has_generation=True,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=admission.ValidatingAdmissionPolicyBinding,
        needs_version=True,
        default=admission_policy.default_binding,
        validate=check_policies.binding_causes,
        validate_update=again(check_policies.binding_causes),
        has_generation=True,
    ),
    KindInfo(
        cls=admission.ValidatingWebhookConfiguration,
        needs_version=True,
        validate=check_webhooks.webhooks_causes,
        validate_update=check_webhooks.webhooks_update_causes,
        default=services.default_webhooks,
        has_generation=True,
    ),
)

METRICS = (
    KindInfo(cls=metrics.NodeMetrics, verbs=("get", "list"), is_measured=True),
    KindInfo(cls=metrics.PodMetrics, verbs=("get", "list"), is_measured=True),
)

EXTENSIONS = (
    KindInfo(
        cls=extensions.CustomResourceDefinition,
        needs_version=True,
        default=definitions.default_definition,
        validate=definitions.definition_causes,
        validate_update=definitions.definition_update_causes,
        warn=definitions.definition_warnings,
        has_generation=True,
        subresources=(STATUS,),
    ),
)

AGGREGATION = (
    KindInfo(
        cls=apiregistration.APIService,
        needs_version=True,
        default=check_aggregation.default_api_service,
        validate=check_aggregation.api_service_causes,
        validate_update=check_aggregation.api_service_update_causes,
        name_rule=names.path_segment_name,
        subresources=(STATUS,),
    ),
)

OTHERS = (
    KindInfo(
        cls=scheduling.PriorityClass,
        validate=check_cluster.priority_class_causes,
        validate_update=check_cluster.priority_class_update_causes,
        has_generation=True,
    ),
    KindInfo(
        cls=coordination.Lease,
        is_made_by_update=True,
        validate=check_cluster.lease_causes,
        validate_update=check_cluster.lease_update_causes,
        is_ephemeral=True,
    ),
    KindInfo(
        cls=node.RuntimeClass,
        needs_version=True,
        validate=check_cluster.runtime_class_causes,
        validate_update=check_cluster.runtime_class_update_causes,
    ),
    KindInfo(
        cls=discovery.EndpointSlice,
        validate=check_networking.endpoint_slice_causes,
        validate_update=check_networking.endpoint_slice_update_causes,
        default=services.default_endpoint_slice,
        has_generation=True,
    ),
)

SERVED: tuple[KindInfo, ...] = (
    *CORE,
    *APPS,
    *EVENTS,
    *REVIEWS,
    *AUTOSCALING,
    *BATCH,
    *CERTIFICATES,
    *NETWORKING,
    *POLICY,
    *RBAC,
    *STORAGE,
    *ADMISSION,
    *EXTENSIONS,
    *AGGREGATION,
    *OTHERS,
    *METRICS,
)
