"""Pure: whether a toleration covers a taint.

Enter: one of each. Leaves: a boolean. Called by the scheduler, taint eviction and a board that runs short. Source:
kubernetes component-helpers scheduling/corev1.
"""

from __future__ import annotations

from pikube.api.kinds.core_node import Taint
from pikube.api.kinds.core_references import Toleration


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether one toleration covers one taint; an empty key with Exists covers all."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    match toleration.operator:
        case "Exists":
            return True
        case "" | "Equal":
            return bool(toleration.key) and toleration.value == taint.value
        case "Lt" | "Gt":
            return _compares(toleration, taint)
    return False


def _compares(toleration: Toleration, taint: Taint) -> bool:
    try:
        mine, theirs = int(toleration.value), int(taint.value)
    except ValueError:
        return False
    return theirs < mine if toleration.operator == "Lt" else theirs > mine
