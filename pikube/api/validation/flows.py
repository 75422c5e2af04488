"""Pure: what is wrong with FlowSchemas and PriorityLevelConfigurations.

Source: kubernetes pkg/apis/flowcontrol/validation/validation.go.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.flow_defaults import MANDATORY, flow_schemas, priority_levels
from pikube.api.kinds.flowcontrol import (
    ExemptPriorityLevelConfiguration,
    FlowCondition,
    FlowSchema,
    LimitedPriorityLevelConfiguration,
    LimitResponse,
    NonResourcePolicyRule,
    PolicyRulesWithSubjects,
    PriorityLevelConfiguration,
    QueuingConfiguration,
    ResourcePolicyRule,
    Subject,
)
from pikube.api.validation.causes import by_rule, duplicate, forbidden, invalid, not_supported, required

LAST_PRECEDENCE = 10_000
MOST_QUEUES = 10_000_000
HASH_BITS = 60  # apiserver pkg/util/shufflesharding:MaxHashBits
METHODS = ("ByNamespace", "ByUser")
VERBS = ("get", "list", "create", "update", "delete", "deletecollection", "patch", "watch", "proxy")
SUBJECTS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}


def schema_causes(obj: FlowSchema) -> list[Cause]:
    spec, name = obj.spec, obj.metadata.name
    causes: list[Cause] = []
    place, precedence = "spec.matchingPrecedence", spec.matching_precedence
    if precedence <= 0:
        causes.append(invalid(place, precedence, "must be a positive value"))
    if precedence > LAST_PRECEDENCE:
        causes.append(invalid(place, precedence, f"must not be greater than {LAST_PRECEDENCE}"))
    if precedence == 1 and name != "exempt":
        words = "only the schema named 'exempt' may have matchingPrecedence 1"
        causes.append(invalid(place, precedence, words))
    method = spec.distinguisher_method
    if method is not None and method.type not in METHODS:
        causes.append(not_supported("spec.distinguisherMethod.type", method, METHODS))
    level = spec.priority_level_configuration.name
    if level:
        causes += by_rule("spec.priorityLevelConfiguration.name", level, names.dns1123_subdomain)
    else:
        causes.append(required("spec.priorityLevelConfiguration.name", "must reference a priority level"))
    for index, rule in enumerate(spec.rules):
        causes += _rule_causes(rule, f"spec.rules[{index}]")
    if name in MANDATORY:
        fixed = next(schema for schema in flow_schemas() if schema.metadata.name == name)
        if spec != fixed.spec:
            causes.append(invalid("spec", spec, f"spec of '{name}' must equal the fixed value"))
    return causes + list(_condition_causes(obj.status.conditions))


def schema_update_causes(new: FlowSchema, old: FlowSchema) -> list[Cause]:
    return schema_causes(new)


def level_causes(obj: PriorityLevelConfiguration) -> list[Cause]:
    spec, name = obj.spec, obj.metadata.name
    causes: list[Cause] = []
    if (name == "exempt") != (spec.type == "Exempt"):
        words = "must be 'Exempt' if and only if `name` is 'exempt'"
        causes.append(invalid("spec.type", spec.type, words))
    if spec.type == "Exempt":
        if spec.limited is not None:
            causes.append(forbidden("spec.limited", "must be nil if the type is not Limited"))
        if spec.exempt is not None:
            causes += _share_causes(spec.exempt, "spec.exempt")
    elif spec.type == "Limited":
        if spec.exempt is not None:
            causes.append(forbidden("spec.exempt", "must be nil if the type is Limited"))
        if spec.limited is None:
            causes.append(required("spec.limited", "must not be empty when type is Limited"))
        else:
            causes += _limited_causes(spec.limited, "spec.limited")
    else:
        causes.append(not_supported("spec.type", spec.type, ("Exempt", "Limited")))
    causes += _fixed_level_causes(obj)
    return causes + list(_condition_causes(obj.status.conditions))


def level_update_causes(new: PriorityLevelConfiguration, old: PriorityLevelConfiguration) -> list[Cause]:
    return level_causes(new)


def _fixed_level_causes(obj: PriorityLevelConfiguration) -> list[Cause]:
    spec, name = obj.spec, obj.metadata.name
    if name not in MANDATORY:
        return []
    fixed = next(level.spec for level in priority_levels() if level.metadata.name == name)
    if name != "exempt":
        return (
            [] if spec == fixed else [invalid("spec", spec, f"spec of '{name}' must equal the fixed value")]
        )
    if (spec.type, spec.limited) == (fixed.type, fixed.limited):
        return []
    return [
        invalid("spec", spec, f"spec of '{name}' except the 'spec.exempt' field must equal the fixed value")
    ]


def _share_causes(
    part: ExemptPriorityLevelConfiguration | LimitedPriorityLevelConfiguration, place: str
) -> list[Cause]:
    shares, lendable = part.nominal_concurrency_shares, part.lendable_percent
    causes: list[Cause] = []
    if shares is not None and shares < 0:
        causes.append(invalid(f"{place}.nominalConcurrencyShares", shares, "must be a non-negative integer"))
    if isinstance(part, LimitedPriorityLevelConfiguration):
        causes += _response_causes(part.limit_response, f"{place}.limitResponse")
    if lendable is not None and not 0 <= lendable <= 100:
        causes.append(invalid(f"{place}.lendablePercent", lendable, "must be between 0 and 100, inclusive"))
    return causes


def _limited_causes(limited: LimitedPriorityLevelConfiguration, place: str) -> list[Cause]:
    causes = _share_causes(limited, place)
    borrowing = limited.borrowing_limit_percent
    if borrowing is not None and borrowing < 0:
        words = "if specified, must be a non-negative integer"
        causes.append(invalid(f"{place}.borrowingLimitPercent", borrowing, words))
    return causes


def _response_causes(response: LimitResponse, place: str) -> list[Cause]:
    if response.type == "Reject":
        words = "must be nil if limited.limitResponse.type is not Limited"
        return [forbidden(f"{place}.queuing", words)] if response.queuing is not None else []
    if response.type != "Queue":
        return [not_supported(f"{place}.type", response.type, ("Queue", "Reject"))]
    if response.queuing is None:
        words = "must not be empty if limited.limitResponse.type is Limited"
        return [required(f"{place}.queuing", words)]
    return _queuing_causes(response.queuing, f"{place}.queuing")


def _queuing_causes(queuing: QueuingConfiguration, place: str) -> list[Cause]:
    queues, hand = queuing.queues, queuing.hand_size
    causes: list[Cause] = []
    if queuing.queue_length_limit <= 0:
        causes.append(invalid(f"{place}.queueLengthLimit", queuing.queue_length_limit, "must be positive"))
    if queues <= 0:
        causes.append(invalid(f"{place}.queues", queues, "must be positive"))
    elif queues > MOST_QUEUES:
        causes.append(invalid(f"{place}.queues", queues, f"must not be greater than {MOST_QUEUES}"))
    if hand <= 0:
        causes.append(invalid(f"{place}.handSize", hand, "must be positive"))
    elif hand > queues:
        causes.append(invalid(f"{place}.handSize", hand, f"should not be greater than queues ({queues})"))
    elif math.ceil(math.log2(queues) * hand) > HASH_BITS:
        words = f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than"
        causes.append(invalid(f"{place}.handSize", hand, f"{words} {HASH_BITS}"))
    return causes


def _condition_causes(conditions: Sequence[FlowCondition]) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        place = f"status.conditions[{index}].type"
        if condition.type in seen:
            yield duplicate(place, condition.type)
        seen.add(condition.type)
        if not condition.type:
            yield required(place)


def _rule_causes(rule: PolicyRulesWithSubjects, place: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, subject in enumerate(rule.subjects):
        causes += _subject_causes(subject, f"{place}.subjects[{index}]")
    if not rule.subjects:
        causes.append(required(f"{place}.subjects", "subjects must contain at least one value"))
    if not rule.resource_rules and not rule.non_resource_rules:
        words = "at least one of resourceRules and nonResourceRules has to be non-empty"
        causes.append(required(place, words))
    for index, resources in enumerate(rule.resource_rules):
        causes += _resource_causes(resources, f"{place}.resourceRules[{index}]")
    for index, paths in enumerate(rule.non_resource_rules):
        causes += _path_causes(paths, f"{place}.nonResourceRules[{index}]")
    return causes


def _subject_causes(subject: Subject, place: str) -> list[Cause]:
    if subject.kind not in SUBJECTS:
        return [not_supported(f"{place}.kind", subject.kind, SUBJECTS)]
    given = {"Group": subject.group, "ServiceAccount": subject.service_account, "User": subject.user}
    mine, here = given[subject.kind], f"{place}.{SUBJECTS[subject.kind]}"
    causes: list[Cause] = []
    if mine is None:
        words = f"{SUBJECTS[subject.kind]} is required when subject kind is '{subject.kind}'"
        causes.append(required(here, words))
    elif not mine.name:
        causes.append(required(f"{here}.name"))
    if subject.service_account is not None and subject.kind == "ServiceAccount":
        name, namespace = subject.service_account.name, subject.service_account.namespace
        if name and name != "*":
            causes += by_rule(f"{here}.name", name, names.dns1123_subdomain)
        if namespace:
            causes += by_rule(f"{here}.namespace", namespace, names.dns1123_label)
        else:
            causes.append(required(f"{here}.namespace", "must specify namespace for service account"))
    for kind in ("ServiceAccount", "User", "Group"):
        if kind != subject.kind and given[kind] is not None:
            field = SUBJECTS[kind]
            words = f"{field} is forbidden when subject kind is not '{kind}'"
            causes.append(forbidden(f"{place}.{field}", words))
    return causes


def _verb_causes(verbs: Sequence[str], place: str) -> list[Cause]:
    if not verbs:
        return [required(place, "verbs must contain at least one value")]
    if "*" in verbs:
        words = "if '*' is present, must not specify other verbs"
        return [invalid(place, list(verbs), words)] if len(verbs) > 1 else []
    return [] if set(verbs) <= set(VERBS) else [not_supported(place, list(verbs), VERBS)]


def _resource_causes(rule: ResourcePolicyRule, place: str) -> list[Cause]:
    causes = _verb_causes(rule.verbs, f"{place}.verbs")
    for field, values, one, others in (
        ("apiGroups", rule.api_groups, "api group", "api groups"),
        ("resources", rule.resources, "resource", "resources"),
    ):
        if not values:
            causes.append(required(f"{place}.{field}", f"resource rules must supply at least one {one}"))
        elif len(values) > 1 and "*" in values:
            words = f"if '*' is present, must not specify other {others}"
            causes.append(invalid(f"{place}.{field}", list(values), words))
    here = f"{place}.namespaces"
    if not rule.namespaces and not rule.cluster_scope:
        words = "resource rules that are not cluster scoped must supply at least one namespace"
        causes.append(required(here, words))
    elif "*" in rule.namespaces:
        if len(rule.namespaces) > 1:
            words = "if '*' is present, must not specify other namespaces"
            causes.append(invalid(here, list(rule.namespaces), words))
    else:
        for index, namespace in enumerate(rule.namespaces):
            for words in names.dns1123_label(namespace):
                said = f"each member of this list must be '*' or a DNS-1123 label; {words}"
                causes.append(invalid(f"{here}[{index}]", namespace, said))
    return causes


def _path_causes(rule: NonResourcePolicyRule, place: str) -> list[Cause]:
    causes = _verb_causes(rule.verbs, f"{place}.verbs")
    here, paths = f"{place}.nonResourceURLs", rule.non_resource_urls
    if not paths:
        return [*causes, required(here, "nonResourceURLs must contain at least one value")]
    if "*" in paths:
        words = "if '*' is present, must not specify other non-resource URLs"
        return [*causes, invalid(here, list(paths), words)] if len(paths) > 1 else causes
    return causes + [
        invalid(f"{here}[{index}]", path, words)
        for index, path in enumerate(paths)
        if (words := _path_words(path))
    ]


def _path_words(path: str) -> str:
    if not path:
        return "must not be empty"
    if not path.startswith("/"):
        return "must start with slash"
    if " " in path:
        return "must not contain white-space"
    if "//" in path:
        return "must not contain double slash"
    stars = path.count("*")
    return "wildcard can only do suffix matching" if stars > 1 or (stars and not path.endswith("/*")) else ""
