"""Pure: whether some rules allow everything that others allow, and what they lack.

Enter: the rules that somebody holds and those that he wants to give. Leave: the rules not covered. Called by the
escalation check and by the reconciliation of default roles. Source: kubernetes component-helpers
auth/rbac/validation:Covers and pkg/registry/rbac/validation/rule.go:ConfirmNoEscalation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from msgspec import structs

from pikube.api.kinds.rbac import PolicyRule


def missing_rules(held: Sequence[PolicyRule], wanted: Iterable[PolicyRule]) -> list[PolicyRule]:
    """What of `wanted` is not covered, one rule for each group, resource and name, with its verbs together."""
    missing: list[PolicyRule] = []
    for part in (part for rule in wanted for part in broken_down(rule)):
        if any(_covers(rule, part) for rule in held):
            continue
        for index, known in enumerate(missing):
            if structs.replace(known, verbs=part.verbs) == part:
                if part.verbs[0] not in known.verbs:
                    missing[index] = structs.replace(known, verbs=(*known.verbs, *part.verbs))
                break
        else:
            missing.append(part)
    return missing


def broken_down(rule: PolicyRule) -> Iterator[PolicyRule]:
    """A rule as rules of one group, resource, name and verb each."""
    for group in rule.api_groups:
        for resource in rule.resources:
            for verb in rule.verbs:
                names: Sequence[tuple[str, ...]] = [(name,) for name in rule.resource_names] or [()]
                for name in names:
                    yield PolicyRule(
                        api_groups=(group,), resources=(resource,), verbs=(verb,), resource_names=name
                    )
    for url in rule.non_resource_urls:
        for verb in rule.verbs:
            yield PolicyRule(non_resource_urls=(url,), verbs=(verb,))


def _covers(rule: PolicyRule, part: PolicyRule) -> bool:
    if not _has(rule.verbs, part.verbs[0]):
        return False
    if part.non_resource_urls:
        wanted = part.non_resource_urls[0]
        return any(
            url == wanted or (url.endswith("*") and wanted.startswith(url[:-1]))
            for url in rule.non_resource_urls
        )
    if not _has(rule.api_groups, part.api_groups[0]):
        return False
    resource = part.resources[0]
    subresource = resource.partition("/")[2]
    patterns = {resource, "*"} | ({f"*/{subresource}"} if subresource else set())
    if patterns.isdisjoint(rule.resources):
        return False
    return not rule.resource_names or bool(
        part.resource_names and part.resource_names[0] in rule.resource_names
    )


def _has(words: Iterable[str], wanted: str) -> bool:
    return any(word in ("*", wanted) for word in words)


def shown(rule: PolicyRule) -> str:
    """`{APIGroups:[""], Resources:["pods"], Verbs:["get"]}` (v1helpers.go:CompactString)."""
    parts = (
        ("APIGroups", rule.api_groups),
        ("Resources", rule.resources),
        ("NonResourceURLs", rule.non_resource_urls),
        ("ResourceNames", rule.resource_names),
        ("Verbs", rule.verbs),
    )
    return "{" + ", ".join(f"{name}:{go_list(words)}" for name, words in parts if words) + "}"


def go_list(words: Iterable[str]) -> str:
    """Go's %q of a []string."""
    return "[" + " ".join(json.dumps(word) for word in words) + "]"


def aggregate(messages: Iterable[str]) -> str:
    """Several errors in one line, each once (apimachinery pkg/util/errors:aggregate)."""
    said = tuple(dict.fromkeys(messages))
    return said[0] if len(said) == 1 else f"[{', '.join(said)}]"
