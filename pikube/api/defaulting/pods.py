"""Pure: what Kubernetes fills into pods and pod templates that leave it out.

Enter: a decoded Pod or PodTemplateSpec, changed in place. Called through KindInfo.default. Source:
kubernetes pkg/apis/core/v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from pikube.api.kinds.core_container import (
    Container,
    ContainerPort,
    EphemeralContainer,
    HTTPGetAction,
    LifecycleHandler,
    Probe,
    ResourceRequirements,
)
from pikube.api.kinds.core_pod import Pod, PodSecurityContext, PodSpec, PodTemplate, PodTemplateSpec
from pikube.api.kinds.core_volume import (
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    PersistentVolumeClaimSpec,
    Volume,
)
from pikube.api.quantity import canonical

FILE_MODE = 0o644
SERVICE_ACCOUNT_TOKEN_S = 3600


def default_pod(pod: Pod) -> None:
    """A pod: its spec, and requests taken over from limits (templates do not get these)."""
    default_pod_spec(pod.spec)
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        default_requests(container.resources)
    if pod.spec.enable_service_links is None:
        pod.spec.enable_service_links = True
    if pod.spec.host_network:
        for container in (*pod.spec.init_containers, *pod.spec.containers):
            for port in container.ports:
                port.host_port = port.host_port or port.container_port
    if (pod.spec.termination_grace_period_seconds or 0) < 0:
        pod.spec.termination_grace_period_seconds = (
            1  # of a pod alone (core/v1/conversion.go), a template keeps it
        )
    if not pod.status.phase:
        pod.status.phase = "Pending"
    if not pod.status.qos_class:
        pod.status.qos_class = qos_class(pod.spec)


def default_pod_template(template: PodTemplate) -> None:
    default_template_spec(template.template)


def default_template_spec(template: PodTemplateSpec) -> None:
    """The template of a workload."""
    default_pod_spec(template.spec)
    if template.spec.host_network:
        for container in (*template.spec.init_containers, *template.spec.containers):
            for port in container.ports:
                port.host_port = port.host_port or port.container_port


def default_pod_spec(spec: PodSpec) -> None:
    """Everything a pod spec says by saying nothing."""
    spec.dns_policy = spec.dns_policy or "ClusterFirst"
    spec.restart_policy = spec.restart_policy or "Always"
    spec.scheduler_name = spec.scheduler_name or "default-scheduler"
    if spec.security_context is None:
        spec.security_context = PodSecurityContext()
    if spec.termination_grace_period_seconds is None:
        spec.termination_grace_period_seconds = 30
    if spec.service_account_name or spec.service_account:
        spec.service_account_name = spec.service_account_name or spec.service_account
        spec.service_account = spec.service_account_name
    for volume in spec.volumes:
        default_volume(volume)
    for container in (*spec.init_containers, *spec.containers):
        default_container(container)
    for ephemeral in spec.ephemeral_containers:
        default_container(ephemeral)
    for spread in spec.topology_spread_constraints:
        spread.node_affinity_policy = spread.node_affinity_policy or "Honor"
        spread.node_taints_policy = spread.node_taints_policy or "Ignore"
    if spec.resources is not None:
        canonical_resources(spec.resources)
    spec.overhead = {name: canonical(amount) for name, amount in spec.overhead.items()}


def default_container(container: Container | EphemeralContainer) -> None:
    """Pull policy by tag, termination message, ports, probes, resources."""
    if container.image and not container.image_pull_policy:
        container.image_pull_policy = "Always" if has_latest_tag(container.image) else "IfNotPresent"
    container.termination_message_path = container.termination_message_path or "/dev/termination-log"
    container.termination_message_policy = container.termination_message_policy or "File"
    _default_ports(container.ports)
    canonical_resources(container.resources)
    for probe in (container.liveness_probe, container.readiness_probe, container.startup_probe):
        if probe is not None:
            _default_probe(probe)
    if container.lifecycle is not None:
        _default_hooks((container.lifecycle.post_start, container.lifecycle.pre_stop))
    for variable in container.env:
        if variable.value_from is not None and variable.value_from.field_ref is not None:
            ref = variable.value_from.field_ref
            ref.api_version = ref.api_version or "v1"
        if variable.value_from is not None and variable.value_from.resource_field_ref is not None:
            divisor = variable.value_from.resource_field_ref
            divisor.divisor = canonical(divisor.divisor) if divisor.divisor else "0"
    security = container.security_context
    if security is not None and security.proc_mount == "":
        security.proc_mount = "Default"


def has_latest_tag(image: str) -> bool:
    """Whether an image reference names no digest and the tag latest, or none."""
    if "@" in image:
        return False
    last = image.rsplit("/", 1)[-1]
    tag = last.split(":", 1)[1] if ":" in last else "latest"
    return tag == "latest"


def canonical_resources(resources: ResourceRequirements) -> None:
    """Quantities in canonical text."""
    resources.limits = {name: canonical(amount) for name, amount in resources.limits.items()}
    resources.requests = {name: canonical(amount) for name, amount in resources.requests.items()}


def default_requests(resources: ResourceRequirements) -> None:
    """A limit without a request asks for the limit."""
    for name, amount in resources.limits.items():
        resources.requests.setdefault(name, amount)


def default_volume(volume: Volume) -> None:
    """A volume without a source is an empty directory; modes and types of the others."""
    for source in (volume.secret, volume.config_map, volume.projected, volume.downward_api):
        if source is not None and source.default_mode is None:
            source.default_mode = FILE_MODE
    if volume.downward_api is not None:
        _default_downward(volume.downward_api)
    if volume.host_path is not None and volume.host_path.type is None:
        volume.host_path.type = ""
    if volume.projected is not None:
        for projection in volume.projected.sources:
            token = projection.service_account_token
            if token is not None and token.expiration_seconds is None:
                token.expiration_seconds = SERVICE_ACCOUNT_TOKEN_S
            if projection.downward_api is not None:
                for item in projection.downward_api.items:
                    if item.field_ref is not None:
                        item.field_ref.api_version = item.field_ref.api_version or "v1"
    if volume.ephemeral is not None and volume.ephemeral.volume_claim_template is not None:
        default_claim_spec(volume.ephemeral.volume_claim_template.spec)
    if volume.empty_dir is not None and volume.empty_dir.size_limit is not None:
        volume.empty_dir.size_limit = canonical(volume.empty_dir.size_limit)
    if not any(getattr(volume, name) is not None for name in volume.__struct_fields__ if name != "name"):
        volume.empty_dir = EmptyDirVolumeSource()


def default_claim_spec(spec: PersistentVolumeClaimSpec) -> None:
    """Filesystem mode and canonical sizes."""
    spec.volume_mode = spec.volume_mode or "Filesystem"
    spec.resources.requests = {n: canonical(q) for n, q in spec.resources.requests.items()}
    spec.resources.limits = {n: canonical(q) for n, q in spec.resources.limits.items()}


def qos_class(spec: PodSpec) -> str:
    """Guaranteed, Burstable or BestEffort (kubernetes pkg/apis/core/helper/qos/qos.go)."""
    containers = (*spec.init_containers, *spec.containers)
    requests = [c.resources.requests.get(n) for c in containers for n in ("cpu", "memory")]
    limits = [c.resources.limits.get(n) for c in containers for n in ("cpu", "memory")]
    given = [q for q in (*requests, *limits) if q and q != "0"]
    if not given:
        return "BestEffort"
    is_guaranteed = all(
        limit and (request is None or request == limit)
        for request, limit in zip(requests, limits, strict=True)
    )
    return "Guaranteed" if is_guaranteed else "Burstable"


def _default_ports(ports: Iterable[ContainerPort]) -> None:
    for port in ports:
        port.protocol = port.protocol or "TCP"


def _default_probe(probe: Probe) -> None:
    probe.timeout_seconds = probe.timeout_seconds or 1
    probe.period_seconds = probe.period_seconds or 10
    probe.success_threshold = probe.success_threshold or 1
    probe.failure_threshold = probe.failure_threshold or 3
    if probe.http_get is not None:
        _default_http_get(probe.http_get)
    if probe.grpc is not None and probe.grpc.service is None:
        probe.grpc.service = ""


def _default_hooks(hooks: Iterable[LifecycleHandler | None]) -> None:
    for hook in hooks:
        if hook is not None and hook.http_get is not None:
            _default_http_get(hook.http_get)


def _default_http_get(action: HTTPGetAction) -> None:
    action.path = action.path or "/"
    action.scheme = action.scheme or "HTTP"


def _default_downward(source: DownwardAPIVolumeSource) -> None:
    for item in source.items:
        if item.field_ref is not None:
            item.field_ref.api_version = item.field_ref.api_version or "v1"
