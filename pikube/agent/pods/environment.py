"""Pure: the environment of a container: envFrom, env, $(VAR) expansion, service links, the downward API.

Enter: the pod, one container, what its references resolve to. Leaves: the final variables. Source:
kubernetes kubelet_pods.go:makeEnvironmentVariables, third_party/forked/golang/expansion.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pikube.agent.pods.env_files import BadEnvFile, value_in
from pikube.api.kinds.core_config import ConfigMap, Secret
from pikube.api.kinds.core_container import EnvVarSource, FileKeySelector
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.quantity import parse


class ConfigMissing(Exception):
    """A ConfigMap, a Secret or a key that the container needs is not there (CreateContainerConfigError)."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the pod's board knows: the API objects it refers to (None: not there), addresses, allocatable."""

    config_maps: Mapping[str, ConfigMap | None] = field(default_factory=dict)
    secrets: Mapping[str, Secret | None] = field(default_factory=dict)
    services: Iterable[Service] = ()
    pod_ip: str = ""
    host_ip: str = ""
    allocatable: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[tuple[str, str], str] = field(default_factory=dict)  # text by volume and path


def environment_of(pod: Pod, container: Any, facts: Facts, hostname: str = "") -> dict[str, str]:
    """The variables in order of precedence: services, envFrom, env. `hostname`: if the kernel knows another than the
    pod's own. Raises ConfigMissing."""
    out: dict[str, str] = {}
    if pod.spec.enable_service_links is not False:
        out |= service_variables(facts.services, pod.metadata.namespace)
    else:
        out |= service_variables(
            [s for s in facts.services if s.metadata.name == "kubernetes"], pod.metadata.namespace
        )
    own: dict[str, str] = {}
    for source in container.env_from:
        if source.config_map_ref is not None:
            ref = source.config_map_ref
            values = _config_data(facts, ref.name, bool(ref.optional))
        elif source.secret_ref is not None:
            values = _secret_data(facts, source.secret_ref.name, bool(source.secret_ref.optional))
        else:
            continue
        own |= {f"{source.prefix}{key}": value for key, value in values.items()}
    for variable in container.env:
        if variable.value_from is not None:
            value = _from_source(pod, container, variable.value_from, facts)
            if value is None:
                continue
        else:
            value = expand(variable.value or "", {**out, **own})
        own[variable.name] = value
    out |= own
    out.setdefault("HOSTNAME", hostname or hostname_of(pod))
    return out


_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` by its value, `$$` by `$`, what is unknown stays as it is."""

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(match[1], match[0])

    return _REFERENCE.sub(replace, text) if "$" in text else text


def unknown_names(text: str, variables: Mapping[str, str]) -> list[str]:
    """The names that `text` refers to and nobody has given a value."""
    found = (match[1] for match in _REFERENCE.finditer(text) if match[0] != "$$")
    return [name for name in dict.fromkeys(found) if name not in variables]


def hostname_of(pod: Pod) -> str:
    """spec.hostnameOverride, spec.hostname, or the pod's name cut to what a host name may be."""
    return pod.spec.hostname_override or pod.spec.hostname or pod.metadata.name[:63].rstrip("-.")


def full_name_of(pod: Pod, domain: str) -> str:
    """The name by which DNS knows a pod of a subdomain, '' for others (kubelet_pods.go:
    GeneratePodHostNameAndDomain)."""
    if not pod.spec.subdomain or pod.spec.hostname_override:
        return ""
    return f"{hostname_of(pod)}.{pod.spec.subdomain}.{pod.metadata.namespace}.svc.{domain}"


def kernel_name_of(pod: Pod, domain: str) -> str:
    """What `hostname` says in the pod."""
    return (full_name_of(pod, domain) if pod.spec.set_hostname_as_fqdn else "") or hostname_of(pod)


def service_variables(services: Iterable[Service], namespace: str) -> dict[str, str]:
    """The variables of each service of the namespace, and of `kubernetes`, docker links included."""
    out: dict[str, str] = {}
    for service in services:
        meta, spec = service.metadata, service.spec
        is_api = meta.name == "kubernetes" and meta.namespace == "default"
        if (meta.namespace != namespace and not is_api) or spec.cluster_ip in ("", "None"):
            continue
        name = meta.name.upper().replace("-", "_")
        ip = spec.cluster_ip
        out[f"{name}_SERVICE_HOST"] = ip
        for index, port in enumerate(spec.ports):
            if index == 0:
                out[f"{name}_SERVICE_PORT"] = str(port.port)
                out[f"{name}_PORT"] = f"{port.protocol.lower()}://{ip}:{port.port}"
            if port.name:
                out[f"{name}_SERVICE_PORT_{port.name.upper().replace('-', '_')}"] = str(port.port)
            protocol = port.protocol.lower()
            prefix = f"{name}_PORT_{port.port}_{protocol.upper()}"
            out[prefix] = f"{protocol}://{ip}:{port.port}"
            out[f"{prefix}_PROTO"] = protocol
            out[f"{prefix}_PORT"] = str(port.port)
            out[f"{prefix}_ADDR"] = ip
    return out


def field_value(pod: Pod, path: str, facts: Facts) -> str:
    """The downward API: metadata.name, metadata.labels['x'], status.podIP …; ValueError for another path."""
    meta = pod.metadata
    for place, values in (("labels", meta.labels), ("annotations", meta.annotations)):
        if path == f"metadata.{place}":
            return "\n".join(f'{key}="{_escaped(values[key])}"' for key in sorted(values))
        match = re.fullmatch(rf"metadata\.{place}\['(.*)'\]", path)
        if match:
            return values.get(match[1], "")
    simple = {
        "metadata.name": meta.name,
        "metadata.namespace": meta.namespace,
        "metadata.uid": meta.uid,
        "spec.nodeName": pod.spec.node_name,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "status.podIP": facts.pod_ip,
        "status.podIPs": facts.pod_ip,
        "status.hostIP": facts.host_ip,
        "status.hostIPs": facts.host_ip,
    }
    if path not in simple:
        raise ValueError(f"unsupported fieldPath: {path}")
    return simple[path]


def resource_value(resource: str, divisor: Any, container: Any, facts: Facts) -> str:
    """resourceFieldRef: limits.cpu, requests.memory …, divided and rounded up."""
    place, _, name = resource.partition(".")
    amounts = container.resources.limits if place == "limits" else container.resources.requests
    amount = amounts.get(name)
    if amount is None and place == "limits":
        amount = facts.allocatable.get(name)
    nano = parse(amount if amount is not None else "0").nano
    unit = parse(divisor if divisor not in (None, "", "0", 0) else "1").nano
    return str(-(-nano // unit))


def _from_source(pod: Pod, container: Any, source: EnvVarSource, facts: Facts) -> str | None:
    """None: optional and absent."""
    if source.field_ref is not None:
        return field_value(pod, source.field_ref.field_path, facts)
    if source.resource_field_ref is not None:
        ref = source.resource_field_ref
        return resource_value(ref.resource, ref.divisor, container, facts)
    if source.config_map_key_ref is not None:
        key_ref = source.config_map_key_ref
        values = _config_data(facts, key_ref.name, bool(key_ref.optional))
        return _keyed(
            values, key_ref.key, f"ConfigMap {pod.metadata.namespace}/{key_ref.name}", key_ref.optional
        )
    if source.secret_key_ref is not None:
        secret_ref = source.secret_key_ref
        values = _secret_data(facts, secret_ref.name, bool(secret_ref.optional))
        return _keyed(
            values, secret_ref.key, f"Secret {pod.metadata.namespace}/{secret_ref.name}", secret_ref.optional
        )
    return _in_file(facts, source.file_key_ref) if source.file_key_ref is not None else None


def _in_file(facts: Facts, ref: FileKeySelector) -> str | None:
    try:
        value = value_in(facts.files.get((ref.volume_name, ref.path), ""), ref.key)
    except BadEnvFile:
        raise ConfigMissing("couldn't parse env file") from None
    if value or ref.optional:
        return value or None
    raise ConfigMissing(f'environment variable key "{ref.key}" not found in file "{ref.path}"')


def _keyed(values: Mapping[str, str], key: str, what: str, optional: bool | None) -> str | None:
    if key in values:
        return values[key]
    if optional:
        return None
    raise ConfigMissing(f"couldn't find key {key} in {what}")


def _config_data(facts: Facts, name: str, is_optional: bool) -> Mapping[str, str]:
    found = facts.config_maps.get(name)
    if found is None:
        if is_optional:
            return {}
        raise ConfigMissing(f'configmap "{name}" not found')
    return found.data


def _secret_data(facts: Facts, name: str, is_optional: bool) -> Mapping[str, str]:
    found = facts.secrets.get(name)
    if found is None:
        if is_optional:
            return {}
        raise ConfigMissing(f'secret "{name}" not found')
    return {k: base64.b64decode(v).decode("utf-8", "surrogateescape") for k, v in found.data.items()}


_GO_ESCAPES = {
    "\\": r"\\", '"': r"\"", "\a": r"\a", "\b": r"\b", "\f": r"\f",
    "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v",
}  # fmt: skip


def _escaped(value: str) -> str:
    """As Go's %q has it between its quotes."""
    return "".join(_GO_ESCAPES.get(char) or (char if char.isprintable() else _coded(char)) for char in value)


def _coded(char: str) -> str:
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
