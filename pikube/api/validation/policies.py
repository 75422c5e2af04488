"""Pure: what is wrong with ValidatingAdmissionPolicies, their bindings, and the match conditions of webhooks.

Source: kubernetes pkg/apis/admissionregistration/validation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from pikube.api import names
from pikube.api.cel import CelMissing, CelUnsupported, Expression, compile_expression
from pikube.api.cel_types import BOOL, NULL, STRING, CelType
from pikube.api.errors import Cause
from pikube.api.kinds.admission import (
    MatchResources,
    ParamKind,
    ParamRef,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    Validation,
    Variable,
)
from pikube.api.policy_scopes import Scope, scope_of, type_problem, without_authorizer
from pikube.api.validation.causes import (
    by_rule,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_many,
)
from pikube.api.validation.rules import rule_causes
from pikube.api.validation.selectors import selector_causes

Read: TypeAlias = Callable[[str], Expression]

REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
ACTIONS = ("Audit", "Deny", "Warn")
OF_REQUESTS = ("object", "oldObject", "request", "namespaceObject", "authorizer")
OF_WEBHOOKS = scope_of(("object", "oldObject", "request", "authorizer"))
MOST_ANNOTATIONS = 20
MOST_CONDITIONS = 64


def policy_causes(obj: ValidatingAdmissionPolicy, known: Container[str] = ()) -> list[Cause]:
    """Expressions that are in `known` were let in before and are not read again."""
    spec = obj.spec
    variables = scope_in(spec)
    causes = common_causes(spec, variables, known)
    for index, variable in enumerate(spec.variables):
        causes += variable_causes(variable, f"spec.variables[{index}]", variables, known)
    if not spec.validations and not spec.audit_annotations:
        words = "validations or auditAnnotations must be non-empty; at least one must be specified"
        causes += [required("spec.validations", words), required("spec.auditAnnotations", words)]
    for index, validation in enumerate(spec.validations):
        causes += _validation_causes(validation, f"spec.validations[{index}]", variables, known)
    return causes + list(_annotation_causes(obj, variables, known))


def scope_in(spec: Any, *names: str) -> Scope:
    """What the expressions of a policy may name."""
    params = ("params",) if spec.param_kind is not None else ()
    return scope_of((*OF_REQUESTS, *params, *names), spec.variables)


def common_causes(spec: Any, variables: Scope, known: Container[str]) -> list[Cause]:
    """Of what validating and mutating policies share, but for their variables."""
    causes = word_causes("spec.failurePolicy", spec.failure_policy, ("Fail", "Ignore"))
    if spec.param_kind is not None:
        causes += _kind_causes(spec.param_kind, "spec.paramKind")
    if spec.match_constraints is None:
        causes.append(required("spec.matchConstraints"))
    else:
        causes += match_causes(spec.match_constraints, "spec.matchConstraints")
        if not spec.match_constraints.resource_rules:
            causes.append(required("spec.matchConstraints.resourceRules"))
    return causes + condition_causes(spec.match_conditions, "spec.matchConditions", variables, known)


def variable_causes(
    variable: Variable,
    path: str,
    variables: Scope,
    known: Container[str],
    read: Read = compile_expression,
) -> list[Cause]:
    causes = []
    if not variable.name:
        causes.append(required(f"{path}.name", "name is not specified"))
    elif not re.fullmatch(r"[_a-zA-Z][_a-zA-Z0-9]*", variable.name):
        causes.append(invalid(f"{path}.name", variable.name, "name is not a valid CEL identifier"))
    return causes + expression_causes(variable.expression, f"{path}.expression", variables, known, read=read)


def policy_update_causes(new: ValidatingAdmissionPolicy, old: ValidatingAdmissionPolicy) -> list[Cause]:
    return policy_causes(new, expressions_of(old))


def expressions_of(obj: ValidatingAdmissionPolicy) -> set[str]:
    """Every expression in a policy."""
    spec = obj.spec
    asked: tuple[Any, ...] = (*spec.match_conditions, *spec.variables, *spec.validations)
    return {
        *(one.expression for one in asked),
        *(check.message_expression for check in spec.validations),
        *(annotation.value_expression for annotation in spec.audit_annotations),
    }


def place_causes(spec: Any) -> list[Cause]:
    """Of what the bindings of validating and mutating policies share."""
    causes = (
        by_rule("spec.policyName", spec.policy_name, names.dns1123_subdomain)
        if spec.policy_name
        else [required("spec.policyName")]
    )
    if spec.param_ref is not None:
        causes += _param_ref_causes(spec.param_ref, "spec.paramRef")
    if spec.match_resources is not None:
        causes += match_causes(spec.match_resources, "spec.matchResources")
    return causes


def binding_causes(obj: ValidatingAdmissionPolicyBinding) -> list[Cause]:
    spec = obj.spec
    causes = place_causes(spec)
    here = "spec.validationActions"
    for index, action in enumerate(spec.validation_actions):
        if action not in ACTIONS:
            causes.append(not_supported(f"{here}[{index}]", action, ACTIONS))
        if action in spec.validation_actions[:index]:
            causes.append(duplicate(f"{here}[{index}]", action))
    if {"Deny", "Warn"} <= set(spec.validation_actions):
        words = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API "
            "response and headers serves no purpose)"
        )
        causes.append(invalid(here, list(spec.validation_actions), words))
    if not spec.validation_actions:
        causes.append(required(here, "at least one validation action is required"))
    return causes


def condition_causes(
    conditions: Sequence[Any], path: str, variables: Scope, known: Container[str] = ()
) -> list[Cause]:
    """Of matchConditions."""
    causes: list[Cause] = []
    if len(conditions) > MOST_CONDITIONS:
        causes.append(too_many(path, len(conditions), MOST_CONDITIONS))
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        here = f"{path}[{index}]"
        causes += expression_causes(
            condition.expression, f"{here}.expression", variables, known, words="", wanted=(BOOL,)
        )
        if not condition.name:
            causes.append(required(f"{here}.name"))
            continue
        causes += by_rule(f"{here}.name", condition.name, names.qualified_name)
        if condition.name in seen:
            causes.append(duplicate(f"{here}.name", condition.name))
        seen.add(condition.name)
    return causes


def _kind_causes(kind: ParamKind, path: str) -> list[Cause]:
    causes = []
    if not kind.api_version:
        causes.append(required(f"{path}.apiVersion"))
    elif kind.api_version.count("/") > 1:
        words = f"unexpected GroupVersion string: {kind.api_version}"
        causes.append(invalid(f"{path}.apiVersion", kind.api_version, words))
    if not kind.kind:
        causes.append(required(f"{path}.kind"))
    else:
        wrong = names.dns1035_label(kind.kind.lower())
        if wrong:
            words = f"may have mixed case, but should otherwise match: {','.join(wrong)}"
            causes.append(invalid(f"{path}.kind", kind.kind, words))
    return causes


def match_causes(match: MatchResources, path: str) -> list[Cause]:
    causes = word_causes(f"{path}.matchPolicy", match.match_policy, ("Equivalent", "Exact"))
    for name, selector in (
        ("namespaceSelector", match.namespace_selector),
        ("objectSelector", match.object_selector),
    ):
        here = f"{path}.{name}"
        causes += [required(here)] if selector is None else selector_causes(selector, here)
    for name, rules in (
        ("resourceRules", match.resource_rules),
        ("excludeResourceRules", match.exclude_resource_rules),
    ):
        for index, rule in enumerate(rules):
            here = f"{path}.{name}[{index}]"
            for at, word in enumerate(rule.resource_names):
                causes += by_rule(f"{here}.resourceNames[{at}]", word, names.path_segment_name)
                if word in rule.resource_names[:at]:
                    causes.append(duplicate(f"{here}.resourceNames[{at}]", word))
            causes += rule_causes(rule, here)
    return causes


def _param_ref_causes(ref: ParamRef, path: str) -> list[Cause]:
    causes: list[Cause] = []
    words = "name and selector are mutually exclusive"
    if ref.name:
        causes += by_rule(f"{path}.name", ref.name, names.path_segment_name)
        if ref.selector is not None:
            causes.append(forbidden(f"{path}.name", words))
    if ref.selector is not None:
        causes += selector_causes(ref.selector, f"{path}.selector")
        if ref.name:
            causes.append(forbidden(f"{path}.selector", words))
    if not ref.name and ref.selector is None:
        causes.append(required(path, "one of name or selector must be specified"))
    return causes + word_causes(
        f"{path}.parameterNotFoundAction", ref.parameter_not_found_action, ("Allow", "Deny")
    )


def _validation_causes(
    check: Validation, path: str, variables: Scope, known: Container[str]
) -> Iterator[Cause]:
    yield from expression_causes(check.expression, f"{path}.expression", variables, known, wanted=(BOOL,))
    if check.message_expression:
        here = f"{path}.messageExpression"
        if not check.message_expression.strip():
            yield invalid(here, check.message_expression, "must be non-empty if specified")
        else:
            scope = without_authorizer(variables)
            yield from expression_causes(check.message_expression, here, scope, known, wanted=(STRING,))
    if check.message and not check.message.strip():
        yield invalid(f"{path}.message", check.message, "message must be non-empty if specified")
    elif "\n" in check.message.strip():
        yield invalid(f"{path}.message", check.message, "message must not contain line breaks")
    elif "\n" in check.expression.strip() and not check.message:
        yield required(f"{path}.message", "message must be specified if expression contains line breaks")
    if check.reason is not None and check.reason not in REASONS:
        yield not_supported(f"{path}.reason", check.reason, REASONS)


def _annotation_causes(
    obj: ValidatingAdmissionPolicy, variables: Scope, known: Container[str]
) -> Iterator[Cause]:
    annotations = obj.spec.audit_annotations
    path = "spec.auditAnnotations"
    if len(annotations) > MOST_ANNOTATIONS:
        words = f"must not have more than {MOST_ANNOTATIONS} auditAnnotations"
        yield invalid(path, [one.key for one in annotations], words)
    seen: set[str] = set()
    for index, one in enumerate(annotations):
        here = f"{path}[{index}]"
        if not one.key:
            yield required(f"{here}.key")
        else:
            yield from by_rule(f"{here}.key", one.key, names.qualified_name)
            if one.key in seen:
                yield duplicate(f"{here}.key", one.key)
            seen.add(one.key)
        words = "valueExpression is not specified"
        yield from expression_causes(
            one.value_expression,
            f"{here}.valueExpression",
            variables,
            known,
            words=words,
            wanted=(STRING, NULL),
        )


def expression_causes(
    text: str,
    path: str,
    variables: Scope,
    known: Container[str],
    words: str = "expression is not specified",
    read: Read = compile_expression,
    wanted: tuple[CelType, ...] = (),
) -> list[Cause]:
    """`wanted` are the types that it may give; none are any."""
    if not text.strip():
        return [required(path, words)]
    if text in known:
        return []
    try:
        read(text).check_names(variables)
    except CelMissing:
        return []
    except CelUnsupported as error:
        return [invalid(path, text, f"compilation failed: {error}")]
    problem = type_problem(text, variables, wanted)
    return [invalid(path, text, problem)] if problem else []


def word_causes(path: str, value: str | None, supported: Iterable[str]) -> list[Cause]:
    if not value:
        return [required(path)]
    return [] if value in supported else [not_supported(path, value, supported)]
