"""Pure: ValidatingAdmissionPolicies: whether a write is one that a policy is about, and what the policy says of it.

Enter: a policy, a binding, the facts of a write, a parameter object. Leave: violations. Called by the leader's policy
stage. Source: kubernetes apiserver pkg/admission/plugin/policy/validating.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pikube.api.admission_review import Facts, applies, selects, variables_of
from pikube.api.cel import CelError, CelUnsupported, Expression, compile_expression
from pikube.api.errors import ApiError, Forbidden, Resource
from pikube.api.kinds.admission import (
    MatchResources,
    MutatingAdmissionPolicy,
    MutatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    Validation,
)
from pikube.api.kinds.meta import LabelSelector

CODES = {"Unauthorized": 401, "Forbidden": 403, "Invalid": 422, "RequestEntityTooLarge": 413}


def default_policy(policy: ValidatingAdmissionPolicy | MutatingAdmissionPolicy) -> None:
    """A policy that cannot be evaluated refuses, and is about every version of its kinds."""
    spec = policy.spec
    spec.failure_policy = spec.failure_policy or "Fail"
    _default_match(spec.match_constraints)


def default_binding(binding: ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding) -> None:
    """What it says nothing about, it means."""
    _default_match(binding.spec.match_resources)


def _default_match(match: MatchResources | None) -> None:
    if match is None:
        return
    match.match_policy = match.match_policy or "Equivalent"
    match.namespace_selector = match.namespace_selector or LabelSelector()
    match.object_selector = match.object_selector or LabelSelector()
    for rule in (*match.resource_rules, *match.exclude_resource_rules):
        rule.scope = rule.scope or "*"


def is_about(constraints: MatchResources | None, facts: Facts) -> bool:
    """Whether a write is among those of matchConstraints or matchResources (None: all)."""
    if constraints is None:
        return True
    if constraints.resource_rules and not applies(constraints.resource_rules, facts):
        return False
    if applies(constraints.exclude_resource_rules, facts):
        return False
    return selects(constraints.namespace_selector, constraints.object_selector, facts)


@dataclass(frozen=True, slots=True)
class Violation:
    """A check that did not hold, in words, and the reason to answer with."""

    message: str
    reason: str = "Invalid"
    index: int = 0
    """Of the check in the policy."""


def violations(
    policy: ValidatingAdmissionPolicy, facts: Facts, params: dict[str, Any] | None
) -> list[Violation]:
    """What a policy has against a write that it is about."""
    spec = policy.spec
    is_strict = spec.failure_policy != "Ignore"
    variables = {**variables_of(facts), "params": params}
    try:
        if not is_wanted(spec.match_conditions, variables):
            return []
    except CelError as error:
        return [Violation(str(error))] if is_strict else []
    variables["variables"] = values_of(spec.variables, variables)
    return [
        replace(found, index=index)
        for index, check in enumerate(spec.validations)
        for found in _checked(check, variables, is_strict=is_strict)
    ]


def audit_annotations(
    policy: ValidatingAdmissionPolicy, facts: Facts, params: dict[str, Any] | None
) -> dict[str, str]:
    """What a policy notes of a write that it is about; an expression that fails notes nothing."""
    spec = policy.spec
    if not spec.audit_annotations:
        return {}
    variables = {**variables_of(facts), "params": params}
    try:
        if not is_wanted(spec.match_conditions, variables):
            return {}
    except CelError:
        return {}
    variables["variables"] = values_of(spec.variables, variables)
    notes = {}
    for annotation in spec.audit_annotations:
        try:
            value = compile_expression(annotation.value_expression).value(variables)
        except CelError:
            continue
        if isinstance(value, str) and value.strip():
            notes[f"{policy.metadata.name}/{annotation.key}"] = value.strip()
    return notes


FAILURES = "validation.policy.admission.k8s.io/validation_failure"


def noted(notes: Mapping[str, str], policy: str, binding: Any, violation: Violation) -> str:
    """The note about a violation, behind those that are there (validating/dispatcher.go:validationFailureValue)."""
    known = json.loads(notes.get(FAILURES, "[]"))
    found = {
        "message": violation.message,
        "policy": policy,
        "binding": binding.metadata.name,
        "expressionIndex": violation.index,
        "validationActions": list(binding.spec.validation_actions),
    }
    return json.dumps([*known, found], separators=(",", ":"))


def is_wanted(conditions: Iterable[Any], variables: Mapping[str, Any]) -> bool:
    """Whether the match conditions hold. CelError."""
    for condition in conditions:
        try:
            if not compile_expression(condition.expression).holds(variables):
                return False
        except CelUnsupported:
            continue
    return True


def values_of(
    declared: Iterable[Any],
    variables: Mapping[str, Any],
    read: Callable[[str], Expression] = compile_expression,
) -> dict[str, Any]:
    """Each may use those before it; one that fails is missing, and only who uses it fails."""
    values: dict[str, Any] = {}
    for variable in declared:
        try:
            values[variable.name] = read(variable.expression).value({**variables, "variables": values})
        except CelError:
            continue
    return values


def _checked(check: Validation, variables: Mapping[str, Any], *, is_strict: bool) -> Iterator[Violation]:
    reason = check.reason or "Invalid"
    try:
        if compile_expression(check.expression).holds(variables):
            return
    except CelUnsupported:
        return
    except CelError as error:
        if is_strict:
            yield Violation(f"expression '{check.expression.strip()}' resulted in error: {error}", reason)
        return
    yield Violation(_words(check, variables), reason)


def _words(check: Validation, variables: Mapping[str, Any]) -> str:
    if check.message_expression:
        try:
            words = compile_expression(check.message_expression).value(variables)
        except CelError:
            words = ""
        if isinstance(words, str) and words.strip():
            return words.strip()
    return check.message or f"failed expression: {check.expression.strip()}"


def warning(policy: str, binding: str, violation: Violation) -> str:
    return f"Validation failed for ValidatingAdmissionPolicy '{policy}' with binding '{binding}': {violation.message}"


class PolicyDenied(ApiError):
    """What a violation answers: worded as a Forbidden, with the reason that the check names."""

    def __init__(
        self, resource: Resource, name: str, policy: str, binding: str, violation: Violation
    ) -> None:
        by = f" with binding '{binding}'" if binding else ""
        words = f"ValidatingAdmissionPolicy '{policy}'{by} denied request: {violation.message}"
        super().__init__(Forbidden.of(resource, name, words).message, resource=resource, name=name)
        self.reason = violation.reason  # type: ignore[misc]
        self.code = CODES.get(violation.reason, 422)  # type: ignore[misc]
        self._words = words

    def to_status(self) -> dict[str, Any]:
        status = super().to_status()
        status["details"] = {**status.get("details", {}), "causes": [{"message": self._words}]}
        return status


def denies(binding: ValidatingAdmissionPolicyBinding) -> bool:
    return "Deny" in binding.spec.validation_actions


def audits(binding: ValidatingAdmissionPolicyBinding) -> bool:
    return "Audit" in binding.spec.validation_actions


def warns(binding: ValidatingAdmissionPolicyBinding) -> bool:
    return "Warn" in binding.spec.validation_actions
