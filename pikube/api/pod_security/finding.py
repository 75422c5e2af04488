"""Pure: what a check found, and the words in which all checks speak.

Called by baseline and restricted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from pikube.api.kinds.core_container import Container, EphemeralContainer, SecurityContext
from pikube.api.kinds.core_pod import PodSecurityContext, PodSpec
from pikube.api.kinds.meta import ObjectMeta

AnyContainer = Container | EphemeralContainer
AnyContext = SecurityContext | PodSecurityContext


class Finding(NamedTuple):
    """`privileged` and `container "c" must not set securityContext.privileged=true`."""

    reason: str
    detail: str = ""


class Check(NamedTuple):
    """`run` gets the policy's minor version; the check is there from `since` on, instead of `replaces`."""

    id: str
    since: int
    run: Callable[[ObjectMeta, PodSpec, int], Finding | None]
    replaces: str = ""


def containers_of(spec: PodSpec) -> list[AnyContainer]:
    return [*spec.init_containers, *spec.containers, *spec.ephemeral_containers]


def names_of(spec: PodSpec, is_bad: Callable[[AnyContainer], bool]) -> list[str]:
    return [container.name for container in containers_of(spec) if is_bad(container)]


def named(names: Sequence[str], one: str = "container", many: str = "containers") -> str:
    """`containers "a", "b"`."""
    return f"{plural(names, one, many)} {quoted(names)}"


def plural(items: Sequence[str], one: str, many: str) -> str:
    return one if len(items) == 1 else many


def quoted(items: Iterable[str]) -> str:
    return ", ".join(f'"{item}"' for item in items)


def setters(spec: PodSpec, is_bad: Callable[[AnyContext], bool]) -> str:
    """`pod and container "c"`: whose securityContext says what it must not; empty when nobody's does."""
    found = ["pod"] if spec.security_context is not None and is_bad(spec.security_context) else []
    names = names_of(spec, lambda c: c.security_context is not None and is_bad(c.security_context))
    return " and ".join([*found, *([named(names)] if names else [])])


def said(spec: PodSpec) -> list[AnyContext]:
    """Every securityContext that there is."""
    contexts = [spec.security_context, *(container.security_context for container in containers_of(spec))]
    return [context for context in contexts if context is not None]
