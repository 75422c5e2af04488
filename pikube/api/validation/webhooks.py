"""Pure: what is wrong with configurations of webhooks.

Source: kubernetes pkg/apis/admissionregistration/validation.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.validation.causes import by_rule, duplicate, invalid, not_supported, required
from pikube.api.validation.policies import OF_WEBHOOKS, condition_causes
from pikube.api.validation.rules import rule_causes
from pikube.api.validation.selectors import selector_causes
from pikube.api.validation.webhook_clients import client_causes

REVIEW_VERSIONS = ("v1", "v1beta1")
SIDE_EFFECTS = ("None", "NoneOnDryRun")
REINVOCATIONS = ("IfNeeded", "Never")


def webhooks_causes(obj: Any, known: Container[str] = ()) -> list[Cause]:
    """Of a MutatingWebhookConfiguration or a ValidatingWebhookConfiguration; conditions that are in `known` were let
    in before."""
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, hook in enumerate(obj.webhooks):
        here = f"webhooks[{index}]"
        causes += _webhook_causes(hook, here, known)
        causes += _version_causes(hook.admission_review_versions, f"{here}.admissionReviewVersions")
        if hook.name and hook.name in seen:
            causes.append(duplicate(f"{here}.name", hook.name))
        seen.add(hook.name)
    return causes


def webhooks_update_causes(new: Any, old: Any) -> list[Cause]:
    known = {condition.expression for hook in old.webhooks for condition in hook.match_conditions}
    return webhooks_causes(new, known)


def _name_causes(name: str, here: str) -> list[Cause]:
    """IsFullyQualifiedName."""
    if not name:
        return [required(here)]
    wrong = names.dns1123_subdomain(name)
    if wrong:
        return [invalid(here, name, ",".join(wrong))]
    words = "should be a domain with at least three segments separated by dots"
    return [] if name.count(".") > 1 else [invalid(here, name, words)]


def _version_causes(versions: Sequence[str], here: str) -> list[Cause]:
    offered = ", ".join(REVIEW_VERSIONS)
    if not versions:
        return [required(here, f"must specify one of {offered}")]
    causes: list[Cause] = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            causes.append(invalid(f"{here}[{index}]", version, "duplicate version"))
        else:
            causes += by_rule(f"{here}[{index}]", version, names.dns1035_label)
    if not set(REVIEW_VERSIONS) & set(versions):
        causes.append(invalid(here, list(versions), f"must include at least one of {offered}"))
    return causes


def _word_causes(hook: Any, here: str) -> list[Cause]:
    causes: list[Cause] = []
    for name, value, supported in (
        ("failurePolicy", hook.failure_policy, ("Fail", "Ignore")),
        ("matchPolicy", hook.match_policy, ("Equivalent", "Exact")),
    ):
        if value is not None and value not in supported:
            causes.append(not_supported(f"{here}.{name}", value, supported))
    if hook.side_effects is None:
        causes.append(required(f"{here}.sideEffects", f"must specify one of {', '.join(SIDE_EFFECTS)}"))
    elif hook.side_effects not in SIDE_EFFECTS:
        causes.append(not_supported(f"{here}.sideEffects", hook.side_effects, SIDE_EFFECTS))
    return causes


def _webhook_causes(hook: Any, here: str, known: Container[str]) -> list[Cause]:
    causes = _name_causes(hook.name, f"{here}.name")
    for index, rule in enumerate(hook.rules):
        causes += rule_causes(rule, f"{here}.rules[{index}]")
    causes += _word_causes(hook, here)
    if hook.timeout_seconds is not None and not 1 <= hook.timeout_seconds <= 30:
        words = "the timeout value must be between 1 and 30 seconds"
        causes.append(invalid(f"{here}.timeoutSeconds", hook.timeout_seconds, words))
    causes += selector_causes(hook.namespace_selector, f"{here}.namespaceSelector")
    causes += selector_causes(hook.object_selector, f"{here}.objectSelector")
    again = getattr(hook, "reinvocation_policy", None)
    if again is not None and again not in REINVOCATIONS:
        causes.append(not_supported(f"{here}.reinvocationPolicy", again, REINVOCATIONS))
    causes += client_causes(hook.client_config, f"{here}.clientConfig")
    return causes + condition_causes(hook.match_conditions, f"{here}.matchConditions", OF_WEBHOOKS, known)
