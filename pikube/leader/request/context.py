"""Declaration: who asks and how: the facts of a request that handlers and admission need beside its object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MASTERS = "system:masters"
NODES = "system:nodes"


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated identity, or system:anonymous."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
LEADER = User("system:pikube:leader", (MASTERS, "system:authenticated"))


@dataclass(frozen=True, slots=True)
class Context:
    """One write: by whom, as which field manager ('' tracks no fields: pikube's own controllers, whose
    status writes nobody applies), whether it is only tried, and when (seconds since 1970). What admission
    warns of is added to `warnings`, and what it notes for the audit log to `notes`."""

    user: User
    now: float
    manager: str = ""
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list, compare=False)
    notes: dict[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class DeleteWish:
    """The DeleteOptions that decide."""

    grace_period_s: int | None = None
    propagation: str = ""
    uid: str = ""
    resource_version: str = ""
