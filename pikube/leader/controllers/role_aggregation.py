"""Pure: ClusterRoles with an aggregation rule hold the rules of all roles that the rule selects.

Enter: the role and all others. Leaves: its rules. Run by the controller loop. The authorizer looks through the
selectors itself; the rules are written for people and programs that read roles. Source: kubernetes
pkg/controller/clusterroleaggregation.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from pikube.api.kinds.rbac import ClusterRole, PolicyRule
from pikube.api.selector import from_label_selector
from pikube.informer.actions import Action, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch


@dataclass(frozen=True, slots=True)
class Roles:
    """Every ClusterRole."""

    roles: tuple[ClusterRole, ...]


def reconcile(desired: ClusterRole, observed: Roles, now: float) -> list[Action]:
    """The rules of the selected roles, in order of their names, each once."""
    rule = desired.aggregation_rule
    if rule is None or desired.metadata.deletion_timestamp:
        return []
    rules: list[PolicyRule] = []
    for selector in map(from_label_selector, rule.cluster_role_selectors):
        for role in sorted(observed.roles, key=key_of):
            if role.metadata.uid != desired.metadata.uid and selector.matches(role.metadata.labels):
                rules += [r for r in role.rules if r not in rules]
    if tuple(rules) == desired.rules:
        return []
    return [Update(structs.replace(desired, rules=tuple(rules)))]


def observe(lister: Lister, key: ObjectKey) -> tuple[ClusterRole, Roles] | None:
    role = lister.cache(ClusterRole).get(key)
    if role is None or role.aggregation_rule is None:
        return None
    return role, Roles(tuple(lister.cache(ClusterRole)))


def _aggregating(lister: Lister, role: ClusterRole) -> list[ObjectKey]:
    """Watch keys: the role itself, and those that select it."""
    return [
        key_of(other)
        for other in lister.cache(ClusterRole)
        if other.aggregation_rule is not None
        and (
            other.metadata.uid == role.metadata.uid
            or any(
                from_label_selector(selector).matches(role.metadata.labels)
                for selector in other.aggregation_rule.cluster_role_selectors
            )
        )
    ]


ROLE_AGGREGATION: Controller[ClusterRole, Roles] = Controller(
    name="clusterrole-aggregation-controller",
    watches=(Watch(ClusterRole, _aggregating),),
    observe=observe,
    reconcile=reconcile,
    workers=1,
)
