"""Declaration: the Kubernetes API as code of ours calls it, typed by kind class.

Two implementations: the leader's own (straight into the request path, no bytes on a wire) and the wire
client of a remote agent. Both raise the errors of pikube.api.errors and nothing of their transport, but
for `ConnectionLost`. Controllers, the scheduler, the agent and netproxy know only this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from pikube.api.kinds.base import Kind
from pikube.api.kinds.meta import Object

K = TypeVar("K", bound=Object)
A = TypeVar("A", bound=Kind)

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

Patch: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class ConnectionLost(Exception):
    """The server cannot be reached or hung up; nothing is known of a write in flight."""


@dataclass(slots=True)
class Listed(Generic[K]):
    """Objects as of one revision. They are shared values: never change them."""

    items: list[K]
    resource_version: str


@dataclass(slots=True)
class WatchEvent(Generic[K]):
    """type: ADDED, MODIFIED, DELETED, or BOOKMARK (only the object's resourceVersion means something)."""

    type: str
    object: K


class Client(Protocol):
    """`namespace` '' stands for a cluster-scoped object, None in list and watch for every namespace."""

    async def get(self, cls: type[K], name: str, namespace: str = "") -> K:
        """The newest object; NotFound."""
        ...

    async def list(
        self,
        cls: type[K],
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> Listed[K]:
        """All of them, consistent."""
        ...

    def watch(
        self,
        cls: type[K],
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent[K]]]:
        """Every change after resource_version; Expired when it is too old; ends when the server ends it."""
        ...

    async def create(self, obj: K) -> K:
        """AlreadyExists; the namespace is the object's own."""
        ...

    async def create_subresource(
        self, cls: type[Kind], name: str, namespace: str, subresource: str, body: A
    ) -> A:
        """POST to a subresource: binding, eviction, token."""
        ...

    async def update(self, obj: K, *, subresource: str = "") -> K:
        """Replace (PUT); Conflict if the object's resourceVersion is not the stored one."""
        ...

    async def patch(
        self,
        cls: type[K],
        name: str,
        namespace: str,
        patch: Patch,
        *,
        content_type: str = MERGE_PATCH,
        subresource: str = "",
    ) -> K:
        """Change a part."""
        ...

    async def delete(
        self,
        cls: type[K],
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        resource_version: str = "",
        grace_period_s: int | None = None,
        propagation: str = "",
    ) -> K | None:
        """Ask for deletion. The object as it now is (finalizers or a grace period keep it) or was when it
        went; None if the server answered with a Status only. NotFound; Conflict when `uid` or
        `resource_version` is not the object's."""
        ...
