"""Pure: what is wrong with a pod's containers.

Enter: the containers of a pod spec. Leave: causes. Called by `pods`. Source: kubernetes
pkg/apis/core/validation/validation.go:validateContainerCommon, validateContainers, validateInitContainers,
validateEphemeralContainers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.core_container import (
    Container,
    ContainerPort,
    EnvFromSource,
    EnvVar,
    EphemeralContainer,
    Probe,
    VolumeMount,
)
from pikube.api.kinds.core_pod import PodSpec
from pikube.api.quantity import QuantityError, parse
from pikube.api.validation.causes import (
    by_rule,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_negative,
    not_supported,
    required,
)
from pikube.api.validation.pod_order import HOST_NETWORK
from pikube.api.validation.pod_security import container_security_causes
from pikube.api.validation.pod_volumes import FIELDS_OF_ENV, amount_causes, field_causes
from pikube.api.validation.restarts import restart_causes

NOT_FOR_EPHEMERAL = (
    "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe", "readinessProbe",
    "startupProbe", "lifecycle",
)  # fmt: skip
HANDLERS = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
RESIZED = ("cpu", "memory")
RESIZES = ("NotRequired", "RestartContainer")


def containers_causes(spec: PodSpec, path: str) -> Iterator[Cause]:
    """Of all containers of a pod."""
    volumes = {volume.name for volume in spec.volumes}
    if not spec.containers:
        yield required(f"{path}.containers")
    yield from _name_causes(spec, path)
    for kind, containers in (("containers", spec.containers), ("initContainers", spec.init_containers)):
        for index, container in enumerate(containers):
            yield from _container_causes(container, f"{path}.{kind}[{index}]", volumes, spec)
    for index, container in enumerate(spec.init_containers):
        here = f"{path}.initContainers[{index}]"
        if container.restart_policy != "Always":
            words = "may not be set for init containers without restartPolicy=Always"
            yield from _forbidden_causes(container, HANDLERS, here, words)
        yield from host_port_causes([container], f"{path}.initContainers", first=index)
    for index, ephemeral in enumerate(spec.ephemeral_containers):
        here = f"{path}.ephemeralContainers[{index}]"
        yield from _container_causes(ephemeral, here, volumes, spec)
        yield from _ephemeral_causes(ephemeral, here, spec)
    yield from host_port_causes(spec.containers, f"{path}.containers")


def _name_causes(spec: PodSpec, path: str) -> Iterator[Cause]:
    """Names are unique in a pod."""
    seen: set[str] = set()
    named = [
        *((f"containers[{n}]", c.name) for n, c in enumerate(spec.containers)),
        *((f"initContainers[{n}]", c.name) for n, c in enumerate(spec.init_containers)),
        *((f"ephemeralContainers[{n}]", c.name) for n, c in enumerate(spec.ephemeral_containers)),
    ]
    for place, name in named:
        if name and name in seen:
            yield duplicate(f"{path}.{place}.name", name)
        seen.add(name)


def host_port_causes(containers: Iterable[Container], path: str, first: int = 0) -> Iterator[Cause]:
    """Ports of the node that are asked for twice."""
    seen: set[str] = set()
    for index, container in enumerate(containers, first):
        for number, port in enumerate(container.ports):
            if port.host_port:
                text = f"{port.protocol or 'TCP'}/{port.host_ip}/{port.host_port}"
                if text in seen:
                    yield duplicate(f"{path}[{index}].ports[{number}].hostPort", text)
                seen.add(text)


def _forbidden_causes(container: Any, fields: Iterable[str], path: str, words: str) -> Iterator[Cause]:
    for name in fields:
        attribute = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
        value = getattr(container, attribute)
        if value not in (None, ()) and value != type(value)():
            yield forbidden(f"{path}.{name}", words)


def _ephemeral_causes(container: EphemeralContainer, path: str, spec: PodSpec) -> Iterator[Cause]:
    target = container.target_container_name
    if target and target not in {c.name for c in (*spec.containers, *spec.init_containers)}:
        yield not_found(f"{path}.targetContainerName", target)
    words = "cannot be set for an Ephemeral Container"
    yield from _forbidden_causes(container, NOT_FOR_EPHEMERAL, path, words)
    for index, mount in enumerate(container.volume_mounts):
        for name, value in (("subPath", mount.sub_path), ("subPathExpr", mount.sub_path_expr)):
            if value:
                yield forbidden(f"{path}.volumeMounts[{index}].{name}", words)


def _container_causes(
    container: Container | EphemeralContainer, path: str, volumes: set[str], spec: PodSpec
) -> list[Cause]:
    """One container of a pod whose volumes are called `volumes`."""
    causes: list[Cause] = []
    if container.name:
        causes += by_rule(f"{path}.name", container.name, names.dns1123_label)
    if not container.image:
        causes.append(required(f"{path}.image"))
    causes += _port_causes(container.ports, f"{path}.ports", spec.host_network)
    for index, variable in enumerate(container.env):
        causes += _env_causes(variable, f"{path}.env[{index}]")
    for index, source in enumerate(container.env_from):
        causes += _env_from_causes(source, f"{path}.envFrom", index)
    causes += _mount_causes(container.volume_mounts, f"{path}.volumeMounts", volumes)
    causes += _device_causes(container, f"{path}.volumeDevices", spec)
    causes += resource_causes(container.resources, f"{path}.resources")
    causes += _resize_causes(container, f"{path}.resizePolicy", spec)
    causes += container_security_causes(container, path, spec)
    is_init = container in spec.init_containers and container.restart_policy != "Always"
    if not is_init and isinstance(container, Container):
        causes += _life_causes(container, path, spec.termination_grace_period_seconds)
    return causes + restart_causes(container, path)


def _life_causes(container: Container, path: str, grace_s: int | None) -> list[Cause]:
    causes: list[Cause] = []
    if container.lifecycle is not None:
        hooks = (("postStart", container.lifecycle.post_start), ("preStop", container.lifecycle.pre_stop))
        for name, hook in hooks:
            if hook is not None:
                kinds = ("exec", "http_get", "tcp_socket", "sleep")
                causes += _handler_causes(hook, f"{path}.lifecycle.{name}", kinds, grace_s)
    for name, probe in (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    ):
        if probe is not None:
            causes += _probe_causes(probe, f"{path}.{name}", name)
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
                causes.append(invalid(f"{here}.hostPort", port.host_port, HOST_NETWORK))
    return causes


def _env_causes(variable: EnvVar, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if variable.name:
        causes += by_rule(f"{path}.name", variable.name, names.relaxed_env_var_name)
    source, here = variable.value_from, f"{path}.valueFrom"
    if source is None:
        return causes
    if source.field_ref is not None:
        causes += field_causes(source.field_ref, FIELDS_OF_ENV, f"{here}.fieldRef")
    if source.resource_field_ref is not None:
        causes += amount_causes(source.resource_field_ref, f"{here}.resourceFieldRef")
    for name, ref in (
        ("configMapKeyRef", source.config_map_key_ref),
        ("secretKeyRef", source.secret_key_ref),
    ):
        if ref is not None and ref.key:
            causes += by_rule(f"{here}.{name}.key", ref.key, names.config_map_key)
    given = [name for name in source.__struct_fields__ if getattr(source, name) is not None]
    if not given:
        causes.append(
            invalid(here, "", "must specify one of: `fieldRef`, `resourceFieldRef`, "
                    "`configMapKeyRef` or `secretKeyRef`")
        )  # fmt: skip
    elif variable.value:
        causes.append(invalid(here, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        causes.append(invalid(here, "", "may not have more than one field specified at a time"))
    return causes


def _env_from_causes(source: EnvFromSource, path: str, index: int) -> list[Cause]:
    causes: list[Cause] = []
    here = f"{path}[{index}]"
    if source.prefix:
        causes += by_rule(f"{here}.prefix", source.prefix, names.relaxed_env_var_name)
    for name, ref in (("configMapRef", source.config_map_ref), ("secretRef", source.secret_ref)):
        if ref is not None and not ref.name:
            causes.append(required(f"{here}.{name}.name"))
        elif ref is not None:
            causes += by_rule(f"{here}.{name}.name", ref.name, names.dns1123_subdomain)
    given = [ref for ref in (source.config_map_ref, source.secret_ref) if ref is not None]
    if not given:
        causes.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
    elif len(given) > 1:
        causes.append(invalid(path, "", "may not have more than one field specified at a time"))
    return causes


def _mount_causes(mounts: Sequence[VolumeMount], path: str, volumes: set[str]) -> list[Cause]:
    """Paths below a volume and recursion are told of all mounts, as upstream does (ValidateVolumeMounts)."""
    causes: list[Cause] = []
    paths: set[str] = set()
    for index, mount in enumerate(mounts):
        here = f"{path}[{index}]"
        if mount.name and mount.name not in volumes:
            causes.append(not_found(f"{here}.name", mount.name))
        if mount.mount_path and mount.mount_path in paths:
            causes.append(invalid(f"{here}.mountPath", mount.mount_path, "must be unique"))
        paths.add(mount.mount_path)
        if mount.sub_path:
            causes += by_rule(f"{path}.subPath", mount.sub_path, names.relative_path)
        if mount.sub_path_expr:
            if mount.sub_path:
                words = "subPathExpr and subPath are mutually exclusive"
                causes.append(invalid(f"{here}.subPathExpr", mount.sub_path_expr, words))
            causes += by_rule(f"{path}.subPathExpr", mount.sub_path_expr, names.relative_path)
        if mount.recursive_read_only in ("Enabled", "IfPossible"):
            place = f"{path}.recursiveReadOnly"
            if not mount.read_only:
                causes.append(forbidden(place, "may only be specified when readOnly is true"))
            if mount.mount_propagation not in (None, "None"):
                words = "may only be specified when mountPropagation is None or not specified"
                causes.append(forbidden(place, words))
    return causes


def _device_causes(container: Container | EphemeralContainer, path: str, spec: PodSpec) -> Iterator[Cause]:
    volumes = {volume.name: volume for volume in spec.volumes}
    mounts = {mount.name: mount.mount_path for mount in container.volume_mounts}
    names_seen: set[str] = set()
    paths_seen: set[str] = set()
    for index, device in enumerate(container.volume_devices):
        here = f"{path}[{index}]"
        volume = volumes.get(device.name)
        if device.name in names_seen:
            yield invalid(f"{here}.name", device.name, "must be unique")
        if volume is None and device.name:
            yield not_found(f"{here}.name", device.name)
        elif volume is not None and volume.persistent_volume_claim is None and volume.ephemeral is None:
            words = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            yield invalid(f"{here}.name", device.name, words)
        if device.device_path and device.device_path in paths_seen:
            yield invalid(f"{here}.devicePath", device.device_path, "must be unique")
        if ".." in device.device_path.split("/"):
            yield invalid(f"{here}.devicePath", device.device_path, "can not contain backsteps ('..')")
        else:
            paths_seen.add(device.device_path)
        if device.name in mounts:
            yield invalid(f"{here}.name", device.name, "must not already exist in volumeMounts")
        if device.device_path in mounts.values():
            words = "must not already exist as a path in volumeMounts"
            yield invalid(f"{here}.devicePath", device.device_path, words)
        names_seen.add(device.name)


def _resize_causes(container: Container | EphemeralContainer, path: str, spec: PodSpec) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, one in enumerate(container.resize_policy):
        if one.resource_name in seen:
            yield duplicate(f"{path}[{index}]", one.resource_name)
        seen.add(one.resource_name)
        if one.resource_name and one.resource_name not in RESIZED:
            yield not_supported(path, one.resource_name, RESIZED)
        if one.restart_policy and one.restart_policy not in RESIZES:
            yield not_supported(path, one.restart_policy, RESIZES)
        if spec.restart_policy == "Never" and one.restart_policy != "NotRequired":
            words = "must be 'NotRequired' when `restartPolicy` is 'Never'"
            yield invalid(path, one.restart_policy, words)


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
    grace_s, place = probe.termination_grace_period_seconds, f"{path}.terminationGracePeriodSeconds"
    if grace_s is not None and grace_s <= 0:
        causes.append(invalid(place, grace_s, "must be greater than 0"))
    if name != "readinessProbe" and probe.success_threshold != 1:
        causes.append(invalid(f"{path}.successThreshold", probe.success_threshold, "must be 1"))
    if name == "readinessProbe" and grace_s is not None:
        causes.append(invalid(place, grace_s, "must not be set for readinessProbes"))
    return causes


def _handler_causes(handler: Any, path: str, kinds: Sequence[str], grace_s: int | None = None) -> list[Cause]:
    given = [kind for kind in kinds if getattr(handler, kind, None) is not None]
    if not given:
        return [required(path, "must specify a handler type")]
    causes: list[Cause] = []
    first, rest = given[0], given[1:]
    action, here = getattr(handler, first), f"{path}.{_camel(first)}"
    if first == "exec" and not action.command:
        causes.append(required(f"{here}.command"))
    elif first in ("http_get", "tcp_socket", "grpc"):
        causes += port_ref_causes(action.port, f"{here}.port")
    elif first == "sleep" and grace_s is not None and not 0 <= action.seconds <= grace_s:
        words = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_s})"
        causes.append(invalid(here, action.seconds, words))
    for header in action.http_headers if first == "http_get" else ():
        causes += by_rule(f"{here}.httpHeaders", header.name, names.http_header_name)
    causes += [
        forbidden(f"{path}.{_camel(kind)}", "may not specify more than 1 handler type") for kind in rest
    ]
    return causes


def port_ref_causes(port: int | str, path: str) -> list[Cause]:
    """A port by number or by name."""
    return by_rule(path, port, names.port_number if isinstance(port, int) else names.port_name)


def resource_causes(resources: Any, path: str) -> list[Cause]:
    """Amounts are not negative, and no request is over its limit; of what is no cpu, memory or storage both are the
    same whole number (ValidateContainerResourceRequirements)."""
    causes: list[Cause] = []
    for place, amounts in (("limits", resources.limits), ("requests", resources.requests)):
        for name, amount in amounts.items():
            causes += _amount_causes(name, amount, f"{path}.{place}[{name}]")
            if place == "requests":
                causes += _request_causes(name, amount, resources.limits.get(name), path)
    named = {*resources.limits, *resources.requests}
    if any(map(_is_huge, named)) and not named & {"cpu", "memory"}:
        causes.append(forbidden(path, "HugePages require cpu or memory"))
    return causes


def _amount_causes(name: str, amount: Any, place: str) -> Iterator[Cause]:
    if not _is_known_resource(name):
        yield invalid(place, name, "must be a standard resource type or fully qualified")
        yield invalid(place, name, "must be a standard resource for containers")
    try:
        nano = parse(amount).nano
    except QuantityError as error:
        yield invalid(place, amount, str(error))
        return
    if nano < 0:
        yield invalid(place, amount, "must be greater than or equal to 0")
    if "/" in name and nano % 1_000_000_000:
        yield invalid(place, amount, "must be an integer")


def _request_causes(name: str, amount: Any, limit: Any, path: str) -> Iterator[Cause]:
    is_shared = not _is_huge(name) and "/" not in name
    if limit is None:
        if not is_shared:
            yield required(f"{path}.limits", "Limit must be set for non overcommitable resources")
        return
    try:
        wanted, most = parse(amount).nano, parse(limit).nano
    except QuantityError:
        return
    if wanted != most and not is_shared:
        yield invalid(f"{path}.requests", amount, f"must be equal to {name} limit of {limit}")
    elif wanted > most:
        yield invalid(f"{path}.requests", amount, f"must be less than or equal to {name} limit of {limit}")


def _is_huge(name: str) -> bool:
    return name.startswith("hugepages-")


def _is_known_resource(name: str) -> bool:
    return name in ("cpu", "memory", "ephemeral-storage") or _is_huge(name) or "/" in name


def _camel(attribute: str) -> str:
    return {"http_get": "httpGet", "tcp_socket": "tcpSocket"}.get(attribute, attribute)
