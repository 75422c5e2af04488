"""Pure: what is wrong with conditions of the one type that all kinds share.

Source: kubernetes apimachinery pkg/apis/meta/v1/validation:ValidateConditions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.meta import Condition
from pikube.api.validation.causes import by_rule, duplicate, invalid, not_supported, required, too_long

STATUSES = ("False", "True", "Unknown")
MOST_REASON_BYTES = 1024
MOST_MESSAGE_BYTES = 32 * 1024
REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
REASON_WORDS = (
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric "
    "characters or '_,:', and must end with an alphanumeric character or '_'"
)
EXAMPLES = ("my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB")


def condition_causes(conditions: Sequence[Condition], path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        here = f"{path}[{index}]"
        if condition.type in seen:
            yield duplicate(f"{here}.type", condition.type)
        seen.add(condition.type)
        yield from _condition_causes(condition, here)


def _condition_causes(condition: Condition, here: str) -> Iterator[Cause]:
    if condition.type:
        yield from by_rule(f"{here}.type", condition.type, names.qualified_name)
    else:
        yield required(f"{here}.type", "must be set")
    if condition.status not in STATUSES:
        yield not_supported(f"{here}.status", condition.status, STATUSES)
    if condition.observed_generation < 0:
        words = "must be greater than or equal to zero"
        yield invalid(f"{here}.observedGeneration", condition.observed_generation, words)
    if not condition.last_transition_time:
        yield required(f"{here}.lastTransitionTime", "must be set")
    if not condition.reason:
        yield required(f"{here}.reason", "must be set")
    elif re.fullmatch(REASON, condition.reason) is None:
        words = names.regex_error(REASON_WORDS, REASON, *EXAMPLES)
        yield invalid(f"{here}.reason", condition.reason, words)
    if len(condition.reason) > MOST_REASON_BYTES:
        yield too_long(f"{here}.reason", MOST_REASON_BYTES)
    if len(condition.message) > MOST_MESSAGE_BYTES:
        yield too_long(f"{here}.message", MOST_MESSAGE_BYTES)
