"""Pure: what is wrong with ResourceQuotas and LimitRanges.

Source: kubernetes pkg/apis/core/validation:{ValidateResourceQuotaSpec,ValidateLimitRange}, core/helper/helpers.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pikube.api import names, quantity
from pikube.api.errors import Cause
from pikube.api.kinds.core_config import LimitRange, LimitRangeItem, ResourceQuota
from pikube.api.validation.causes import by_rule, duplicate, forbidden, invalid, required

COUNTED = {
    "pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps",
    "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
}  # fmt: skip
MEASURED = {
    "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage",
    "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage",
}  # fmt: skip
STANDARD_QUOTA = COUNTED | MEASURED
STANDARD = STANDARD_QUOTA | {"storage"}
POD_AMOUNTS = {"cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"}
OF_CONTAINERS = {"cpu", "memory", "ephemeral-storage"}
EXISTENTIAL = (
    "BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity",
)  # fmt: skip
SCOPES = {
    "BestEffort": {"pods"},
    "VolumeAttributesClass": {"persistentvolumeclaims", "requests.storage"},
    **dict.fromkeys(
        ("Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"),
        POD_AMOUNTS | {"pods"},
    ),
}
"""Each scope and what can be counted within it."""


def quota_causes(obj: ResourceQuota) -> list[Cause]:
    spec = obj.spec
    causes: list[Cause] = []
    for name, value in spec.hard.items():
        here = f"spec.hard[{name}]"
        causes += _name_causes(name, here, STANDARD_QUOTA, "must be a standard resource for quota")
        if quantity.compare(value, 0) < 0:
            causes.append(invalid(here, str(value), "must be greater than or equal to 0"))
        elif (name in COUNTED or "/" in name) and quantity.parse(value).nano % 10**9:
            causes.append(invalid(here, str(value), "must be an integer"))
    return causes + _scope_causes(obj) + _selector_causes(obj)


def quota_update_causes(new: ResourceQuota, old: ResourceQuota) -> list[Cause]:
    if new.spec == old.spec:
        return []
    causes = quota_causes(new)
    if set(new.spec.scopes) != set(old.spec.scopes):
        causes.append(invalid("spec.scopes", list(new.spec.scopes), "field is immutable"))
    return causes


def _name_causes(name: str, here: str, standard: set[str], words: str) -> list[Cause]:
    causes = by_rule(here, name, names.qualified_name)
    if not causes and "/" not in name and name not in standard and not name.startswith(HUGE):
        if name not in STANDARD:
            causes.append(invalid(here, name, "must be a standard resource type or fully qualified"))
        causes.append(invalid(here, name, words))
    return causes


HUGE = ("hugepages-", "requests.hugepages-")


def _misplaced(obj: ResourceQuota, scope: str) -> int:
    """How many of the quota's resources cannot be counted within a scope."""
    return len((set(obj.spec.hard) & STANDARD_QUOTA) - SCOPES.get(scope, set()))


def _scope_causes(obj: ResourceQuota) -> list[Cause]:
    shown: Sequence[str] = list(obj.spec.scopes)
    causes: list[Cause] = []
    for scope in obj.spec.scopes:
        if scope not in SCOPES:
            causes.append(invalid("spec.scopes", shown, "unsupported scope"))
        causes += [invalid("spec.scopes", shown, "unsupported scope applied to resource")] * _misplaced(
            obj, scope
        )
    for pair in ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"}):
        if pair <= set(shown):
            causes.append(invalid("spec.scopes", shown, "conflicting scopes"))
    return causes


def _selector_causes(obj: ResourceQuota) -> list[Cause]:
    selector = obj.spec.scope_selector
    here = "spec.scopeSelector.matchExpressions"
    causes: list[Cause] = []
    for one in selector.match_expressions if selector is not None else ():
        if one.scope_name not in SCOPES:
            causes.append(invalid(f"{here}.scopeName", one.scope_name, "unsupported scope"))
        words = "unsupported scope applied to resource"
        causes += [invalid(here, selector, words)] * _misplaced(obj, one.scope_name)
        if one.scope_name in EXISTENTIAL and one.operator != "Exists":
            words = (
                "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, "
                "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort "
                "or ResourceQuotaScopeCrossNamespacePodAffinity"
            )
            causes.append(invalid(f"{here}.operator", one.operator, words))
        if one.operator in ("In", "NotIn"):
            if not one.values:
                words = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                causes.append(required(f"{here}.values", words))
        elif one.operator in ("Exists", "DoesNotExist"):
            if one.values:
                words = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                causes.append(invalid(f"{here}.values", list(one.values), words))
        else:
            causes.append(invalid(f"{here}.operator", one.operator, "not a valid selector operator"))
    return causes


def limit_range_causes(obj: LimitRange) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, limit in enumerate(obj.spec.limits):
        here = f"spec.limits[{index}]"
        wrong = by_rule(f"{here}.type", limit.type, names.qualified_name)
        if not wrong and "/" not in limit.type and limit.type not in LIMITED:
            words = "must be a standard limit type or fully qualified"
            wrong.append(invalid(f"{here}.type", limit.type, words))
        causes += wrong
        if limit.type in seen:
            causes.append(duplicate(f"{here}.type", limit.type))
        seen.add(limit.type)
        causes += _limit_causes(limit, here)
    return causes


LIMITED = ("Container", "Pod", "PersistentVolumeClaim")


def limit_range_update_causes(new: LimitRange, old: LimitRange) -> list[Cause]:
    return [] if new.spec == old.spec else limit_range_causes(new)


def _limit_causes(limit: LimitRangeItem, here: str) -> list[Cause]:
    causes: list[Cause] = []
    given = [("max", limit.max), ("min", limit.min)]
    if limit.type == "Pod":
        for name, values in (("default", limit.default), ("defaultRequest", limit.default_request)):
            if values:
                causes.append(forbidden(f"{here}.{name}", "may not be specified when `type` is 'Pod'"))
    else:
        given += [("default", limit.default), ("defaultRequest", limit.default_request)]
    if limit.type == "PersistentVolumeClaim" and "storage" not in limit.min and "storage" not in limit.max:
        words = "either minimum or maximum storage value is required, but neither was provided"
        causes.append(required(f"{here}.limits", words))
    given.append(("maxLimitRequestRatio", limit.max_limit_request_ratio))
    is_of_pods = limit.type in ("Pod", "Container")
    for place, values in given:
        for name in values:
            causes += _limited_causes(name, f"{here}.{place}[{name}]", is_of_pods=is_of_pods)
    known = dict(given)
    for name in sorted({name for _, values in given for name in values}):
        causes += _order_causes(
            {place: values[name] for place, values in known.items() if name in values}, name, here
        )
    return causes


def container_resource_causes(name: str, here: str) -> list[Cause]:
    """What containers can ask for (ValidateContainerResourceName)."""
    return _name_causes(name, here, OF_CONTAINERS, "must be a standard resource for containers")


def _limited_causes(name: str, here: str, *, is_of_pods: bool) -> list[Cause]:
    if is_of_pods:
        return container_resource_causes(name, here)
    causes = by_rule(here, name, names.qualified_name)
    if (
        not causes
        and "/" not in name
        and name not in STANDARD_QUOTA | {"storage"}
        and not name.startswith(HUGE)
    ):
        causes.append(invalid(here, name, "must be a standard resource type or fully qualified"))
    return causes


ORDER = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest",
     "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest",
     "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest",
     "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)  # fmt: skip
"""(the smaller, the larger, whose field is named, whose value is shown, words)."""


def _order_causes(values: dict[str, Any], name: str, here: str) -> list[Cause]:
    causes: list[Cause] = []
    for low, high, field, shown, words in ORDER:
        if low in values and high in values and quantity.compare(values[low], values[high]) > 0:
            detail = words.format(values[low], values[high])
            causes.append(invalid(f"{here}.{field}[{name}]", str(values[shown]), detail))
    ratio = values.get("maxLimitRequestRatio")
    if ratio is None:
        return causes
    place = f"{here}.maxLimitRequestRatio[{name}]"
    if quantity.compare(ratio, 1) < 0:
        causes.append(invalid(place, str(ratio), f"ratio {ratio} is less than 1"))
    low_nano = quantity.parse(values.get("min", 0)).nano
    if "max" in values and low_nano:
        most = quantity.parse(values["max"]).nano / low_nano
        if quantity.parse(ratio).nano / 10**9 > most:
            causes.append(invalid(place, str(ratio), f"ratio {ratio} is greater than max/min = {most:f}"))
    return causes
