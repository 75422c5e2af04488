"""Declaration: every kind that the API serves, in the order of discovery, with its behaviour."""

from __future__ import annotations

from pikube.api import admission_policy, flow_defaults, names, template_generation, views, views_autoscaling
from pikube.api.custom import definitions
from pikube.api.defaulting import services, workloads
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
    discovery,
    events,
    extensions,
    flowcontrol,
    metrics,
    networking,
    node,
    policy,
    rbac,
    scheduling,
    storage,
)
from pikube.api.scheme import REVIEW_VERBS, STATUS, KindInfo, Subresource
from pikube.api.served_core import CORE, CORE_EVENT, EVENT_ALIASES, SCALE, again, replica_fields
from pikube.api.validation import aggregation as check_aggregation
from pikube.api.validation import autoscaling as check_autoscaling
from pikube.api.validation import cluster as check_cluster
from pikube.api.validation import endpoints as check_endpoints
from pikube.api.validation import events as check_events
from pikube.api.validation import flows as check_flows
from pikube.api.validation import mutations as check_mutations
from pikube.api.validation import networking as check_networking
from pikube.api.validation import policies as check_policies
from pikube.api.validation import resources as check_resources
from pikube.api.validation import service_ranges as check_ranges
from pikube.api.validation import storage as check_storage
from pikube.api.validation import webhooks as check_webhooks
from pikube.api.validation import workloads as check_workloads
from pikube.api.warnings import network as warn_network
from pikube.api.warnings import node_labels as warn_nodes
from pikube.api.warnings import storage as warn_storage
from pikube.api.warnings import workloads as warn_workloads


def _job_fields(obj: batch.Job) -> dict[str, str]:
    return {"status.successful": str(obj.status.succeeded)}


def _csr_fields(obj: certificates.CertificateSigningRequest) -> dict[str, str]:
    return {"spec.signerName": obj.spec.signer_name}


APPS = (
    KindInfo(
        cls=apps.ControllerRevision,
        validate=check_workloads.revision_causes,
        validate_update=check_workloads.revision_update_causes,
    ),
    KindInfo(
        cls=apps.DaemonSet,
        warn=warn_workloads.set_warnings,
        prepare=template_generation.begin,
        carry=template_generation.follow,
        validate=check_workloads.daemon_set_causes,
        validate_update=check_workloads.daemon_set_update_causes,
        default=workloads.default_daemon_set,
        has_generation=True,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=apps.Deployment,
        warn=warn_workloads.replicated_warnings,
        validate=check_workloads.deployment_causes,
        validate_update=check_workloads.deployment_update_causes,
        default=workloads.default_deployment,
        has_generation=True,
        subresources=(STATUS, SCALE),
    ),
    KindInfo(
        cls=apps.ReplicaSet,
        warn=warn_workloads.replicated_warnings,
        validate=check_workloads.replica_set_causes,
        validate_update=check_workloads.replica_set_update_causes,
        default=workloads.default_replica_set,
        select=replica_fields,
        field_labels=("status.replicas",),
        has_generation=True,
        subresources=(STATUS, SCALE),
    ),
    KindInfo(
        cls=apps.StatefulSet,
        warn=warn_workloads.set_warnings,
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
        validate=check_events.new_event_causes,
        validate_update=check_events.new_event_update_causes,
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
        warn=warn_workloads.cron_job_warnings,
        validate=check_workloads.cron_job_causes,
        validate_update=again(check_workloads.cron_job_causes),
        default=workloads.default_cron_job,
        has_generation=True,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=batch.Job,
        warn=warn_workloads.job_warnings,
        validate=check_workloads.job_causes,
        validate_update=check_workloads.job_update_causes,
        default=workloads.default_job,
        prepare=workloads.claim_pods,
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
    validate_update=check_autoscaling.autoscaler_update_causes,
    validate_status=check_autoscaling.autoscaler_status_causes,
    default=workloads.default_autoscaler,
    subresources=(STATUS,),
)

AUTOSCALING = (
    AUTOSCALER,
    KindInfo(
        cls=autoscaling.HorizontalPodAutoscaler,
        validate=check_autoscaling.autoscaler_v1_causes,
        validate_update=check_autoscaling.autoscaler_v1_update_causes,
        validate_status=check_autoscaling.autoscaler_status_causes,
        default=workloads.default_autoscaler_v1,
        subresources=(STATUS,),
        stored_in=AUTOSCALER,
        view=views_autoscaling.AUTOSCALERS,
    ),
)

CERTIFICATES = (
    KindInfo(
        cls=certificates.CertificateSigningRequest,
        name_rule=names.path_segment_name,
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
        warn=warn_network.ingress_warnings,
        validate=check_networking.ingress_causes,
        validate_update=check_networking.ingress_update_causes,
        validate_status=check_networking.ingress_status_causes,
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
        warn=warn_network.policy_warnings,
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
        validate_status=check_workloads.budget_status_causes,
        name_rule=names.path_segment_name,
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
        warn=warn_storage.capacity_warnings,
        needs_version=True,
        validate=check_storage.capacity_causes,
        validate_update=check_storage.capacity_update_causes,
    ),
    KindInfo(
        cls=storage.StorageClass,
        warn=warn_storage.class_warnings,
        validate=check_cluster.storage_class_causes,
        validate_update=check_cluster.storage_class_update_causes,
        default=services.default_storage_class,
    ),
    KindInfo(
        cls=storage.VolumeAttachment,
        needs_version=True,
        validate=check_storage.attachment_causes,
        validate_update=check_storage.attachment_update_causes,
        validate_status=check_storage.attachment_status_causes,
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
        cls=admission.MutatingAdmissionPolicy,
        needs_version=True,
        default=admission_policy.default_policy,
        validate=check_mutations.policy_causes,
        validate_update=check_mutations.policy_update_causes,
        has_generation=True,
    ),
    KindInfo(
        cls=admission.MutatingAdmissionPolicyBinding,
        needs_version=True,
        default=admission_policy.default_binding,
        validate=check_mutations.binding_causes,
        validate_update=again(check_mutations.binding_causes),
        has_generation=True,
    ),
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
        validate_status=check_aggregation.api_service_status_causes,
        name_rule=names.path_segment_name,
        subresources=(STATUS,),
    ),
)

FLOWS = (
    KindInfo(
        cls=flowcontrol.FlowSchema,
        default=flow_defaults.default_schema,
        validate=check_flows.schema_causes,
        validate_update=check_flows.schema_update_causes,
        has_generation=True,
        subresources=(STATUS,),
    ),
    KindInfo(
        cls=flowcontrol.PriorityLevelConfiguration,
        default=flow_defaults.default_level,
        validate=check_flows.level_causes,
        validate_update=check_flows.level_update_causes,
        has_generation=True,
        subresources=(STATUS,),
    ),
)

OTHERS = (
    KindInfo(
        cls=scheduling.PriorityClass,
        default=services.default_priority_class,
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
        warn=warn_nodes.runtime_class_warnings,
        needs_version=True,
        validate=check_cluster.runtime_class_causes,
        validate_update=check_cluster.runtime_class_update_causes,
    ),
    KindInfo(
        cls=discovery.EndpointSlice,
        validate=check_endpoints.endpoint_slice_causes,
        validate_update=check_endpoints.endpoint_slice_update_causes,
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
    *FLOWS,
    *OTHERS,
    *METRICS,
)
