"""Pure: what is wrong with the rules by which webhooks and admission policies say what they are about.

Source: kubernetes pkg/apis/admissionregistration/validation:validateRuleWithOperations.
"""

from __future__ import annotations

from typing import Any

from pikube.api.errors import Cause
from pikube.api.validation.causes import invalid, not_supported, required


def rule_causes(rule: Any, here: str) -> list[Cause]:
    causes: list[Cause] = []
    for name, words in (
        ("operations", rule.operations), ("apiGroups", rule.api_groups), ("apiVersions", rule.api_versions),
        ("resources", rule.resources),
    ):  # fmt: skip
        if not words:
            causes.append(required(f"{here}.{name}"))
        elif "*" in words and len(words) > 1 and name != "resources":
            causes.append(
                invalid(
                    f"{here}.{name}",
                    list(words),
                    "if '*' is present, must not specify other " + _PLURAL[name],
                )
            )
    supported = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
    for index, word in enumerate(rule.operations):
        if word not in supported:
            causes.append(not_supported(f"{here}.operations[{index}]", word, supported))
    if rule.scope is not None and rule.scope not in ("*", "Cluster", "Namespaced"):
        causes.append(not_supported(f"{here}.scope", rule.scope, ("*", "Cluster", "Namespaced")))
    return causes


_PLURAL = {"operations": "operations", "apiGroups": "API groups", "apiVersions": "API versions"}
