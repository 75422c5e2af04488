"""Pure: what is wrong with Services, configuration, storage and access: the kinds beside workloads.

Sources: kubernetes pkg/apis/{core,networking,rbac,storage}/validation.
"""

from __future__ import annotations

import base64

from msgspec import structs

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.go_words import json_object_words
from pikube.api.kinds.core_config import ConfigMap, Secret
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.rbac import ClusterRoleBinding, RoleBinding
from pikube.api.quantity import bytes_of
from pikube.api.validation.causes import (
    by_rule,
    duplicate,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    too_long,
)
from pikube.api.validation.containers import port_ref_causes
from pikube.api.validation.declared import declared_causes

SIZE_BYTES = 1024 * 1024  # kubernetes core MaxSecretSize
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
MAX_AFFINITY_S = 86400
SECRET_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}

ACCOUNT_TOKEN = "kubernetes.io/service-account-token"
ACCOUNT_NAME = "kubernetes.io/service-account.name"


def service_causes(obj: Service) -> list[Cause]:
    spec = obj.spec
    causes: list[Cause] = []
    if spec.type not in TYPES:
        return [not_supported("spec.type", spec.type, TYPES)]
    if spec.type == "ExternalName":
        if not spec.external_name:
            return [*causes, required("spec.externalName")]
        return causes + by_rule("spec.externalName", spec.external_name.rstrip("."), names.dns1123_subdomain)
    is_headless = spec.cluster_ip == "None"
    if not spec.ports and not is_headless:
        causes.append(required("spec.ports"))
    if is_headless and spec.type != "ClusterIP":
        words = f"may not be set to 'None' for {spec.type} services"
        causes.append(invalid("spec.clusterIPs[0]", "None", words))
    causes += _port_list_causes(obj)
    for key, value in spec.selector.items():
        causes += by_rule("spec.selector", key, names.qualified_name)
        causes += by_rule("spec.selector", value, names.label_value)
    if spec.session_affinity not in ("ClientIP", "None"):
        causes.append(not_supported("spec.sessionAffinity", spec.session_affinity, ("ClientIP", "None")))
    for index, address in enumerate(spec.external_ips):
        causes += by_rule(f"spec.externalIPs[{index}]", address, names.ip_address) or by_rule(
            f"spec.externalIPs[{index}]", address, names.ordinary_ip_address
        )
    return causes + _affinity_causes(obj) + _balancer_causes(obj)


def _affinity_causes(obj: Service) -> list[Cause]:
    config = obj.spec.session_affinity_config
    client = config.client_ip if config else None
    seconds = client.timeout_seconds if client else None
    if obj.spec.session_affinity != "ClientIP" or seconds is None or 0 < seconds <= MAX_AFFINITY_S:
        return []
    words = f"must be greater than 0 and less than {MAX_AFFINITY_S}"
    return [invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, words)]


def _balancer_causes(obj: Service) -> list[Cause]:
    """What only a LoadBalancer has."""
    spec, is_balancer = obj.spec, obj.spec.type == "LoadBalancer"
    words = "may only be used when `type` is 'LoadBalancer'"
    causes: list[Cause] = []
    if spec.load_balancer_class is not None:
        here = "spec.loadBalancerClass"
        causes += (
            by_rule(here, spec.load_balancer_class, names.qualified_name)
            if is_balancer
            else [forbidden(here, words)]
        )
    if spec.load_balancer_source_ranges and not is_balancer:
        causes.append(forbidden("spec.LoadBalancerSourceRanges", words))
    elif is_balancer:
        for index, text in enumerate(spec.load_balancer_source_ranges):  # these may be padded with spaces
            causes += by_rule(f"spec.LoadBalancerSourceRanges[{index}]", text.strip(), names.loose_cidr)
    return causes


def _port_list_causes(obj: Service) -> list[Cause]:
    causes: list[Cause] = []
    seen_names: set[str] = set()
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(obj.spec.ports):
        here = f"spec.ports[{index}]"
        if len(obj.spec.ports) > 1 and not port.name:
            causes.append(required(f"{here}.name"))
        if port.name:
            causes += by_rule(f"{here}.name", port.name, names.dns1123_label)
            if port.name in seen_names:
                causes.append(duplicate(f"{here}.name", port.name))
            seen_names.add(port.name)
        causes += by_rule(f"{here}.port", port.port, names.port_number)
        if port.protocol not in ("TCP", "UDP", "SCTP"):
            causes.append(not_supported(f"{here}.protocol", port.protocol, ("SCTP", "TCP", "UDP")))
        if port.target_port is not None:
            causes += port_ref_causes(port.target_port, f"{here}.targetPort")
        if port.node_port and obj.spec.type == "ClusterIP":
            causes.append(forbidden(f"{here}.nodePort", "may not be used when `type` is 'ClusterIP'"))
        if (port.protocol, port.port) in seen:
            causes.append(duplicate(here, {"protocol": port.protocol, "port": port.port}))
        seen.add((port.protocol, port.port))
    return causes


def service_update_causes(new: Service, old: Service) -> list[Cause]:
    if new.spec == old.spec:
        return []
    causes = service_causes(new)
    keeps_address = "ExternalName" not in (new.spec.type, old.spec.type) and old.spec.cluster_ip
    if keeps_address and new.spec.cluster_ip != old.spec.cluster_ip:
        causes.append(invalid("spec.clusterIPs[0]", [new.spec.cluster_ip], "may not change once set"))
    are_balancers = new.spec.type == old.spec.type == "LoadBalancer"
    if are_balancers and new.spec.load_balancer_class != old.spec.load_balancer_class:
        causes.append(
            invalid("spec.loadBalancerClass", new.spec.load_balancer_class, "may not change once set")
        )
    return causes


def config_map_causes(obj: ConfigMap) -> list[Cause]:
    causes: list[Cause] = []
    for place, data in (("data", obj.data), ("binaryData", obj.binary_data)):
        for key in data:
            causes += by_rule(f"{place}[{key}]", key, names.config_map_key)
    for key in obj.data.keys() & obj.binary_data.keys():
        causes.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    size = sum(len(v.encode()) for v in obj.data.values()) + sum(
        len(v) * 3 // 4 for v in obj.binary_data.values()
    )
    if size > SIZE_BYTES:
        causes.append(too_long("[]", SIZE_BYTES))  # upstream's name of the whole object
    return causes


def config_map_update_causes(new: ConfigMap, old: ConfigMap) -> list[Cause]:
    causes = config_map_causes(new)
    if old.immutable:
        words = "field is immutable when `immutable` is set"
        if not new.immutable:
            causes.append(forbidden("immutable", words))
        for name, mine, theirs in (
            ("data", new.data, old.data),
            ("binaryData", new.binary_data, old.binary_data),
        ):
            if mine != theirs:
                causes.append(forbidden(name, words))
    return causes


def secret_causes(obj: Secret) -> list[Cause]:
    causes: list[Cause] = []
    for key in obj.data:
        causes += by_rule(f"data[{key}]", key, names.config_map_key)
    if sum(len(v) * 3 // 4 for v in obj.data.values()) > SIZE_BYTES:
        causes.append(too_long("data", SIZE_BYTES))
    causes += [required(f"data[{key}]") for key in SECRET_KEYS.get(obj.type, ()) if key not in obj.data]
    if obj.type == ACCOUNT_TOKEN and not obj.metadata.annotations.get(ACCOUNT_NAME):
        causes.append(required(f"metadata.annotations[{ACCOUNT_NAME}]"))
    if obj.type == "kubernetes.io/basic-auth" and not {"username", "password"} & obj.data.keys():
        causes += [required("data[username]"), required("data[password]")]
    for key in (".dockercfg", ".dockerconfigjson"):
        if key in SECRET_KEYS.get(obj.type, ()) and key in obj.data:
            problem = json_object_words(base64.b64decode(obj.data[key]))
            causes += [invalid(f"data[{key}]", "<secret contents redacted>", problem)] if problem else []
    return causes


def secret_update_causes(new: Secret, old: Secret) -> list[Cause]:
    causes = secret_causes(new) + immutable("type", new.type, old.type)
    if old.immutable:
        words = "field is immutable when `immutable` is set"
        if not new.immutable:
            causes.append(forbidden("immutable", words))
        if new.data != old.data:
            causes.append(forbidden("data", words))
    return causes


def claim_causes(obj: PersistentVolumeClaim) -> list[Cause]:
    spec = obj.spec
    causes = declared_causes(spec, "spec")
    if not spec.access_modes:
        causes.append(required("spec.accessModes", "at least 1 access mode is required"))
    if "storage" not in spec.resources.requests:
        causes.append(required("spec.resources[storage]"))
    if spec.storage_class_name:
        causes += by_rule("spec.storageClassName", spec.storage_class_name, names.dns1123_subdomain)
    return causes


def claim_update_causes(new: PersistentVolumeClaim, old: PersistentVolumeClaim) -> list[Cause]:
    if new.spec == old.spec:
        return []
    causes = claim_causes(new)
    may_grow = old.status.phase == "Bound"
    was = structs.replace(
        old.spec,
        volume_name=old.spec.volume_name
        or new.spec.volume_name,  # the binding, or the user's choice before it
        volume_attributes_class_name=new.spec.volume_attributes_class_name,
        # a claim that named none gets the default class once there is one
        storage_class_name=new.spec.storage_class_name
        if old.spec.storage_class_name is None
        else old.spec.storage_class_name,
        resources=new.spec.resources if may_grow else old.spec.resources,
    )
    if was != new.spec:
        words = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName "
            "for bound claims"
        )
        causes.append(forbidden("spec", words))
    size, before = (bytes_of(c.spec.resources.requests.get("storage", 0)) for c in (new, old))
    if size < before and size <= bytes_of(old.status.capacity.get("storage", 0)):
        causes.append(
            forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")
        )
    return causes


def binding_causes(obj: RoleBinding | ClusterRoleBinding) -> list[Cause]:
    causes: list[Cause] = []
    if not obj.role_ref.name:
        causes.append(required("roleRef.name"))
    kinds = ("ClusterRole",) if isinstance(obj, ClusterRoleBinding) else ("ClusterRole", "Role")
    if obj.role_ref.kind not in kinds:
        causes.append(not_supported("roleRef.kind", obj.role_ref.kind, kinds))
    for index, subject in enumerate(obj.subjects):
        here = f"subjects[{index}]"
        if not subject.name:
            causes.append(required(f"{here}.name"))
        if subject.kind not in ("User", "Group", "ServiceAccount"):
            causes.append(not_supported(f"{here}.kind", subject.kind, ("Group", "ServiceAccount", "User")))
        if subject.kind == "ServiceAccount" and not subject.namespace and isinstance(obj, ClusterRoleBinding):
            causes.append(required(f"{here}.namespace"))
    return causes


def binding_update_causes(
    new: RoleBinding | ClusterRoleBinding, old: RoleBinding | ClusterRoleBinding
) -> list[Cause]:
    causes = binding_causes(new)
    if new.role_ref != old.role_ref:
        causes.append(invalid("roleRef", new.role_ref, "cannot change roleRef"))
    return causes
