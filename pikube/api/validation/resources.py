"""Pure: what is wrong with configuration, storage and access: the kinds beside workloads.

Sources: kubernetes pkg/apis/{core,networking,rbac,storage}/validation.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from msgspec import structs

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.go_words import json_object_words
from pikube.api.kinds.core_config import ConfigMap, Secret
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.rbac import ClusterRoleBinding, RoleBinding, Subject
from pikube.api.quantity import bytes_of, compare
from pikube.api.validation.causes import (
    by_rule,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    too_long,
)
from pikube.api.validation.cluster import access_mode_causes, volume_mode_causes
from pikube.api.validation.selectors import selector_causes

SIZE_BYTES = 1024 * 1024  # kubernetes core MaxSecretSize
RBAC = "rbac.authorization.k8s.io"
SECRET_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}

ACCOUNT_TOKEN = "kubernetes.io/service-account-token"
ACCOUNT_NAME = "kubernetes.io/service-account.name"


def config_map_causes(obj: ConfigMap) -> list[Cause]:
    causes: list[Cause] = []
    sides = (
        ("data", obj.data, "binaryData", obj.binary_data),
        ("binaryData", obj.binary_data, "data", obj.data),
    )
    for place, data, other, others in sides:
        for key in data:
            causes += by_rule(f"{place}[{key}]", key, names.config_map_key)
            if key in others:
                causes.append(invalid(f"{place}[{key}]", key, f"duplicate of key present in {other}"))
    size = sum(len(v.encode()) for v in obj.data.values()) + sum(
        len(v) * 3 // 4 for v in obj.binary_data.values()
    )
    if size > SIZE_BYTES:
        causes.append(too_long("[]", SIZE_BYTES))  # upstream's name of the whole object
    return causes


def config_map_update_causes(new: ConfigMap, old: ConfigMap) -> list[Cause]:
    causes: list[Cause] = []
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
    return causes + config_map_causes(new)


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
    causes = immutable("type", new.type, old.type)
    if old.immutable:
        words = "field is immutable when `immutable` is set"
        if not new.immutable:
            causes.append(forbidden("immutable", words))
        if new.data != old.data:
            causes.append(forbidden("data", words))
    return causes + secret_causes(new)


def claim_causes(obj: PersistentVolumeClaim) -> list[Cause]:
    spec = obj.spec
    causes = selector_causes(spec.selector, "spec.selector")
    causes += access_mode_causes(spec.access_modes, "spec.accessModes", "at least 1 access mode is required")
    if "storage" not in spec.resources.requests:
        causes.append(required("spec.resources[storage]"))
    elif compare(spec.resources.requests["storage"], 0) <= 0:
        size = str(spec.resources.requests["storage"])
        causes.append(invalid("spec.resources[storage]", size, "must be greater than zero"))
    if spec.storage_class_name:
        causes += by_rule("spec.storageClassName", spec.storage_class_name, names.dns1123_subdomain)
    causes += volume_mode_causes(spec.volume_mode, "spec.volumeMode")
    for name, source in (("dataSource", spec.data_source), ("dataSourceRef", spec.data_source_ref)):
        if source is not None:
            causes += _data_source_causes(source, f"spec.{name}")
    return causes


def _data_source_causes(source: Any, here: str) -> list[Cause]:
    causes = [required(f"{here}.{name}") for name in ("name", "kind") if not getattr(source, name)]
    if not source.api_group and source.kind != "PersistentVolumeClaim":
        words = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        causes.append(invalid(here, source.kind, words))
    return causes + (
        by_rule(f"{here}.apiGroup", source.api_group, names.dns1123_subdomain) if source.api_group else []
    )


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
    ref = obj.role_ref
    if ref.api_group != RBAC:
        causes.append(not_supported("roleRef.apiGroup", ref.api_group, (RBAC,)))
    kinds = ("ClusterRole",) if isinstance(obj, ClusterRoleBinding) else ("Role", "ClusterRole")
    if ref.kind not in kinds:
        causes.append(not_supported("roleRef.kind", ref.kind, kinds, is_sorted=False))
    if not ref.name:
        causes.append(required("roleRef.name"))
    else:
        causes += by_rule("roleRef.name", ref.name, names.path_segment_name)
    for index, subject in enumerate(obj.subjects):
        causes += _subject_causes(subject, f"subjects[{index}]", isinstance(obj, ClusterRoleBinding))
    return causes


def _subject_causes(subject: Subject, path: str, is_of_cluster: bool) -> Iterator[Cause]:
    if not subject.name:
        yield required(f"{path}.name")
    if subject.kind == "ServiceAccount":
        if subject.name:
            yield from by_rule(f"{path}.name", subject.name, names.dns1123_subdomain)
        if subject.api_group:
            yield not_supported(f"{path}.apiGroup", subject.api_group, ("",))
        if is_of_cluster and not subject.namespace:
            yield required(f"{path}.namespace")
    elif subject.kind in ("User", "Group"):
        if subject.api_group != RBAC:
            yield not_supported(f"{path}.apiGroup", subject.api_group, (RBAC,))
    else:
        kinds = ("ServiceAccount", "User", "Group")
        yield not_supported(f"{path}.kind", subject.kind, kinds, is_sorted=False)


def binding_update_causes(
    new: RoleBinding | ClusterRoleBinding, old: RoleBinding | ClusterRoleBinding
) -> list[Cause]:
    causes = binding_causes(new)
    if new.role_ref != old.role_ref:
        causes.append(invalid("roleRef", new.role_ref, "cannot change roleRef"))
    return causes
