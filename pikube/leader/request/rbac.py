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
from pikube.leader.store.contract import Item, Key, Store

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
        if MASTERS in user.groups:
            return True
        return any(allows(rule, route) for rule in self.rules_for(user, route.namespace))

    def rules_for(self, user: User, namespace: str) -> Iterator[PolicyRule]:
        """Every rule that applies to the user in a namespace ('' for the cluster only)."""
        for binding in self._all(ClusterRoleBinding):
            if applies(binding.subjects, user, ""):
                yield from self._rules_of(binding.role_ref, "")
        if namespace:
            for binding in self._all(RoleBinding, namespace):
                if applies(binding.subjects, user, namespace):
                    yield from self._rules_of(binding.role_ref, namespace)

    def _rules_of(self, ref: RoleRef, namespace: str) -> Iterable[PolicyRule]:
        if ref.kind == "ClusterRole":
            role = next((r for r in self._all(ClusterRole) if r.metadata.name == ref.name), None)
            return self._aggregated(role) if role is not None else ()
        found = next((r for r in self._all(Role, namespace) if r.metadata.name == ref.name), None)
        return found.rules if found is not None else ()

    def _aggregated(self, role: ClusterRole) -> Iterable[PolicyRule]:
        if role.aggregation_rule is None:
            return role.rules
        selectors = [from_label_selector(s) for s in role.aggregation_rule.cluster_role_selectors]
        return [
            rule
            for other in self._all(ClusterRole)
            if other is not role and any(s.matches(other.metadata.labels) for s in selectors)
            for rule in other.rules
        ]

    def _all(self, cls: type[Any], namespace: str | None = None) -> list[Any]:
        """Decoded objects; each stored value is decoded once."""
        items = self._store.list(cls.names.resource, namespace).items
        found = []
        for item in items:
            key = item.key
            known = self._known.get(key)
            if known is None or known[0] != item.revision:
                known = self._known[key] = (item.revision, self._decode(cls, item))
            found.append(known[1])
        return found


def applies(subjects: Iterable[Subject], user: User, namespace: str) -> bool:
    """Whether one of the subjects is the user, one of his groups, or his service account."""
    for subject in subjects:
        if subject.kind == "User" and subject.name == user.name:
            return True
        if subject.kind == "Group" and subject.name in user.groups:
            return True
        if subject.kind == "ServiceAccount":
            home = subject.namespace or namespace
            if user.name == f"{ACCOUNT_PREFIX}{home}:{subject.name}":
                return True
    return False


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
