"""Pure: the tables of nodes, services, volumes, access and everything else (printers.go)."""

from __future__ import annotations

from functools import reduce
from typing import Any

from pikube.api.columns.column import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Column,
    Columns,
    age,
    containers_text,
    human_duration,
    joined,
    labels_text,
    selector_text,
    wide,
)
from pikube.api.quantity import add

ROLE_PREFIX = "node-role.kubernetes.io/"
ACCESS = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _age(obj: Any, now: float) -> str:
    return age(obj.metadata.creation_timestamp, now)


def node_row(obj: Any, now: float) -> list[Any]:
    ready = next((c for c in obj.status.conditions if c.type == "Ready"), None)
    if ready is None:
        words = "Unknown"
    else:
        words = "Ready" if ready.status == "True" else "NotReady"
    if obj.spec.unschedulable:
        words += ",SchedulingDisabled"
    roles = {k[len(ROLE_PREFIX) :] for k in obj.metadata.labels if k.startswith(ROLE_PREFIX)}
    if obj.metadata.labels.get("kubernetes.io/role"):
        roles.add(obj.metadata.labels["kubernetes.io/role"])
    info = obj.status.node_info
    return [
        obj.metadata.name,
        words,
        joined(sorted(role for role in roles if role)),
        _age(obj, now),
        info.kubelet_version,
        _address(obj, "InternalIP"),
        _address(obj, "ExternalIP"),
        info.os_image or UNKNOWN,
        info.kernel_version or UNKNOWN,
        info.container_runtime_version or UNKNOWN,
    ]


def _address(obj: Any, type_: str) -> str:
    return next((a.address for a in obj.status.addresses if a.type == type_), NONE)


def service_row(obj: Any, now: float) -> list[Any]:
    spec = obj.spec
    return [
        obj.metadata.name,
        spec.type,
        spec.cluster_ip or NONE if spec.type != "ExternalName" else NONE,
        _external(obj),
        joined(_port_text(port, spec.type) for port in spec.ports),
        _age(obj, now),
        labels_text(spec.selector),
    ]


def _port_text(port: Any, type_: str) -> str:
    node_port = f":{port.node_port}" if port.node_port else ""
    return f"{port.port}{node_port}/{port.protocol}"


def _external(obj: Any) -> str:
    spec = obj.spec
    if spec.type == "ExternalName":
        return str(spec.external_name)
    if spec.type == "LoadBalancer":
        ingress = [i.ip or i.hostname for i in obj.status.load_balancer.ingress]
        return ",".join([*ingress, *spec.external_ips]) or "<pending>"
    return joined(spec.external_ips)


def endpoints_row(obj: Any, now: float) -> list[Any]:
    shown = []
    for subset in obj.subsets:
        if not subset.ports:
            shown += [address.ip for address in subset.addresses]
        for port in subset.ports:
            shown += [f"{address.ip}:{port.port}" for address in subset.addresses]
    return [obj.metadata.name, _first(shown), _age(obj, now)]


def _first(words: list[str], limit: int = 3) -> str:
    if len(words) > limit:
        return f"{','.join(words[:limit])} + {len(words) - limit} more..."
    return joined(words)


def endpoint_slice_row(obj: Any, now: float) -> list[Any]:
    ports = [str(p.port) if p.port is not None else "*" for p in obj.ports]
    addresses = [address for endpoint in obj.endpoints for address in endpoint.addresses]
    return [
        obj.metadata.name,
        obj.address_type,
        _first(ports) if ports else UNSET,
        _first(addresses) if addresses else UNSET,
        _age(obj, now),
    ]


def namespace_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.status.phase, _age(obj, now)]


def config_map_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, len(obj.data) + len(obj.binary_data), _age(obj, now)]


def secret_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.type, len(obj.data), _age(obj, now)]


def service_account_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, len(obj.secrets), _age(obj, now)]


def event_row(obj: Any, now: float) -> list[Any]:
    first = obj.first_timestamp or obj.event_time
    last = obj.last_timestamp or first
    count = obj.count
    if obj.series is not None:
        last, count = obj.series.last_observed_time, obj.series.count
    about = obj.involved_object
    source = obj.source.component or obj.reporting_component
    host = obj.source.host or obj.reporting_instance
    return [
        age(last, now),
        obj.type,
        obj.reason,
        f"{about.kind.lower()}/{about.name}" if about.kind else about.name,
        about.field_path,
        f"{source}, {host}" if host else source,
        obj.message.strip(),
        age(first, now),
        count or 1,
        obj.metadata.name,
    ]


def api_service_row(obj: Any, now: float) -> list[Any]:
    service = obj.spec.service
    found = next((c for c in obj.status.conditions if c.type == "Available"), None)
    available = UNKNOWN if found is None else found.status
    if found is not None and found.status != "True":
        available += f" ({found.reason})"
    where = "Local" if service is None else f"{service.namespace}/{service.name}"
    return [obj.metadata.name, where, available, _age(obj, now)]


def volume_row(obj: Any, now: float) -> list[Any]:
    claim = obj.spec.claim_ref
    return [
        obj.metadata.name,
        str(obj.spec.capacity.get("storage", "")),
        _modes(obj.spec.access_modes),
        obj.spec.persistent_volume_reclaim_policy,
        "Terminating" if obj.metadata.deletion_timestamp else obj.status.phase,
        f"{claim.namespace}/{claim.name}" if claim else "",
        obj.spec.storage_class_name,
        obj.spec.volume_attributes_class_name or UNSET,
        obj.status.reason,
        _age(obj, now),
        obj.spec.volume_mode or UNSET,
    ]


def claim_row(obj: Any, now: float) -> list[Any]:
    is_bound = bool(obj.spec.volume_name)
    return [
        obj.metadata.name,
        "Terminating" if obj.metadata.deletion_timestamp else obj.status.phase,
        obj.spec.volume_name,
        str(obj.status.capacity.get("storage", "")) if is_bound else "",
        _modes(obj.status.access_modes) if is_bound else "",
        obj.spec.storage_class_name or "",
        obj.spec.volume_attributes_class_name or UNSET,
        _age(obj, now),
        obj.spec.volume_mode or UNSET,
    ]


def _modes(modes: tuple[str, ...]) -> str:
    return ",".join(ACCESS.get(mode, mode) for mode in modes)


def storage_class_row(obj: Any, now: float) -> list[Any]:
    name = obj.metadata.name
    if obj.metadata.annotations.get("storageclass.kubernetes.io/is-default-class") == "true":
        name += " (default)"
    return [
        name,
        obj.provisioner,
        obj.reclaim_policy or "Delete",
        obj.volume_binding_mode or "Immediate",
        bool(obj.allow_volume_expansion),
        _age(obj, now),
    ]


def ingress_row(obj: Any, now: float) -> list[Any]:
    hosts = list(dict.fromkeys(rule.host for rule in obj.spec.rules if rule.host))
    addresses = [i.ip or i.hostname for i in obj.status.load_balancer.ingress]
    return [
        obj.metadata.name,
        NONE if obj.spec.ingress_class_name is None else obj.spec.ingress_class_name,
        _first(hosts) if hosts else "*",
        ",".join(addresses),
        "80, 443" if obj.spec.tls else "80",
        _age(obj, now),
    ]


def ingress_class_row(obj: Any, now: float) -> list[Any]:
    ref = obj.spec.parameters
    parameters = NONE
    if ref is not None:
        kind = f"{ref.kind}.{ref.api_group}" if ref.api_group else ref.kind
        parameters = f"{kind}/{ref.name}"
    return [obj.metadata.name, obj.spec.controller, parameters, _age(obj, now)]


def network_policy_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, selector_text(obj.spec.pod_selector), _age(obj, now)]


def role_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.metadata.creation_timestamp]


def binding_row(obj: Any, now: float) -> list[Any]:
    def of(kind: str) -> str:
        return ", ".join(
            f"{s.namespace}/{s.name}" if kind == "ServiceAccount" else s.name
            for s in obj.subjects
            if s.kind == kind
        )

    role = f"{obj.role_ref.kind}/{obj.role_ref.name}"
    return [obj.metadata.name, role, _age(obj, now), of("User"), of("Group"), of("ServiceAccount")]


def budget_row(obj: Any, now: float) -> list[Any]:
    spec = obj.spec
    return [
        obj.metadata.name,
        "N/A" if spec.min_available is None else str(spec.min_available),
        "N/A" if spec.max_unavailable is None else str(spec.max_unavailable),
        obj.status.disruptions_allowed,
        _age(obj, now),
    ]


def quota_row(obj: Any, now: float) -> list[Any]:
    used = {name: obj.status.used.get(name, "0") for name in obj.status.hard}
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(used):
        text = f"{name}: {used[name]}/{obj.status.hard[name]}"
        (limits if name.startswith("limits.") else requests).append(text)
    return [obj.metadata.name, ", ".join(requests), ", ".join(limits), _age(obj, now)]


def limit_range_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.metadata.creation_timestamp]


def priority_class_row(obj: Any, now: float) -> list[Any]:
    return [
        obj.metadata.name,
        obj.value,
        obj.global_default,
        _age(obj, now),
        obj.preemption_policy or "PreemptLowerPriority",
    ]


def lease_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.spec.holder_identity or "", _age(obj, now)]


def signing_request_row(obj: Any, now: float) -> list[Any]:
    types = [c.type for c in obj.status.conditions]
    words = next((w for w in ("Denied", "Approved") if w in types), "Pending")
    if "Failed" in types:
        words += ",Failed"
    if obj.status.certificate:
        words += ",Issued"
    expiration = obj.spec.expiration_seconds
    return [
        obj.metadata.name,
        _age(obj, now),
        obj.spec.signer_name or NONE,
        obj.spec.username,
        NONE if expiration is None else human_duration(expiration),
        words,
    ]


def crd_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.metadata.creation_timestamp]


def runtime_class_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.handler, _age(obj, now)]


def pod_template_row(obj: Any, now: float) -> list[Any]:
    return [
        obj.metadata.name,
        *containers_text(obj.template.spec),
        labels_text(obj.template.metadata.labels),
    ]


def component_row(obj: Any, now: float) -> list[Any]:
    healthy = next((c for c in obj.conditions if c.type == "Healthy"), None)
    words = "Healthy" if healthy is not None and healthy.status == "True" else "Unhealthy"
    return [obj.metadata.name, words, healthy.message if healthy else "", healthy.error if healthy else ""]


def webhooks_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, len(obj.webhooks), _age(obj, now)]


def csi_driver_row(obj: Any, now: float) -> list[Any]:
    spec = obj.spec
    tokens = ",".join(t.audience for t in spec.token_requests) or UNSET
    return [
        obj.metadata.name,
        bool(spec.attach_required),
        bool(spec.pod_info_on_mount),
        bool(spec.storage_capacity),
        tokens,
        bool(spec.requires_republish),
        ",".join(spec.volume_lifecycle_modes),
        _age(obj, now),
    ]


def csi_node_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, len(obj.spec.drivers), _age(obj, now)]


def attachment_row(obj: Any, now: float) -> list[Any]:
    return [
        obj.metadata.name,
        obj.spec.attacher,
        obj.spec.source.persistent_volume_name or "",
        obj.spec.node_name,
        obj.status.attached,
        _age(obj, now),
    ]


def plain_row(obj: Any, now: float) -> list[Any]:
    """Kinds that upstream prints with name and age only."""
    return [obj.metadata.name, _age(obj, now)]


NUMBER = "integer"
CREATED = Column("Created At", format="date-time")


def usage_cells(usages: list[dict[str, Any]]) -> list[str]:
    """CPU and memory, summed; what one of them does not know is not known."""
    cells = []
    for name in ("cpu", "memory"):
        amounts = [usage[name] for usage in usages if name in usage]
        known = len(amounts) == len(usages)
        cells.append(reduce(add, amounts, "0") if known else UNKNOWN)
    return cells


PLAIN = Columns((NAME, AGE), plain_row)

TABLES = {
    "NodeMetrics": Columns(
        (NAME, Column("CPU"), Column("Memory"), Column("Window")),
        lambda obj, now: [obj.metadata.name, *usage_cells([obj.usage]), obj.window],
    ),
    "PodMetrics": Columns(
        (NAME, Column("CPU"), Column("Memory"), Column("Window")),
        lambda obj, now: [obj.metadata.name, *usage_cells([c.usage for c in obj.containers]), obj.window],
    ),
    "Node": Columns(
        (NAME, Column("Status"), Column("Roles"), AGE, Column("Version"), wide("Internal-IP"),
         wide("External-IP"), wide("OS-Image"), wide("Kernel-Version"), wide("Container-Runtime")),
        node_row,
    ),
    "Service": Columns(
        (NAME, Column("Type"), Column("Cluster-IP"), Column("External-IP"), Column("Port(s)"), AGE,
         wide("Selector")),
        service_row,
    ),
    "Endpoints": Columns((NAME, Column("Endpoints"), AGE), endpoints_row),
    "EndpointSlice": Columns(
        (NAME, Column("AddressType"), Column("Ports"), Column("Endpoints"), AGE), endpoint_slice_row
    ),
    "Namespace": Columns((NAME, Column("Status"), AGE), namespace_row),
    "ConfigMap": Columns((NAME, Column("Data"), AGE), config_map_row),
    "Secret": Columns((NAME, Column("Type"), Column("Data"), AGE), secret_row),
    "ServiceAccount": Columns((NAME, Column("Secrets"), AGE), service_account_row),
    "Event": Columns(
        (Column("Last Seen"), Column("Type"), Column("Reason"), Column("Object"), wide("Subobject"),
         wide("Source"), Column("Message"), wide("First Seen"), wide("Count"),
         Column("Name", priority=1, format="name")),
        event_row,
    ),
    "PersistentVolume": Columns(
        (NAME, Column("Capacity"), Column("Access Modes"), Column("Reclaim Policy"), Column("Status"),
         Column("Claim"), Column("StorageClass"), Column("VolumeAttributesClass"), Column("Reason"), AGE,
         wide("VolumeMode")),
        volume_row,
    ),
    "PersistentVolumeClaim": Columns(
        (NAME, Column("Status"), Column("Volume"), Column("Capacity"), Column("Access Modes"),
         Column("StorageClass"), Column("VolumeAttributesClass"), AGE, wide("VolumeMode")),
        claim_row,
    ),
    "StorageClass": Columns(
        (NAME, Column("Provisioner"), Column("ReclaimPolicy"), Column("VolumeBindingMode"),
         Column("AllowVolumeExpansion"), AGE),
        storage_class_row,
    ),
    "Ingress": Columns(
        (NAME, Column("Class"), Column("Hosts"), Column("Address"), Column("Ports"), AGE), ingress_row
    ),
    "IngressClass": Columns((NAME, Column("Controller"), Column("Parameters"), AGE), ingress_class_row),
    "NetworkPolicy": Columns((NAME, Column("Pod-Selector"), AGE), network_policy_row),
    "Role": Columns((NAME, CREATED), role_row),
    "ClusterRole": Columns((NAME, CREATED), role_row),
    "RoleBinding": Columns(
        (NAME, Column("Role"), AGE, wide("Users"), wide("Groups"), wide("ServiceAccounts")), binding_row
    ),
    "ClusterRoleBinding": Columns(
        (NAME, Column("Role"), AGE, wide("Users"), wide("Groups"), wide("ServiceAccounts")), binding_row
    ),
    "PodDisruptionBudget": Columns(
        (NAME, Column("Min Available"), Column("Max Unavailable"), Column("Allowed Disruptions", NUMBER), AGE),
        budget_row,
    ),
    "ResourceQuota": Columns((NAME, Column("Request"), Column("Limit"), AGE), quota_row),
    "LimitRange": Columns((NAME, CREATED), limit_range_row),
    "PriorityClass": Columns(
        (NAME, Column("Value", NUMBER), Column("Global-Default", "boolean"), AGE, wide("PreemptionPolicy")),
        priority_class_row,
    ),
    "Lease": Columns((NAME, Column("Holder"), AGE), lease_row),
    "CertificateSigningRequest": Columns(
        (NAME, AGE, Column("SignerName"), Column("Requestor"), Column("RequestedDuration"),
         Column("Condition")),
        signing_request_row,
    ),
    "CustomResourceDefinition": Columns((NAME, CREATED), crd_row),
    "APIService": Columns((NAME, Column("Service"), Column("Available"), AGE), api_service_row),
    "RuntimeClass": Columns((NAME, Column("Handler"), AGE), runtime_class_row),
    "PodTemplate": Columns(
        (NAME, Column("Containers"), Column("Images"), Column("Pod Labels")), pod_template_row
    ),
    "ComponentStatus": Columns((NAME, Column("Status"), Column("Message"), Column("Error")), component_row),
    "ValidatingWebhookConfiguration": Columns((NAME, Column("Webhooks", NUMBER), AGE), webhooks_row),
    "MutatingWebhookConfiguration": Columns((NAME, Column("Webhooks", NUMBER), AGE), webhooks_row),
    "CSIDriver": Columns(
        (NAME, Column("AttachRequired", "boolean"), Column("PodInfoOnMount", "boolean"),
         Column("StorageCapacity", "boolean"), Column("TokenRequests"), Column("RequiresRepublish", "boolean"),
         Column("Modes"), AGE),
        csi_driver_row,
    ),
    "CSINode": Columns((NAME, Column("Drivers", NUMBER), AGE), csi_node_row),
    "VolumeAttachment": Columns(
        (NAME, Column("Attacher"), Column("PV"), Column("Node"), Column("Attached", "boolean"), AGE),
        attachment_row,
    ),
}  # fmt: skip
