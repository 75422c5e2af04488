"""Pure: what is wrong with where a pod says that it may run: affinities, spreading, tolerations, gates.

Source: kubernetes pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.core_pod import (
    Affinity,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    PodSpec,
    TopologySpreadConstraint,
)
from pikube.api.kinds.core_references import (
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Toleration,
)
from pikube.api.validation.causes import by_rule, duplicate, forbidden, invalid, not_supported, required
from pikube.api.validation.selectors import selector_causes

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
NO_OPERATOR = "not a valid selector operator"
POSITIVE = "must be greater than zero"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def node_selector_causes(spec: PodSpec, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for key, value in spec.node_selector.items():
        causes += by_rule(f"{path}.nodeSelector", key, names.qualified_name)
        causes += by_rule(f"{path}.nodeSelector", value, names.label_value)
    return causes


def affinity_causes(affinity: Affinity | None, path: str) -> list[Cause]:
    if affinity is None:
        return []
    causes: list[Cause] = []
    nodes = affinity.node_affinity
    if nodes is not None:
        here = f"{path}.nodeAffinity"
        if nodes.required_during_scheduling_ignored_during_execution is not None:
            wanted = nodes.required_during_scheduling_ignored_during_execution
            causes += selector_of_nodes_causes(wanted, f"{here}.{REQUIRED}")
        for index, term in enumerate(nodes.preferred_during_scheduling_ignored_during_execution):
            one = f"{here}.{PREFERRED}[{index}]"
            causes += _weight_causes(term.weight, one)
            causes += _term_causes(term.preference, f"{one}.preference", is_preferred=True)
    causes += _pods_causes(affinity.pod_affinity, f"{path}.podAffinity")
    return causes + _pods_causes(affinity.pod_anti_affinity, f"{path}.podAntiAffinity")


def selector_of_nodes_causes(selector: NodeSelector, path: str) -> list[Cause]:
    here = f"{path}.nodeSelectorTerms"
    if not selector.node_selector_terms:
        return [required(here, "must have at least one node selector term")]
    terms = enumerate(selector.node_selector_terms)
    return [cause for index, term in terms for cause in _term_causes(term, f"{here}[{index}]")]


def _term_causes(term: NodeSelectorTerm, path: str, *, is_preferred: bool = False) -> list[Cause]:
    causes: list[Cause] = []
    for index, one in enumerate(term.match_expressions):
        causes += _requirement_causes(one, f"{path}.matchExpressions[{index}]", is_preferred=is_preferred)
    for index, one in enumerate(term.match_fields):
        causes += _field_causes(one, f"{path}.matchFields[{index}]")
    return causes


def _requirement_causes(one: NodeSelectorRequirement, path: str, *, is_preferred: bool) -> list[Cause]:
    """Values of what is merely preferred may be anything."""
    causes: list[Cause] = []
    match one.operator:
        case "In" | "NotIn":
            if not one.values:
                causes.append(
                    required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
                )
        case "Exists" | "DoesNotExist":
            if one.values:
                words = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                causes.append(forbidden(f"{path}.values", words))
        case "Gt" | "Lt":
            if len(one.values) != 1:
                words = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                causes.append(required(f"{path}.values", words))
        case _:
            causes.append(invalid(f"{path}.operator", one.operator, NO_OPERATOR))
    causes += by_rule(f"{path}.key", one.key, names.qualified_name)
    for index, value in enumerate(() if is_preferred else one.values):
        causes += by_rule(f"{path}.values[{index}]", value, names.label_value)
    return causes


def _field_causes(one: NodeSelectorRequirement, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if one.operator not in ("In", "NotIn"):
        causes.append(invalid(f"{path}.operator", one.operator, NO_OPERATOR))
    elif len(one.values) != 1:
        words = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        causes.append(required(f"{path}.values", words))
    if one.key != "metadata.name":
        return [*causes, invalid(f"{path}.key", one.key, "not a valid field selector key")]
    for index, value in enumerate(one.values):
        causes += by_rule(f"{path}.values[{index}]", value, names.dns1123_subdomain)
    return causes


def _weight_causes(weight: int, path: str) -> list[Cause]:
    return [] if 0 < weight <= 100 else [invalid(f"{path}.weight", weight, "must be in the range 1-100")]


def _pods_causes(affinity: PodAffinity | PodAntiAffinity | None, path: str) -> list[Cause]:
    if affinity is None:
        return []
    causes: list[Cause] = []
    for index, term in enumerate(affinity.required_during_scheduling_ignored_during_execution):
        causes += _pod_term_causes(term, f"{path}.{REQUIRED}[{index}]")
    for index, weighted in enumerate(affinity.preferred_during_scheduling_ignored_during_execution):
        here = f"{path}.{PREFERRED}[{index}]"
        causes += _weight_causes(weighted.weight, here)
        causes += _pod_term_causes(weighted.pod_affinity_term, f"{here}.podAffinityTerm")
    return causes


def _pod_term_causes(term: PodAffinityTerm, path: str) -> list[Cause]:
    causes = selector_causes(term.label_selector, f"{path}.labelSelector")
    causes += selector_causes(term.namespace_selector, f"{path}.namespaceSelector")
    for name in term.namespaces:
        causes += by_rule(f"{path}.namespace", name, names.dns1123_label)
    return causes + _topology_key_causes(term.topology_key, path)


def _topology_key_causes(key: str, path: str) -> list[Cause]:
    empty = [] if key else [required(f"{path}.topologyKey", "can not be empty")]
    return empty + by_rule(f"{path}.topologyKey", key, names.qualified_name)


def spread_causes(constraints: Sequence[TopologySpreadConstraint], path: str) -> Iterator[Cause]:
    for index, one in enumerate(constraints):
        here = f"{path}[{index}]"
        if one.max_skew <= 0:
            yield invalid(f"{here}.maxSkew", one.max_skew, POSITIVE)
        yield from _topology_key_causes(one.topology_key, here)
        if one.when_unsatisfiable not in ("DoNotSchedule", "ScheduleAnyway"):
            ways = ("DoNotSchedule", "ScheduleAnyway")
            yield not_supported(f"{here}.whenUnsatisfiable", one.when_unsatisfiable, ways)
        pair = (one.topology_key, one.when_unsatisfiable)
        if pair in [(other.topology_key, other.when_unsatisfiable) for other in constraints[index + 1 :]]:
            yield duplicate(f"{here}.{{topologyKey, whenUnsatisfiable}}", f"{{{pair[0]}, {pair[1]}}}")
        if one.min_domains is not None:
            if one.min_domains <= 0:
                yield invalid(f"{here}.minDomains", one.min_domains, POSITIVE)
            if one.when_unsatisfiable != "DoNotSchedule":
                words = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not"
                yield invalid(f"{here}.minDomains", one.min_domains, f"{words} {one.when_unsatisfiable}")
        for name, policy in (
            ("nodeAffinityPolicy", one.node_affinity_policy),
            ("nodeTaintsPolicy", one.node_taints_policy),
        ):
            if policy is not None and policy not in ("Honor", "Ignore"):
                yield not_supported(f"{here}.{name}", policy, ("Honor", "Ignore"))
        yield from selector_causes(one.label_selector, f"{here}.labelSelector")


def gate_causes(spec: PodSpec, path: str) -> Iterator[Cause]:
    """Of readiness and of scheduling."""
    for index, ready in enumerate(spec.readiness_gates):
        here = f"{path}.readinessGates[{index}].conditionType"
        yield from by_rule(here, ready.condition_type, names.qualified_name)
    seen: set[str] = set()
    for index, gate in enumerate(spec.scheduling_gates):
        here = f"{path}.schedulingGates[{index}]"
        yield from by_rule(here, gate.name, names.qualified_name)
        if gate.name in seen:
            yield duplicate(here, gate.name)
        seen.add(gate.name)


def toleration_causes(tolerations: Sequence[Toleration], path: str) -> list[Cause]:
    """Keys, operators and effects that go together."""
    causes: list[Cause] = []
    for index, toleration in enumerate(tolerations):
        here = f"{path}[{index}]"
        if toleration.key:
            causes += by_rule(f"{here}.key", toleration.key, names.qualified_name)
        elif toleration.operator != "Exists":
            causes.append(
                invalid(f"{here}.operator", toleration.operator, "operator must be Exists when `key` is empty, which "
                        "means \"match all values and all keys\"")
            )  # fmt: skip
        if toleration.toleration_seconds is not None and toleration.effect != "NoExecute":
            words = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            causes.append(invalid(f"{here}.effect", toleration.effect, words))
        if toleration.operator in ("", "Equal"):
            problems = names.label_value(toleration.value)
            if problems:
                causes.append(invalid(f"{here}.operator", toleration.value, ";".join(problems)))
        elif toleration.operator == "Exists" and toleration.value:
            words = "value must be empty when `operator` is 'Exists'"
            causes.append(invalid(f"{here}.operator", toleration.value, words))
    return causes
