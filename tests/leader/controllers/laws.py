"""The laws that every reconcile obeys, asked of one case."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import msgspec


def frozen(value: Any) -> Any:
    """A deep picture of a value, to compare before and after."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return tuple(frozen(getattr(value, f.name)) for f in dataclasses.fields(value))
    if isinstance(value, msgspec.Struct):
        return msgspec.json.encode(value)
    if isinstance(value, tuple | list):
        return tuple(map(frozen, value))
    if isinstance(value, dict):
        return tuple((k, frozen(v)) for k, v in sorted(value.items()))
    return value


def shuffled(observed: Any, seed: int) -> Any:
    """The same observation with every tuple in another order."""
    if not dataclasses.is_dataclass(observed):
        return observed
    changes = {}
    for field in dataclasses.fields(observed):
        value = getattr(observed, field.name)
        if isinstance(value, tuple):
            items = list(value)
            random.Random(seed).shuffle(items)
            changes[field.name] = tuple(items)
    return dataclasses.replace(observed, **changes)


def check_laws(reconcile: Any, desired: Any, observed: Any, now: float) -> list[Any]:
    """Same answer twice, inputs untouched, order of lists irrelevant. Returns the actions."""
    before = frozen((desired, observed))
    actions = reconcile(desired, observed, now)
    assert frozen((desired, observed)) == before, "inputs were changed"
    again = reconcile(desired, observed, now)
    assert list(map(frozen, again)) == list(map(frozen, actions)), "another answer the second time"
    for seed in range(3):
        other = reconcile(desired, shuffled(observed, seed), now)
        assert list(map(frozen, other)) == list(map(frozen, actions)), "order of lists matters"
    return list(actions)
