"""Declaration: rbac.authorization.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_LIST, ALWAYS_STR, Field, Names, Struct
from pikube.api.kinds.meta import LabelSelector, Object, ObjectMeta


class PolicyRule(Struct):
    verbs: Annotated[tuple[str, ...], Field(1, required=True)] = ALWAYS_LIST
    api_groups: Annotated[tuple[str, ...], Field(2)] = ()
    resources: Annotated[tuple[str, ...], Field(3)] = ()
    resource_names: Annotated[tuple[str, ...], Field(4)] = ()
    non_resource_urls: Annotated[tuple[str, ...], Field(5)] = msgspec.field(name="nonResourceURLs", default=())


class Subject(Struct):
    kind: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    api_group: Annotated[str, Field(2)] = ""
    name: Annotated[str, Field(3, required=True)] = ALWAYS_STR
    namespace: Annotated[str, Field(4)] = ""


class RoleRef(Struct):
    api_group: Annotated[str, Field(1)] = ALWAYS_STR
    kind: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    name: Annotated[str, Field(3, required=True)] = ALWAYS_STR


class Role(Object):
    names: ClassVar[Names] = Names("rbac.authorization.k8s.io", "v1", "Role", "roles", True)
    kind: str = msgspec.field(default_factory=lambda: "Role")
    api_version: str = msgspec.field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    rules: Annotated[tuple[PolicyRule, ...], Field(2)] = ALWAYS_LIST


class RoleBinding(Object):
    names: ClassVar[Names] = Names("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", True)
    kind: str = msgspec.field(default_factory=lambda: "RoleBinding")
    api_version: str = msgspec.field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    subjects: Annotated[tuple[Subject, ...], Field(2)] = ()
    role_ref: Annotated[RoleRef, Field(3, required=True, atomic=True)] = msgspec.field(default_factory=RoleRef)


class ClusterRole(Object):
    names: ClassVar[Names] = Names("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False)
    kind: str = msgspec.field(default_factory=lambda: "ClusterRole")
    api_version: str = msgspec.field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    rules: Annotated[tuple[PolicyRule, ...], Field(2)] = ALWAYS_LIST
    aggregation_rule: Annotated[AggregationRule | None, Field(3)] = None


class AggregationRule(Struct):
    cluster_role_selectors: Annotated[tuple[LabelSelector, ...], Field(1)] = ()


class ClusterRoleBinding(Object):
    names: ClassVar[Names] = Names("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False)
    kind: str = msgspec.field(default_factory=lambda: "ClusterRoleBinding")
    api_version: str = msgspec.field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    subjects: Annotated[tuple[Subject, ...], Field(2)] = ()
    role_ref: Annotated[RoleRef, Field(3, required=True, atomic=True)] = msgspec.field(default_factory=RoleRef)
