"""Pure: what is wrong with the policies of a Job: failures, success, replacement, limits of each index.

Source: kubernetes pkg/apis/batch/validation/validation.go.
"""

from __future__ import annotations

from pikube.api.errors import Cause
from pikube.api.kinds.batch import JobSpec, PodFailurePolicyRule, SuccessPolicyRule
from pikube.api.validation.causes import duplicate, invalid, not_supported, required, too_many

ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
MOST_RULES, MOST_CODES, MOST_PATTERNS = 20, 255, 20


def policy_causes(spec: JobSpec, path: str) -> list[Cause]:
    """All policies of a Job's spec at `path`."""
    return [*_index_causes(spec, path), *_failure_causes(spec, path), *_success_causes(spec, path)]


def _index_causes(spec: JobSpec, path: str) -> list[Cause]:
    causes: list[Cause] = []
    is_indexed = spec.completion_mode == "Indexed"
    if spec.backoff_limit_per_index is not None and not is_indexed:
        words = "requires indexed completion mode"
        causes.append(invalid(f"{path}.backoffLimitPerIndex", spec.backoff_limit_per_index, words))
    if spec.max_failed_indexes is not None:
        if spec.backoff_limit_per_index is None:
            causes.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
        if spec.completions is not None and spec.max_failed_indexes > spec.completions:
            words = "must be less than or equal to completions"
            causes.append(invalid(f"{path}.maxFailedIndexes", spec.max_failed_indexes, words))
    return causes


def _failure_causes(spec: JobSpec, path: str) -> list[Cause]:
    policy = spec.pod_failure_policy
    if policy is None:
        return []
    causes: list[Cause] = []
    restart = spec.template.spec.restart_policy
    if restart not in ("Never", "", None):
        words = 'only "Never" is supported when podFailurePolicy is specified'
        causes.append(invalid(f"{path}.template.spec.restartPolicy", restart, words))
    if spec.pod_replacement_policy not in (None, "", "Failed"):
        causes.append(not_supported(f"{path}.podReplacementPolicy", spec.pod_replacement_policy, ["Failed"]))
    here = f"{path}.podFailurePolicy.rules"
    if len(policy.rules) > MOST_RULES:
        causes.append(too_many(here, len(policy.rules), MOST_RULES))
    containers = {c.name for c in (*spec.template.spec.containers, *spec.template.spec.init_containers)}
    for number, rule in enumerate(policy.rules):
        causes += _rule_causes(rule, f"{here}[{number}]", spec, containers)
    return causes


def _rule_causes(rule: PodFailurePolicyRule, path: str, spec: JobSpec, containers: set[str]) -> list[Cause]:
    causes: list[Cause] = []
    if rule.action not in ACTIONS:
        causes.append(not_supported(f"{path}.action", rule.action, list(ACTIONS)))
    elif rule.action == "FailIndex" and spec.backoff_limit_per_index is None:
        causes.append(invalid(f"{path}.action", rule.action, "requires the backoffLimitPerIndex to be set"))
    has_codes, has_patterns = rule.on_exit_codes is not None, bool(rule.on_pod_conditions)
    if has_codes and has_patterns:
        words = "specifying both OnExitCodes and OnPodConditions is not supported"
        causes.append(invalid(path, rule, words))
    elif not has_codes and not has_patterns:
        words = "specifying one of OnExitCodes and OnPodConditions is required"
        causes.append(invalid(path, rule, words))
    if rule.on_exit_codes is not None:
        causes += _code_causes(rule, f"{path}.onExitCodes", containers)
    if len(rule.on_pod_conditions) > MOST_PATTERNS:
        causes.append(too_many(f"{path}.onPodConditions", len(rule.on_pod_conditions), MOST_PATTERNS))
    for number, pattern in enumerate(rule.on_pod_conditions):
        if pattern.status not in ("", "True", "False", "Unknown"):
            offered = ["False", "True", "Unknown"]
            causes.append(not_supported(f"{path}.onPodConditions[{number}].status", pattern.status, offered))
    return causes


def _code_causes(rule: PodFailurePolicyRule, path: str, containers: set[str]) -> list[Cause]:
    wanted = rule.on_exit_codes
    assert wanted is not None
    causes: list[Cause] = []
    if wanted.operator not in ("In", "NotIn"):
        causes.append(not_supported(f"{path}.operator", wanted.operator, ["In", "NotIn"]))
    if wanted.container_name and wanted.container_name not in containers:
        words = "must be one of the container or initContainer names in the pod template"
        causes.append(invalid(f"{path}.containerName", wanted.container_name, words))
    if not wanted.values:
        causes.append(invalid(f"{path}.values", wanted.values, "at least one value is required"))
    elif len(wanted.values) > MOST_CODES:
        causes.append(too_many(f"{path}.values", len(wanted.values), MOST_CODES))
    seen: set[int] = set()
    for number, code in enumerate(wanted.values):
        here = f"{path}.values[{number}]"
        if wanted.operator == "In" and code == 0:
            causes.append(invalid(here, code, "must not be 0 for the In operator"))
        if code in seen:
            causes.append(duplicate(here, code))
        seen.add(code)
    return causes


def _success_causes(spec: JobSpec, path: str) -> list[Cause]:
    policy = spec.success_policy
    if policy is None:
        return []
    here = f"{path}.successPolicy"
    if spec.completion_mode != "Indexed":
        return [invalid(here, policy, "requires indexed completion mode")]
    if not policy.rules:
        return [required(f"{here}.rules", "at least one rules must be specified in the successPolicy")]
    causes: list[Cause] = []
    if len(policy.rules) > MOST_RULES:
        causes.append(too_many(f"{here}.rules", len(policy.rules), MOST_RULES))
    for number, rule in enumerate(policy.rules):
        causes += _success_rule_causes(rule, f"{here}.rules[{number}]", spec)
    return causes


def _success_rule_causes(rule: SuccessPolicyRule, path: str, spec: JobSpec) -> list[Cause]:
    count, indexes = rule.succeeded_count, rule.succeeded_indexes
    if count is None and indexes is None:
        return [required(path, "at least one of succeededCount or succeededIndexes must be specified")]
    completions = spec.completions or 0
    if count is not None and count <= 0:
        return [invalid(f"{path}.succeededCount", count, "must be greater than or equal to 1")]
    if count is not None and count > completions:
        words = f"must be less than or equal to {completions} (the number of specified completions)"
        return [invalid(f"{path}.succeededCount", count, words)]
    if indexes is None:
        return []
    problem = _index_text_problem(indexes, completions)
    return (
        [invalid(f"{path}.succeededIndexes", indexes, f"error parsing succeededIndexes: {problem}")]
        if (problem)
        else []
    )


def _index_text_problem(text: str, completions: int) -> str:
    last = -1
    for part in text.split(","):
        low, _, high = part.partition("-")
        for digits in (low, high or low):
            if not digits.isdigit():
                return f'cannot convert string to integer for index: "{digits}"'
            if int(digits) >= completions:
                return f'too large index: "{digits}"'
        if int(low) <= last or int(high or low) < int(low):
            return f"non-increasing order, previous: {last}, current: {low}"
        last = int(high or low)
    return ""
