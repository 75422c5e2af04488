"""Pure: what is wrong with a pod spec, in Kubernetes' words (pkg/apis/core/validation/validation.go)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from msgspec import structs

from pikube.api import names
from pikube.api.defaulting.pods import qos_class
from pikube.api.errors import Cause
from pikube.api.kinds.core_container import (
    Container,
    ContainerPort,
    EnvFromSource,
    EnvVar,
    EphemeralContainer,
    Probe,
    ResourceRequirements,
    VolumeMount,
)
from pikube.api.kinds.core_pod import Pod, PodSpec
from pikube.api.kinds.core_references import Toleration
from pikube.api.kinds.core_volume import Volume
from pikube.api.quantity import QuantityError, parse
from pikube.api.schema import fields_of
from pikube.api.validation.causes import (
    by_rule,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_negative,
    required,
)
from pikube.api.validation.declared import declared_causes
from pikube.api.validation.restarts import restart_causes

MIRROR = "kubernetes.io/config.mirror"
MANY_SOURCES = "may not specify more than 1 volume type"
IMMUTABLE_POD = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
    "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
    "previously negative)"
)
SYSCTL_CHARS = 253  # kubernetes validation.go:SysctlMaxLength
SYSCTL_WORDS = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
SYSCTL = re.compile(SYSCTL_WORDS, re.ASCII)


def pod_causes(pod: Pod) -> list[Cause]:
    """A new pod."""
    return pod_spec_causes(pod.spec, "spec")


def pod_update_causes(new: Pod, old: Pod) -> list[Cause]:
    """A running pod keeps its spec but for images, the deadline, tolerations that are added."""
    causes = pod_spec_causes(new.spec, "spec")
    if new.spec == old.spec:
        return causes
    if len(new.spec.containers) != len(old.spec.containers):
        causes.append(forbidden("spec.containers", "pod updates may not add or remove containers"))
        return causes
    causes += _deadline_causes(new.spec.active_deadline_seconds, old.spec.active_deadline_seconds)
    if not _is_allowed_change(new.spec, old.spec):
        causes.append(forbidden("spec", IMMUTABLE_POD))
    return causes


def _deadline_causes(new: int | None, old: int | None) -> list[Cause]:
    """A deadline may only come nearer."""
    place = "spec.activeDeadlineSeconds"
    if new is None and old is not None:
        return [invalid(place, None, "must not update from a positive integer to nil value")]
    if new is not None and old is not None and new > old:
        return [invalid(place, new, "must be less than or equal to previous value")]
    return []


def pod_door_causes(new: Pod, old: Pod) -> list[Cause]:
    """What of a pod changes through its subresources only (binding, resize, ephemeralcontainers)."""
    mine, theirs = new.spec, old.spec
    is_same = (
        mine.node_name == theirs.node_name
        and mine.ephemeral_containers == theirs.ephemeral_containers
        and _sizes(mine) == _sizes(theirs)
    )
    return [] if is_same else [forbidden("spec", IMMUTABLE_POD)]


def pod_resize_causes(new: Pod, old: Pod) -> list[Cause]:
    """What a write through the subresource `resize` may change: cpu and memory of containers that run
    (kubernetes validation.go:ValidatePodResize)."""
    if MIRROR in old.metadata.annotations:
        return [forbidden("", "static pods cannot be resized")]
    mine, theirs = _every_container(new.spec), _every_container(old.spec)
    if [c.name for c in mine] != [c.name for c in theirs]:
        return [forbidden("spec.containers", "containers may not be added or removed on resize")]
    causes: list[Cause] = []
    for place, container, before in zip(_places(new.spec), mine, theirs, strict=True):
        causes += _removed(f"{place}.resources", container.resources, before.resources)
        if _is_init(place, container) and container.resources != before.resources:
            causes.append(forbidden(place, "resources of init containers cannot be resized"))
        same = structs.replace(container, resources=before.resources, resize_policy=before.resize_policy)
        if same != before or _others(container.resources) != _others(before.resources):
            causes.append(forbidden("spec", "only cpu and memory resources are mutable"))
    if not causes and qos_class(new.spec) != qos_class(old.spec):
        words = "Pod QOS Class may not change as a result of resizing"
        causes.append(invalid("spec", qos_class(new.spec), words))
    return causes


def _every_container(spec: PodSpec) -> tuple[Container, ...]:
    return (*spec.containers, *spec.init_containers)


def _is_init(place: str, container: Container) -> bool:
    return place.startswith("spec.init") and container.restart_policy != "Always"


def _places(spec: PodSpec) -> list[str]:
    return [
        *(f"spec.containers[{n}]" for n in range(len(spec.containers))),
        *(f"spec.initContainers[{n}]" for n in range(len(spec.init_containers))),
    ]


def _removed(place: str, new: ResourceRequirements, old: ResourceRequirements) -> list[Cause]:
    return [
        forbidden(f"{place}.{which}", f"resource {which} cannot be removed")
        for which in ("limits", "requests")
        if set(getattr(old, which)) - set(getattr(new, which))
    ]


def _others(resources: ResourceRequirements) -> tuple[Any, ...]:
    rest = [
        {name: amount for name, amount in amounts.items() if name not in ("cpu", "memory")}
        for amounts in (resources.limits, resources.requests)
    ]
    return (*rest, resources.claims)


def _sizes(spec: PodSpec) -> list[tuple[Any, Any]]:
    return [(c.resources, c.resize_policy) for c in (*spec.containers, *spec.init_containers)]


def _is_allowed_change(new: PodSpec, old: PodSpec) -> bool:

    same_images = [
        structs.replace(
            mine, image=theirs.image, resources=theirs.resources, resize_policy=theirs.resize_policy
        )
        for mine, theirs in zip(new.containers, old.containers, strict=True)
    ]
    same_init = [
        structs.replace(mine, image=theirs.image, resources=theirs.resources)
        for mine, theirs in zip(new.init_containers, old.init_containers, strict=False)
    ]
    added = [t for t in new.tolerations if t not in old.tolerations]
    gone = [t for t in old.tolerations if t not in new.tolerations]
    gates = [g for g in new.scheduling_gates if g not in old.scheduling_gates]
    if gone or gates:
        return False
    munged = structs.replace(
        new,
        containers=tuple(same_images),
        init_containers=tuple(same_init) if len(new.init_containers) == len(old.init_containers) else (),
        active_deadline_seconds=old.active_deadline_seconds,
        tolerations=old.tolerations if added else new.tolerations,
        scheduling_gates=old.scheduling_gates,
        node_name=old.node_name,
        ephemeral_containers=new.ephemeral_containers
        if new.ephemeral_containers[: len(old.ephemeral_containers)] == old.ephemeral_containers
        else (),
        termination_grace_period_seconds=old.termination_grace_period_seconds
        if new.termination_grace_period_seconds == 1
        else new.termination_grace_period_seconds,
    )
    return munged == structs.replace(old, ephemeral_containers=new.ephemeral_containers)


def pod_spec_causes(spec: PodSpec, path: str) -> list[Cause]:
    """A pod spec at `path` (`spec`, `spec.template.spec`)."""
    causes = declared_causes(spec, path)
    causes += _container_list_causes(spec, path)
    volumes = _volume_causes(spec.volumes, f"{path}.volumes", causes)
    for place, containers in (("initContainers", spec.init_containers), ("containers", spec.containers)):
        for index, container in enumerate(containers):
            causes += container_causes(container, f"{path}.{place}[{index}]", volumes, spec)
    for index, ephemeral in enumerate(spec.ephemeral_containers):
        causes += container_causes(ephemeral, f"{path}.ephemeralContainers[{index}]", volumes, spec)
    causes += not_negative(f"{path}.terminationGracePeriodSeconds", spec.termination_grace_period_seconds)
    if spec.active_deadline_seconds is not None and not 0 < spec.active_deadline_seconds < 2**31:
        causes.append(
            invalid(
                f"{path}.activeDeadlineSeconds",
                spec.active_deadline_seconds,
                names.range_error(1, 2**31 - 1),
            )
        )
    for field, value, rule in (
        ("serviceAccountName", spec.service_account_name, names.dns1123_subdomain),
        ("nodeName", spec.node_name, names.dns1123_subdomain),
        ("hostname", spec.hostname, names.dns1123_label),
        ("subdomain", spec.subdomain, names.dns1123_label),
        ("priorityClassName", spec.priority_class_name, names.dns1123_subdomain),
        ("schedulerName", spec.scheduler_name, names.dns1123_subdomain),
    ):
        if value:
            causes += by_rule(f"{path}.{field}", value, rule)
    causes += _node_selector_causes(spec, path)
    causes += toleration_causes(spec.tolerations, f"{path}.tolerations")
    for index, alias in enumerate(spec.host_aliases):
        causes += by_rule(f"{path}.hostAliases[{index}].ip", alias.ip, names.ip_address)
        for number, hostname in enumerate(alias.hostnames):
            causes += by_rule(
                f"{path}.hostAliases[{index}].hostnames[{number}]", hostname, names.dns1123_subdomain
            )
    security = spec.security_context
    for index, sysctl in enumerate(security.sysctls if security is not None else ()):
        if not sysctl.name:
            causes.append(required(f"{path}.securityContext.sysctls[{index}].name"))
        elif len(sysctl.name) > SYSCTL_CHARS or SYSCTL.fullmatch(sysctl.name) is None:
            words = f"must have at most {SYSCTL_CHARS} characters and match regex {SYSCTL_WORDS}"
            causes.append(invalid(f"{path}.securityContext.sysctls[{index}].name", sysctl.name, words))
    if spec.dns_policy == "None" and (spec.dns_config is None or not spec.dns_config.nameservers):
        causes.append(
            required(
                f"{path}.dnsConfig.nameservers",
                "must provide at least one DNS nameserver when `dnsPolicy` is None",
            )
        )
    return causes


def _container_list_causes(spec: PodSpec, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if not spec.containers:
        causes.append(required(f"{path}.containers"))
    seen: set[str] = set()
    named: list[tuple[str, str]] = []
    named += [(f"containers[{i}]", c.name) for i, c in enumerate(spec.containers)]
    named += [(f"initContainers[{i}]", c.name) for i, c in enumerate(spec.init_containers)]
    named += [(f"ephemeralContainers[{i}]", c.name) for i, c in enumerate(spec.ephemeral_containers)]
    for place, name in named:
        if name and name in seen:
            causes.append(duplicate(f"{path}.{place}.name", name))
        seen.add(name)
    return causes


def container_causes(
    container: Container | EphemeralContainer, path: str, volumes: set[str], spec: PodSpec
) -> list[Cause]:
    """One container of a pod whose volumes are called `volumes`."""
    causes: list[Cause] = []
    if container.name:
        causes += by_rule(f"{path}.name", container.name, names.dns1123_label)
    if not container.image:
        causes.append(required(f"{path}.image"))
    elif container.image != container.image.strip():
        causes.append(
            invalid(f"{path}.image", container.image, "must not have leading or trailing whitespace")
        )
    causes += _port_causes(container.ports, f"{path}.ports", spec.host_network)
    for index, variable in enumerate(container.env):
        causes += _env_causes(variable, f"{path}.env[{index}]")
    for index, source in enumerate(container.env_from):
        causes += _env_from_causes(source, f"{path}.envFrom[{index}]")
    causes += _mount_causes(container.volume_mounts, f"{path}.volumeMounts", volumes)
    causes += _privilege_causes(container, path, spec)
    causes += restart_causes(container, path)
    for name, probe in (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    ):
        if probe is not None:
            causes += _probe_causes(probe, f"{path}.{name}", name)
    causes += resource_causes(container.resources, f"{path}.resources")
    lifecycle = container.lifecycle
    if lifecycle is not None:
        for name, hook in (("postStart", lifecycle.post_start), ("preStop", lifecycle.pre_stop)):
            if hook is not None:
                causes += _handler_causes(
                    hook, f"{path}.lifecycle.{name}", ("exec", "http_get", "tcp_socket", "sleep")
                )
    return causes


def _privilege_causes(container: Container | EphemeralContainer, path: str, spec: PodSpec) -> list[Cause]:
    """What may be had with or without other privileges only (kubernetes validation.go:ValidateSecurityContext,
    validateMountPropagation)."""
    causes: list[Cause] = []
    security = container.security_context
    if not (security is not None and security.privileged):
        words = "Bidirectional mount propagation is available only to privileged containers"
        causes += [
            forbidden(f"{path}.volumeMounts.mountPropagation", words)
            for mount in container.volume_mounts
            if mount.mount_propagation == "Bidirectional"
        ]
    if security is not None and security.proc_mount == "Unmasked" and spec.host_users is not False:
        words = "`hostUsers` must be false to use `Unmasked`"
        causes.append(invalid(f"{path}.securityContext.procMount", security.proc_mount, words))
    if security is not None and security.privileged and security.allow_privilege_escalation is False:
        causes.append(
            invalid(
                f"{path}.securityContext",
                security,
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
            )
        )
    return causes


def _port_causes(ports: Sequence[ContainerPort], path: str, is_host_network: bool) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here = f"{path}[{index}]"
        if port.name:
            problems = by_rule(f"{here}.name", port.name, names.port_name)
            causes += problems
            if not problems and port.name in seen:
                causes.append(duplicate(f"{here}.name", port.name))
            seen.add(port.name)
        if not port.container_port:
            causes.append(required(f"{here}.containerPort"))
        else:
            causes += by_rule(f"{here}.containerPort", port.container_port, names.port_number)
        if port.host_port:
            causes += by_rule(f"{here}.hostPort", port.host_port, names.port_number)
            if is_host_network and port.host_port != port.container_port:
                causes.append(
                    invalid(
                        f"{here}.hostPort", port.host_port,
                        "must match `containerPort` when `hostNetwork` is true",
                    )
                )  # fmt: skip
    return causes


def _env_causes(variable: EnvVar, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if variable.name:
        causes += by_rule(f"{path}.name", variable.name, names.relaxed_env_var_name)
    source = variable.value_from
    if source is None:
        return causes
    given = [name for name in source.__struct_fields__ if getattr(source, name) is not None]
    if variable.value:
        causes.append(invalid(f"{path}.valueFrom", "", "may not be specified when `value` is not empty"))
    if not given:
        causes.append(
            invalid(f"{path}.valueFrom", "", "must specify one of: `fieldRef`, `resourceFieldRef`, "
                    "`configMapKeyRef` or `secretKeyRef`")
        )  # fmt: skip
    elif len(given) > 1:
        causes.append(
            invalid(f"{path}.valueFrom", "", "may not have more than one field specified at a time")
        )
    return causes


def _env_from_causes(source: EnvFromSource, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if source.prefix:
        causes += by_rule(f"{path}.prefix", source.prefix, names.relaxed_env_var_name)
    given = [ref for ref in (source.config_map_ref, source.secret_ref) if ref is not None]
    if not given:
        causes.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
    elif len(given) > 1:
        causes.append(invalid(path, "", "may not have more than one field specified at a time"))
    return causes


def _mount_causes(mounts: Sequence[VolumeMount], path: str, volumes: set[str]) -> list[Cause]:
    causes: list[Cause] = []
    paths: set[str] = set()
    for index, mount in enumerate(mounts):
        here = f"{path}[{index}]"
        if mount.name and mount.name not in volumes:
            causes.append(not_found(f"{here}.name", mount.name))
        if mount.mount_path and mount.mount_path in paths:
            causes.append(invalid(f"{here}.mountPath", mount.mount_path, "must be unique"))
        paths.add(mount.mount_path)
        if mount.sub_path and mount.sub_path_expr:
            causes.append(
                invalid(
                    f"{here}.subPathExpr",
                    mount.sub_path_expr,
                    "subPathExpr and subPath are mutually exclusive",
                )
            )
        for name, value in (("subPath", mount.sub_path), ("subPathExpr", mount.sub_path_expr)):
            if value:
                causes += by_rule(f"{here}.{name}", value, names.relative_path)
    return causes


def _volume_causes(volumes: Sequence[Volume], path: str, causes: list[Cause]) -> set[str]:
    """Adds what is wrong to `causes`; returns the names of all volumes."""
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        here = f"{path}[{index}]"
        if volume.name:
            problems = by_rule(f"{here}.name", volume.name, names.dns1123_label)
            causes += problems
            if not problems and volume.name in seen:
                causes.append(duplicate(f"{here}.name", volume.name))
            seen.add(volume.name)
        sources = [
            field.name
            for field in fields_of(Volume)
            if field.name != "name" and getattr(volume, field.attribute) is not None
        ]
        if not sources:
            causes.append(required(here, "must specify a volume type"))
        elif len(sources) > 1:
            causes.append(forbidden(f"{here}.{sources[1]}", MANY_SOURCES))
        if volume.host_path is not None and ".." in volume.host_path.path.split("/"):
            causes.append(invalid(f"{here}.hostPath.path", volume.host_path.path, "must not contain '..'"))
        if volume.secret is not None and not volume.secret.secret_name:
            causes.append(required(f"{here}.secret.secretName"))
        if volume.config_map is not None and not volume.config_map.name:
            causes.append(required(f"{here}.configMap.name"))
    return seen


def _probe_causes(probe: Probe, path: str, name: str) -> list[Cause]:
    causes = _handler_causes(probe, path, ("exec", "http_get", "tcp_socket", "grpc"))
    for field, value in (
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ):
        causes += not_negative(f"{path}.{field}", value)
    if name != "readinessProbe" and probe.success_threshold != 1:
        causes.append(invalid(f"{path}.successThreshold", probe.success_threshold, "must be 1"))
    if name == "readinessProbe" and probe.termination_grace_period_seconds is not None:
        causes.append(
            invalid(
                f"{path}.terminationGracePeriodSeconds",
                probe.termination_grace_period_seconds,
                "must not be set for readinessProbes",
            )
        )
    return causes


def _handler_causes(handler: Any, path: str, kinds: Sequence[str]) -> list[Cause]:
    given = [kind for kind in kinds if getattr(handler, kind, None) is not None]
    if not given:
        return [required(path, "must specify a handler type")]
    causes: list[Cause] = []
    if len(given) > 1:
        causes.append(forbidden(f"{path}.{_camel(given[1])}", "may not specify more than 1 handler type"))
    if "exec" in given and not handler.exec.command:
        causes.append(required(f"{path}.exec.command"))
    for kind in ("http_get", "tcp_socket"):
        if kind in given:
            causes += port_ref_causes(getattr(handler, kind).port, f"{path}.{_camel(kind)}.port")
    return causes


def port_ref_causes(port: int | str, path: str) -> list[Cause]:
    """A port by number or by name."""
    return by_rule(path, port, names.port_number if isinstance(port, int) else names.port_name)


def resource_causes(resources: Any, path: str) -> list[Cause]:
    """Amounts are not negative, and no request is over its limit."""
    causes: list[Cause] = []
    for place, amounts in (("limits", resources.limits), ("requests", resources.requests)):
        for name, amount in amounts.items():
            field = f"{path}.{place}[{name}]"
            if not _is_known_resource(name):
                causes.append(invalid(field, name, "must be a standard resource type or fully qualified"))
            try:
                if parse(amount).nano < 0:
                    causes.append(invalid(field, amount, "must be greater than or equal to 0"))
            except QuantityError as error:
                causes.append(invalid(field, amount, str(error)))
    for name, amount in resources.requests.items():
        limit = resources.limits.get(name)
        if limit is not None and parse(amount).nano > parse(limit).nano:
            causes.append(
                invalid(f"{path}.requests", amount, f"must be less than or equal to {name} limit of {limit}")
            )
    return causes


def _is_known_resource(name: str) -> bool:
    return name in ("cpu", "memory", "ephemeral-storage") or name.startswith("hugepages-") or "/" in name


def _node_selector_causes(spec: PodSpec, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for key, value in spec.node_selector.items():
        causes += by_rule(f"{path}.nodeSelector", key, names.qualified_name)
        causes += by_rule(f"{path}.nodeSelector", value, names.label_value)
    return causes


def toleration_causes(tolerations: Sequence[Toleration], path: str) -> list[Cause]:
    """Keys, operators and effects that go together."""
    causes: list[Cause] = []
    for index, toleration in enumerate(tolerations):
        here = f"{path}[{index}]"
        if toleration.key:
            causes += by_rule(f"{here}.key", toleration.key, names.qualified_name)
        elif toleration.operator != "Exists":
            causes.append(
                invalid(f"{here}.operator", toleration.operator, "operator must be Exists when `key` is empty, which "
                        "means \"match all values and all keys\"")
            )  # fmt: skip
        if toleration.operator == "Exists" and toleration.value:
            causes.append(
                invalid(f"{here}.operator", toleration, "value must be empty when `operator` is 'Exists'")
            )
        if toleration.toleration_seconds is not None and toleration.effect != "NoExecute":
            causes.append(
                invalid(
                    f"{here}.effect",
                    toleration.effect,
                    "effect must be 'NoExecute' when `tolerationSeconds` is set",
                )
            )
    return causes


def _camel(attribute: str) -> str:
    return {"http_get": "httpGet", "tcp_socket": "tcpSocket"}.get(attribute, attribute)
