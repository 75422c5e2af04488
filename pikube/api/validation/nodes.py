"""Pure: what is wrong with Nodes, and what of them may not change.

Source: kubernetes pkg/apis/core/validation:{ValidateNode,ValidateNodeUpdate,validateNodeTaints}.
"""

from __future__ import annotations

import msgspec

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.core_node import Node
from pikube.api.validation.causes import by_rule, forbidden, invalid, not_supported, required

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def node_causes(obj: Node) -> list[Cause]:
    return [*_taint_causes(obj), *_range_causes(obj)]


def node_update_causes(new: Node, old: Node) -> list[Cause]:
    causes = node_causes(new) if new.spec != old.spec else []
    before = _ranges(old)
    if before and _ranges(new) != before:
        words = 'node updates may not change podCIDR except from "" to valid'
        causes.append(forbidden("spec.podCIDRs", words))
    if old.spec.provider_id and new.spec.provider_id != old.spec.provider_id:
        words = 'node updates may not change providerID except from "" to valid'
        causes.append(forbidden("spec.providerID", words))
    return causes


def _taint_causes(obj: Node) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(obj.spec.taints):
        here = f"metadata.taints[{index}]"  # upstream's path, although they are in the spec
        causes += by_rule(f"{here}.key", taint.key, names.qualified_name)
        wrong = names.label_value(taint.value)
        if wrong:
            causes.append(invalid(f"{here}.value", taint.value, ";".join(wrong)))
        if not taint.effect:
            causes.append(required(f"{here}.effect"))
        elif taint.effect not in EFFECTS:
            causes.append(not_supported(f"{here}.effect", taint.effect, EFFECTS, is_sorted=False))
        if (taint.key, taint.effect) in seen:
            shown = msgspec.json.encode(taint).decode()
            words = f"Duplicate value: {shown}: taints must be unique by key and effect pair"
            causes.append(Cause("FieldValueDuplicate", words, here))
        seen.add((taint.key, taint.effect))
    return causes


def _ranges(obj: Node) -> tuple[str, ...]:
    spec = obj.spec
    return spec.pod_cidrs or ((spec.pod_cidr,) if spec.pod_cidr else ())


def _range_causes(obj: Node) -> list[Cause]:
    ranges = _ranges(obj)
    causes: list[Cause] = []
    for index, text in enumerate(ranges):
        causes += by_rule(f"spec.podCIDRs[{index}]", text, names.cidr)
    is_one_of_each = len(ranges) == 2 and (":" in ranges[0]) != (":" in ranges[1])
    if len(ranges) > 1 and not is_one_of_each:
        words = "may specify no more than one CIDR for each IP family"
        causes.append(invalid("spec.podCIDRs", list(ranges), words))
    return causes
