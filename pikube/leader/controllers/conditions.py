"""Pure: the conditions of a status, which all kinds shape alike.

Enter: a tuple of conditions. Leaves: a new tuple. Called by controllers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar


class AnyCondition(Protocol):
    type: str
    status: str
    last_transition_time: str
    reason: str
    message: str


C = TypeVar("C", bound=AnyCondition)


def condition_of(conditions: Iterable[C], type_: str) -> C | None:
    """The condition of a type."""
    for condition in conditions:  # hot: asked of every pod of a set at each change of one
        if condition.type == type_:
            return condition
    return None


def is_true(conditions: Iterable[AnyCondition], type_: str) -> bool:
    """Whether there is such a condition and it is True."""
    return any(condition.type == type_ and condition.status == "True" for condition in conditions)


def without_condition(conditions: tuple[C, ...], type_: str) -> tuple[C, ...]:
    """All but the conditions of a type."""
    return tuple(condition for condition in conditions if condition.type != type_)


def with_condition(conditions: tuple[C, ...], new: C) -> tuple[C, ...]:
    """Replace the condition of new's type, or add it. One that says the same (status, reason, message) stays as
    it is; one whose status stays keeps the time of its last transition. Changes `new`, which is the caller's."""
    old = condition_of(conditions, new.type)
    if old is None:
        return (*conditions, new)
    if (old.status, old.reason, old.message) == (new.status, new.reason, new.message):
        return conditions
    if old.status == new.status:
        new.last_transition_time = old.last_transition_time
    return tuple(new if condition.type == new.type else condition for condition in conditions)
