"""Pure: what is wrong with a label selector, in Kubernetes' words.

Source: kubernetes apimachinery pkg/apis/meta/v1/validation/validation.go:ValidateLabelSelector.
"""

from __future__ import annotations

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.meta import LabelSelector
from pikube.api.validation.causes import by_rule, forbidden, invalid, required


def selector_causes(selector: LabelSelector | None, path: str) -> list[Cause]:
    """Keys, values and operators of a label selector."""
    if selector is None:
        return []
    causes: list[Cause] = []
    for key, value in selector.match_labels.items():
        causes += by_rule(f"{path}.matchLabels", key, names.qualified_name)
        causes += by_rule(f"{path}.matchLabels", value, names.label_value)
    for index, expression in enumerate(selector.match_expressions):
        here = f"{path}.matchExpressions[{index}]"
        causes += by_rule(f"{here}.key", expression.key, names.qualified_name)
        if expression.operator in ("In", "NotIn") and not expression.values:
            causes.append(required(f"{here}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif expression.operator in ("Exists", "DoesNotExist") and expression.values:
            words = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            causes.append(forbidden(f"{here}.values", words))
        elif expression.operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            causes.append(invalid(f"{here}.operator", expression.operator, "not a valid selector operator"))
    return causes
