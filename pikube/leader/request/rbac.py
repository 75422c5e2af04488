"""Shell: role-based access control: may this user do that? Answered from decoded roles in memory.

Enter: a User and a Route. Leaves: yes or no. Each stored role and binding is decoded once,
when it is first asked after a change. Source: kubernetes plugin/pkg/auth/authorizer/rbac.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

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
SUBJECTS = 1 << 20  # of one binding; more do not fit into an object
Decode = Callable[[type[Any], Item], Any]


Binding: TypeAlias = ClusterRoleBinding | RoleBinding
Grant: TypeAlias = tuple[int, Binding, Subject]
"""A binding with its place among all, and the subject that it is about."""


class Rbac:
    """Implements authz.Authorizer over stored roles and bindings. What is made of all bindings, or of all roles, is
    kept until one of them changes: a cluster has fifty of its own, which concern next to nobody."""

    def __init__(self, store: Store, decode: Decode) -> None:
        self._store = store
        self._decode = decode
        self._known: dict[Key, tuple[int, Any]] = {}
        self._grants_of: dict[type[Any], tuple[int, dict[str, dict[tuple[str, str], list[Grant]]]]] = {}
        self._gathered: tuple[int, dict[str, tuple[PolicyRule, ...]]] = (-1, {})

    def may(self, user: User, route: Route) -> bool:
        """Whether any rule that applies to the user allows it; system:masters may everything."""
        return self.reason(user, route) is not None

    def reason(self, user: User, route: Route) -> str | None:
        """Why the user may do it, in upstream's words; None when he may not."""
        if MASTERS in user.groups:
            return ""
        for binding, subject in self._bindings(user, route.namespace):
            if any(allows(rule, route) for rule in self._rules(binding)):
                return f"RBAC: allowed by {_binding_text(binding)} to {_subject_text(subject, binding)}"
        return None

    def why_not(self, user: User, route: Route) -> str:
        """See Authorizer: roles that the user is bound to and that are not there."""
        missing = []
        for binding, _ in self._bindings(user, route.namespace):
            ref = binding.role_ref
            if self._role(ref, binding.metadata.namespace) is None:
                missing.append(f'{ref.kind.lower()}.{GROUP} "{ref.name}" not found')
        return f"RBAC: {aggregate(missing)}" if missing else ""

    def rules_for(self, user: User, namespace: str) -> Iterator[PolicyRule]:
        """Every rule that applies to the user in a namespace ('' for the cluster only)."""
        for binding, _ in self._bindings(user, namespace):
            yield from self._rules(binding)

    def _bindings(self, user: User, namespace: str) -> Iterator[tuple[Binding, Subject]]:
        """Those of the cluster that concern a user, then those of the namespace."""
        yield from self._concerning(user, ClusterRoleBinding, "")
        if namespace:
            yield from self._concerning(user, RoleBinding, namespace)

    def _concerning(self, user: User, cls: type[Any], namespace: str) -> Iterator[tuple[Binding, Subject]]:
        by_subject = self._by_subject(cls).get(namespace)
        if by_subject is None:
            return
        found = list(by_subject.get(("User", user.name), ()))
        for group in user.groups:
            found += by_subject.get(("Group", group), ())
        last = -1
        for place, binding, subject in sorted(found, key=lambda grant: grant[0]):
            if place // SUBJECTS != last:  # only the first of its subjects that is the user
                last = place // SUBJECTS
                yield binding, subject

    def _by_subject(self, cls: type[Any]) -> dict[str, dict[tuple[str, str], list[Grant]]]:
        """Grants by namespace and subject."""
        resource = cls.names.resource
        changes = self._store.changes(resource)
        kept = self._grants_of.get(cls)
        if kept is not None and kept[0] == changes:
            return kept[1]
        found: dict[str, dict[tuple[str, str], list[Grant]]] = {}
        for number, item in enumerate(self._store.list(resource).items):
            binding = self._known_as(cls, item)
            home = found.setdefault(item.key.namespace, {})
            for index, subject in enumerate(binding.subjects[:SUBJECTS]):
                kind, name = subject.kind, subject.name
                if kind == "ServiceAccount":
                    kind = "User"
                    name = f"{ACCOUNT_PREFIX}{subject.namespace or item.key.namespace}:{name}"
                home.setdefault((kind, name), []).append((number * SUBJECTS + index, binding, subject))
        self._grants_of[cls] = changes, found
        return found

    def _rules(self, binding: Binding) -> Iterable[PolicyRule]:
        return self.rules_of(binding.role_ref, binding.metadata.namespace)

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

    def _aggregated(self, role: ClusterRole) -> Iterable[PolicyRule]:
        """The rules of a role, those of the roles that it gathers included, however deep."""
        if role.aggregation_rule is None:
            return role.rules
        changes = self._store.changes(ClusterRole.names.resource)
        if self._gathered[0] != changes:
            self._gathered = changes, {}
        kept = self._gathered[1].get(role.metadata.name)
        if kept is None:
            kept = self._gathered[1][role.metadata.name] = tuple(self._gather(role, frozenset()))
        return kept

    def _gather(self, role: ClusterRole, within: frozenset[str]) -> Iterator[PolicyRule]:
        if role.aggregation_rule is None:
            yield from role.rules
            return
        selectors = [from_label_selector(s) for s in role.aggregation_rule.cluster_role_selectors]
        within |= {role.metadata.name}
        for other in self._all(ClusterRole):
            if other.metadata.name not in within and any(s.matches(other.metadata.labels) for s in selectors):
                yield from self._gather(other, within)

    def _all(self, cls: type[Any]) -> list[Any]:
        """Decoded objects; each stored value is decoded once."""
        return [self._known_as(cls, item) for item in self._store.list(cls.names.resource).items]

    def _one(self, cls: type[Any], namespace: str, name: str) -> Any:
        item = self._store.get(Key(cls.names.resource, namespace, name))
        return self._known_as(cls, item) if item is not None else None

    def _known_as(self, cls: type[Any], item: Item) -> Any:
        known = self._known.get(item.key)
        if known is None or known[0] != item.revision:
            known = self._known[item.key] = (item.revision, self._decode(cls, item))
        return known[1]


def _binding_text(binding: Binding) -> str:
    meta, ref = binding.metadata, binding.role_ref
    name = f"{meta.name}/{meta.namespace}" if meta.namespace else meta.name
    return f'{type(binding).__name__} "{name}" of {ref.kind} "{ref.name}"'


def _subject_text(subject: Subject, binding: Binding) -> str:
    if subject.kind == "ServiceAccount":
        return f'ServiceAccount "{subject.name}/{subject.namespace or binding.metadata.namespace}"'
    return f'{subject.kind} "{subject.name}"'


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
