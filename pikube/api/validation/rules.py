"""Pure: what is wrong with the rules by which webhooks and admission policies say what they are about.

Source: kubernetes pkg/apis/admissionregistration/validation:validateRuleWithOperations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pikube.api.errors import Cause
from pikube.api.validation.causes import invalid, not_supported, required

OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
SCOPES = ("*", "Cluster", "Namespaced")


def rule_causes(rule: Any, here: str) -> list[Cause]:
    causes = _words_causes(rule.operations, f"{here}.operations", "operations")
    for index, word in enumerate(rule.operations):
        if word not in OPERATIONS:
            causes.append(not_supported(f"{here}.operations[{index}]", word, OPERATIONS))
    causes += _words_causes(rule.api_groups, f"{here}.apiGroups", "API groups")
    causes += _words_causes(rule.api_versions, f"{here}.apiVersions", "API versions")
    for index, version in enumerate(rule.api_versions):
        if not version:
            causes.append(required(f"{here}.apiVersions[{index}]"))
    causes += _resource_causes(rule.resources, f"{here}.resources")
    if rule.scope is not None and rule.scope not in SCOPES:
        causes.append(not_supported(f"{here}.scope", rule.scope, SCOPES))
    return causes


def _words_causes(words: Sequence[str], path: str, others: str) -> list[Cause]:
    if not words:
        return [required(path)]
    if "*" in words and len(words) > 1:
        return [invalid(path, list(words), f"if '*' is present, must not specify other {others}")]
    return []


def _resource_causes(words: Sequence[str], path: str) -> list[Cause]:
    """Resources and subresources; what a `*` means already is not said again (validateResources)."""
    causes = [] if words else [required(path)]
    whole: set[str] = set()
    below: set[str] = set()
    for index, word in enumerate(words):
        resource, slash, part = word.partition("/")
        if not word:
            causes.append(required(f"{path}[{index}]"))
        if not slash:
            continue
        for known, star in ((resource in whole, f"{resource}/*"), (part in below, f"*/{part}")):
            if known:
                causes.append(
                    invalid(f"{path}[{index}]", word, f"if '{star}' is present, must not specify {word}")
                )
        if part == "*":
            whole.add(resource)
        if resource == "*":
            below.add(part)
    if len(words) > 1 and "*/*" in words:
        causes.append(invalid(path, list(words), "if '*/*' is present, must not specify other resources"))
    plain = [word for word in words if word and "/" not in word]
    if "*" in plain and plain[-1] != "*":  # upstream looks at the last one
        rest = "if '*' is present, must not specify other resources without subresources"
        causes.append(invalid(path, list(words), rest))
    return causes
