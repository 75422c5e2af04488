"""Pure: what is wrong with MutatingAdmissionPolicies and their bindings.

Source: kubernetes pkg/apis/admissionregistration/validation.
"""

from __future__ import annotations

from collections.abc import Container

from pikube.api.cel import compile_mutation
from pikube.api.cel_check import MADE
from pikube.api.cel_types import CelType, list_of
from pikube.api.errors import Cause
from pikube.api.kinds.admission import (
    ApplyConfiguration,
    JSONPatch,
    MatchResources,
    MutatingAdmissionPolicy,
    MutatingAdmissionPolicyBinding,
    Mutation,
)
from pikube.api.policy_scopes import Scope
from pikube.api.validation.causes import invalid, not_supported, required
from pikube.api.validation.policies import (
    common_causes,
    expression_causes,
    place_causes,
    scope_in,
    variable_causes,
    word_causes,
)

PATCH_TYPES = ("ApplyConfiguration", "JSONPatch")
RETURNS = {
    "ApplyConfiguration": (CelType("Object"),),
    "JSONPatch": (list_of(CelType("JSONPatch")),),
}
OPERATIONS = ("*", "CONNECT", "CREATE", "UPDATE")
"""What is deleted cannot be changed."""


def policy_causes(obj: MutatingAdmissionPolicy, known: Container[str] = ()) -> list[Cause]:
    """Expressions that are in `known` were let in before and are not read again."""
    spec = obj.spec
    variables = scope_in(spec, MADE)
    causes = common_causes(spec, variables, known)
    causes += _operation_causes(spec.match_constraints, "spec.matchConstraints")
    for index, variable in enumerate(spec.variables):
        here = f"spec.variables[{index}]"
        causes += variable_causes(variable, here, variables, known, compile_mutation)
    if not spec.mutations:
        causes.append(required("spec.mutations", "mutations must contain at least one item"))
    for index, mutation in enumerate(spec.mutations):
        causes += _mutation_causes(mutation, f"spec.mutations[{index}]", variables, known)
    return causes + word_causes("spec.reinvocationPolicy", spec.reinvocation_policy, ("IfNeeded", "Never"))


def policy_update_causes(new: MutatingAdmissionPolicy, old: MutatingAdmissionPolicy) -> list[Cause]:
    return policy_causes(new, expressions_of(old))


def expressions_of(obj: MutatingAdmissionPolicy) -> set[str]:
    """Every expression in a policy."""
    spec = obj.spec
    parts = [
        part
        for one in spec.mutations
        for part in (one.apply_configuration, one.json_patch)
        if part is not None
    ]
    return {one.expression for one in (*spec.match_conditions, *spec.variables, *parts)}


def binding_causes(obj: MutatingAdmissionPolicyBinding) -> list[Cause]:
    spec = obj.spec
    return place_causes(spec) + _operation_causes(spec.match_resources, "spec.matchResources")


def _operation_causes(match: MatchResources | None, path: str) -> list[Cause]:
    rules = match.resource_rules if match is not None else ()
    here = f"{path}.resourceRules.operations"
    return [
        not_supported(here, one, OPERATIONS)
        for rule in rules
        for one in rule.operations
        if one not in OPERATIONS
    ]


def _mutation_causes(mutation: Mutation, path: str, variables: Scope, known: Container[str]) -> list[Cause]:
    parts: dict[str, tuple[str, ApplyConfiguration | JSONPatch | None]] = {
        "ApplyConfiguration": ("applyConfiguration", mutation.apply_configuration),
        "JSONPatch": ("jsonPatch", mutation.json_patch),
    }
    kind = mutation.patch_type
    causes = word_causes(f"{path}.patchType", kind, PATCH_TYPES)
    if causes:
        return causes
    for other, (name, part) in parts.items():
        here = f"{path}.{name}"
        if other != kind and part is not None:
            causes.append(invalid(here, f"{{{name}}}", f"must not be specified when patchType is {kind}"))
        elif other == kind and part is None:
            causes.append(required(here, f"must be specified when patchType is {kind}"))
        elif other == kind and part is not None:
            causes += expression_causes(
                part.expression, f"{here}.expression", variables, known, words="", read=compile_mutation,
                wanted=RETURNS[kind],
            )  # fmt: skip
    return causes
