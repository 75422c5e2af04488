"""Declaration: rbac.authorization.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_LIST, ALWAYS_STR, Field, Names, Struct
from pikube.api.kinds.meta import LabelSelector, Object, ObjectMeta


class PolicyRule(Struct):
    """What may be done with what."""

    verbs: Annotated[tuple[str, ...], Field(1, "The verbs, for example get, list, watch, create; * means all.", required=True)] = ALWAYS_LIST
    api_groups: Annotated[tuple[str, ...], Field(2, "The API groups; \"\" is core, * means all.")] = ()
    resources: Annotated[tuple[str, ...], Field(3, "The resources, for example pods or pods/log; * means all.")] = ()
    resource_names: Annotated[tuple[str, ...], Field(4, "Only objects of these names; all when empty.")] = ()
    non_resource_urls: Annotated[tuple[str, ...], Field(5, "Paths that are no resource, for example /healthz; a * may stand at the end.")] = msgspec.field(name="nonResourceURLs", default=())


class Subject(Struct):
    """Who is given a role."""

    kind: Annotated[str, Field(1, "User, Group or ServiceAccount.", required=True)] = ALWAYS_STR
    api_group: Annotated[str, Field(2, "rbac.authorization.k8s.io for users and groups, empty for service accounts.")] = ""
    name: Annotated[str, Field(3, "The name.", required=True)] = ALWAYS_STR
    namespace: Annotated[str, Field(4, "The service account's namespace.")] = ""


class RoleRef(Struct):
    """The role that is given."""

    api_group: Annotated[str, Field(1, "rbac.authorization.k8s.io.")] = ALWAYS_STR
    kind: Annotated[str, Field(2, "Role or ClusterRole.", required=True)] = ALWAYS_STR
    name: Annotated[str, Field(3, "The role's name.", required=True)] = ALWAYS_STR


class Role(Object):
    """What may be done within a namespace."""

    names: ClassVar[Names] = Names("rbac.authorization.k8s.io", "v1", "Role", "roles", True)
    kind: str = msgspec.field(default_factory=lambda: "Role")
    api_version: str = msgspec.field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    rules: Annotated[tuple[PolicyRule, ...], Field(2, "The rules; what none allows is refused.")] = ALWAYS_LIST


class RoleBinding(Object):
    """Gives a role within a namespace."""

    names: ClassVar[Names] = Names("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", True)
    kind: str = msgspec.field(default_factory=lambda: "RoleBinding")
    api_version: str = msgspec.field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    subjects: Annotated[tuple[Subject, ...], Field(2, "Who is given it.")] = ()
    role_ref: Annotated[RoleRef, Field(3, "The Role or ClusterRole; it cannot change.", required=True, atomic=True)] = msgspec.field(default_factory=RoleRef)


class ClusterRole(Object):
    """What may be done in the whole cluster, or in any namespace where it is bound."""

    names: ClassVar[Names] = Names("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False)
    kind: str = msgspec.field(default_factory=lambda: "ClusterRole")
    api_version: str = msgspec.field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    rules: Annotated[tuple[PolicyRule, ...], Field(2, "The rules; what none allows is refused.")] = ALWAYS_LIST
    aggregation_rule: Annotated[AggregationRule | None, Field(3, "Collect the rules of other ClusterRoles.")] = None


class AggregationRule(Struct):
    """Which ClusterRoles are collected."""

    cluster_role_selectors: Annotated[tuple[LabelSelector, ...], Field(1, "Selects them by label; one that matches is enough.")] = ()


class ClusterRoleBinding(Object):
    """Gives a ClusterRole in the whole cluster."""

    names: ClassVar[Names] = Names("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False)
    kind: str = msgspec.field(default_factory=lambda: "ClusterRoleBinding")
    api_version: str = msgspec.field(default_factory=lambda: "rbac.authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    subjects: Annotated[tuple[Subject, ...], Field(2, "Who is given it.")] = ()
    role_ref: Annotated[RoleRef, Field(3, "The ClusterRole; it cannot change.", required=True, atomic=True)] = msgspec.field(default_factory=RoleRef)
