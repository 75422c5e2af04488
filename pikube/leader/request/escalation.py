"""Shell: an admission plugin: nobody gives what he does not have.

Who writes a role must hold its rules or may `escalate`; who binds one must hold its rules or may `bind` it. Source:
kubernetes pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased/storage.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from pikube.api.errors import Forbidden
from pikube.api.kinds.rbac import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding
from pikube.leader.request.admission import Attributes
from pikube.leader.request.context import MASTERS
from pikube.leader.request.rbac import Rbac
from pikube.leader.request.route import Route
from pikube.leader.request.rule_cover import go_list, missing_rules, shown

GROUP = "rbac.authorization.k8s.io"
EVERYTHING = (
    PolicyRule(verbs=("*",), api_groups=("*",), resources=("*",)),
    PolicyRule(verbs=("*",), non_resource_urls=("*",)),
)


class RoleEscalation:
    """Implements admission.Plugin."""

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac

    def admit(self, attributes: Attributes) -> None:
        user = attributes.context.user
        if attributes.operation == "DELETE" or MASTERS in user.groups:
            return
        obj, old = attributes.obj, attributes.old
        if isinstance(obj, Role | ClusterRole):
            if old is not None and obj.rules == old.rules and _aggregation(obj) == _aggregation(old):
                return
            if self._may(attributes, "escalate", attributes.info.names.plural, attributes.name):
                return
            rules = obj.rules if _aggregation(obj) is None else (*obj.rules, *EVERYTHING)
            self._confirm(attributes, rules)
        elif isinstance(obj, RoleBinding | ClusterRoleBinding):
            if old is not None and (obj.subjects, obj.role_ref) == (old.subjects, old.role_ref):
                return
            ref = obj.role_ref
            if self._may(attributes, "bind", f"{ref.kind.lower()}s", ref.name):
                return
            self._confirm(attributes, self._rbac.rules_of(ref, attributes.namespace))

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """Nothing was handed out."""

    def _may(self, attributes: Attributes, verb: str, resource: str, name: str) -> bool:
        route = Route(verb, "", True, GROUP, "v1", attributes.namespace, resource, name)
        return self._rbac.may(attributes.context.user, route)

    def _confirm(self, attributes: Attributes, rules: Iterable[PolicyRule]) -> None:
        user = attributes.context.user
        held = tuple(self._rbac.rules_for(user, attributes.namespace))
        missing = missing_rules(held, rules)
        if missing:
            listed = "\n".join(sorted(shown(rule) for rule in missing))
            raise Forbidden.of(
                attributes.info.resource,
                attributes.name,
                f'user "{user.name}" (groups={go_list(user.groups)}) is attempting to grant RBAC permissions not '
                f"currently held:\n{listed}",
            )


def _aggregation(role: Role | ClusterRole) -> object:
    return role.aggregation_rule if isinstance(role, ClusterRole) else None
