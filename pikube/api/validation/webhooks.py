"""Pure: what is wrong with configurations of webhooks.

Source: kubernetes pkg/apis/admissionregistration/validation.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.validation.causes import by_rule, duplicate, invalid, not_supported, required
from pikube.api.validation.policies import OF_WEBHOOKS, condition_causes
from pikube.api.validation.rules import rule_causes
from pikube.api.validation.selectors import selector_causes
from pikube.api.validation.webhook_clients import client_causes


def webhooks_causes(obj: Any, known: Container[str] = ()) -> list[Cause]:
    """Of a MutatingWebhookConfiguration or a ValidatingWebhookConfiguration; conditions that are in `known` were let
    in before."""
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, hook in enumerate(obj.webhooks):
        here = f"webhooks[{index}]"
        if hook.name in seen:
            causes.append(duplicate(f"{here}.name", hook.name))
        seen.add(hook.name)
        causes += _webhook_causes(hook, here, known)
    return causes


def webhooks_update_causes(new: Any, old: Any) -> list[Cause]:
    known = {condition.expression for hook in old.webhooks for condition in hook.match_conditions}
    return webhooks_causes(new, known)


def _webhook_causes(hook: Any, here: str, known: Container[str]) -> list[Cause]:
    causes = (
        by_rule(f"{here}.name", hook.name, names.dns1123_subdomain)
        if hook.name
        else [required(f"{here}.name")]
    )
    if hook.name and not causes and hook.name.count(".") < 2:
        words = "should be a domain with at least three segments separated by dots"
        causes.append(invalid(f"{here}.name", hook.name, words))
    if not hook.admission_review_versions:
        words = "must specify one of v1, v1beta1"
        causes.append(required(f"{here}.admissionReviewVersions", words))
    elif not {"v1", "v1beta1"} & set(hook.admission_review_versions):
        words = "must include at least one of v1, v1beta1"
        causes.append(invalid(f"{here}.admissionReviewVersions", list(hook.admission_review_versions), words))
    for index, rule in enumerate(hook.rules):
        causes += rule_causes(rule, f"{here}.rules[{index}]")
    for name, value, supported in (
        ("failurePolicy", hook.failure_policy, ("Fail", "Ignore")),
        ("matchPolicy", hook.match_policy, ("Equivalent", "Exact")),
    ):
        if value is not None and value not in supported:
            causes.append(not_supported(f"{here}.{name}", value, supported))
    if not hook.side_effects:
        causes.append(required(f"{here}.sideEffects", "must specify one of None, NoneOnDryRun"))
    elif hook.side_effects not in ("None", "NoneOnDryRun"):
        causes.append(not_supported(f"{here}.sideEffects", hook.side_effects, ("None", "NoneOnDryRun")))
    if hook.timeout_seconds is not None and not 1 <= hook.timeout_seconds <= 30:
        words = "the timeout value must be between 1 and 30 seconds"
        causes.append(invalid(f"{here}.timeoutSeconds", hook.timeout_seconds, words))
    causes += selector_causes(hook.namespace_selector, f"{here}.namespaceSelector")
    causes += selector_causes(hook.object_selector, f"{here}.objectSelector")
    causes += condition_causes(hook.match_conditions, f"{here}.matchConditions", OF_WEBHOOKS, known)
    return causes + client_causes(hook.client_config, f"{here}.clientConfig")
