"""Shell: role-based access control: may this user do that? Answered from decoded roles in memory.

Enter: a User and a Route. Leaves: yes or no. Each stored role and binding is decoded once,
when it is first asked after a change. Source: kubernetes plugin/pkg/auth/authorizer/rbac.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pikube.api.kinds.rbac import (
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)
from pikube.api.selector import from_label_selector
from pikube.leader.request.context import MASTERS, User
from pikube.leader.request.route import Route
from pikube.leader.request.rule_cover import aggregate
from pikube.leader.store.contract import Item, Key, Store

GROUP = "rbac.authorization.k8s.io"
ACCOUNT_PREFIX = "system:serviceaccount:"
Decode = Callable[[type[Any], Item], Any]


class Rbac:
    """Implements authz.Authorizer over stored roles and bindings."""

    def __init__(self, store: Store, decode: Decode) -> None:
        self._store = store
        self._decode = decode
        self._known: dict[Key, tuple[int, Any]] = {}

    def may(self, user: User, route: Route) -> bool:
        """Whether any rule that applies to the user allows it; system:masters may everything."""
        return self.reason(user, route) is not None

    def reason(self, user: User, route: Route) -> str | None:
        """Why the user may do it, in upstream's words; None when he may not."""
        if MASTERS in user.groups:
            return ""
        for binding, subject, rules in self._grants(user, route.namespace):
            if any(allows(rule, route) for rule in rules):
                return f"RBAC: allowed by {_binding_text(binding)} to {_subject_text(subject, binding)}"
        return None

    def why_not(self, user: User, route: Route) -> str:
        """See Authorizer: roles that the user is bound to and that are not there."""
        missing = []
        for binding in self._bindings(route.namespace):
            ref, namespace = binding.role_ref, binding.metadata.namespace
            if applying(binding.subjects, user, namespace) is not None and self._role(ref, namespace) is None:
                missing.append(f'{ref.kind.lower()}.{GROUP} "{ref.name}" not found')
        return f"RBAC: {aggregate(missing)}" if missing else ""

    def rules_for(self, user: User, namespace: str) -> Iterator[PolicyRule]:
        """Every rule that applies to the user in a namespace ('' for the cluster only)."""
        for _, _, rules in self._grants(user, namespace):
            yield from rules

    def _grants(self, user: User, namespace: str) -> Iterator[tuple[Any, Subject, Iterable[PolicyRule]]]:
        for binding in self._bindings(namespace):
            subject = applying(binding.subjects, user, binding.metadata.namespace)
            if subject is not None:
                yield binding, subject, self.rules_of(binding.role_ref, binding.metadata.namespace)

    def _bindings(self, namespace: str) -> Iterator[ClusterRoleBinding | RoleBinding]:
        """Those of the cluster, then those of the namespace."""
        yield from self._all(ClusterRoleBinding)
        if namespace:
            yield from self._all(RoleBinding, namespace)

    def rules_of(self, ref: RoleRef, namespace: str) -> Iterable[PolicyRule]:
        """The rules of a role; none when it is not there."""
        role = self._role(ref, namespace)
        if role is None:
            return ()
        return self._aggregated(role) if isinstance(role, ClusterRole) else role.rules

    def _role(self, ref: RoleRef, namespace: str) -> Role | ClusterRole | None:
        found: Role | ClusterRole | None = (
            self._one(ClusterRole, "", ref.name)
            if ref.kind == "ClusterRole"
            else self._one(Role, namespace, ref.name)
        )
        return found

    def _aggregated(self, role: ClusterRole, within: frozenset[str] = frozenset()) -> Iterable[PolicyRule]:
        """The rules of a role, those of the roles that it gathers included, however deep."""
        if role.aggregation_rule is None:
            return role.rules
        selectors = [from_label_selector(s) for s in role.aggregation_rule.cluster_role_selectors]
        within |= {role.metadata.name}
        return [
            rule
            for other in self._all(ClusterRole)
            if other.metadata.name not in within and any(s.matches(other.metadata.labels) for s in selectors)
            for rule in self._aggregated(other, within)
        ]

    def _all(self, cls: type[Any], namespace: str | None = None) -> list[Any]:
        """Decoded objects; each stored value is decoded once."""
        return [self._known_as(cls, item) for item in self._store.list(cls.names.resource, namespace).items]

    def _one(self, cls: type[Any], namespace: str, name: str) -> Any:
        item = self._store.get(Key(cls.names.resource, namespace, name))
        return self._known_as(cls, item) if item is not None else None

    def _known_as(self, cls: type[Any], item: Item) -> Any:
        known = self._known.get(item.key)
        if known is None or known[0] != item.revision:
            known = self._known[item.key] = (item.revision, self._decode(cls, item))
        return known[1]


def _binding_text(binding: ClusterRoleBinding | RoleBinding) -> str:
    meta, ref = binding.metadata, binding.role_ref
    name = f"{meta.name}/{meta.namespace}" if meta.namespace else meta.name
    return f'{type(binding).__name__} "{name}" of {ref.kind} "{ref.name}"'


def _subject_text(subject: Subject, binding: ClusterRoleBinding | RoleBinding) -> str:
    if subject.kind == "ServiceAccount":
        return f'ServiceAccount "{subject.name}/{subject.namespace or binding.metadata.namespace}"'
    return f'{subject.kind} "{subject.name}"'


def applying(subjects: Iterable[Subject], user: User, namespace: str) -> Subject | None:
    """The first of the subjects that is the user, one of his groups, or his service account."""
    for subject in subjects:
        if subject.kind == "User" and subject.name == user.name:
            return subject
        if subject.kind == "Group" and subject.name in user.groups:
            return subject
        if subject.kind == "ServiceAccount":
            home = subject.namespace or namespace
            if user.name == f"{ACCOUNT_PREFIX}{home}:{subject.name}":
                return subject
    return None


def allows(rule: PolicyRule, route: Route) -> bool:
    """Whether one rule allows what a route asks for."""
    if not _has(rule.verbs, route.verb):
        return False
    if not route.is_resource:
        return any(_path_matches(pattern, route.path) for pattern in rule.non_resource_urls)
    if not _has(rule.api_groups, route.group):
        return False
    what = f"{route.resource}/{route.subresource}" if route.subresource else route.resource
    patterns = {what, "*", f"*/{route.subresource}"} if route.subresource else {what, "*"}
    if patterns.isdisjoint(rule.resources):
        return False
    # requestinfo.go: a list or watch of one name counts as a request for that name
    name = route.name or route.field_value("metadata.name")
    return not rule.resource_names or name in rule.resource_names


def _has(words: Iterable[str], wanted: str) -> bool:
    return wanted in words or "*" in words


def _path_matches(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return pattern == path
