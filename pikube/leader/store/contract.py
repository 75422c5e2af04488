"""Declaration: what every store promises. Every implementation passes `tests/leader/store_contract.py`.

A store keeps opaque JSON documents by (resource, namespace, name) and gives each change one revision,
an integer that only grows, also over restarts. It invents nothing: names, uids and timestamps are in
the document already. Enter: encoded drafts. Leave: `Item`s and `Event`s whose bytes are shared, never
re-encoded.

A draft carries `"resourceVersion":"0"` inside its metadata exactly once, as the first occurrence of
that text (the encoder writes metadata before anything a user controls, and the metadata fields in front
of it cannot contain a quotation mark). The store replaces the 0 with the revision it gives.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

DRAFT_MARK = b'"resourceVersion":"0"'


class Key(NamedTuple):
    """Where an object lives. `resource` is `group/plural` (`/pods`, `apps/deployments`); cluster-scoped
    kinds have namespace ''."""

    resource: str
    namespace: str
    name: str


class Selectable(NamedTuple):
    """What list and watch select by: labels and the kind's selectable fields (`spec.nodeName` …)."""

    labels: Mapping[str, str]
    fields: Mapping[str, str]


class Item(NamedTuple):
    """One stored object: canonical JSON with its resourceVersion inside, and what selectors look at."""

    key: Key
    value: bytes
    revision: int
    uid: str
    select: Selectable


class EventType(str, Enum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Event(NamedTuple):
    """One change. `item.revision` is the change's revision (for DELETED: the deletion's, stamped into
    `item.value` as well). `previous` is what the change replaced, None for ADDED."""

    type: EventType
    item: Item
    previous: Item | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a writer hands in: the encoded object with DRAFT_MARK, its uid and what selectors look at."""

    key: Key
    value: bytes
    uid: str
    select: Selectable


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A consistent list: items ordered by (namespace, name), all as of `revision`."""

    items: list[Item]
    revision: int
    remaining: int  # how many more items a limited list would have had


class Store(Protocol):
    """Errors raised: api.errors.AlreadyExists / NotFound / Conflict / Expired, nothing of the backend."""

    @property
    def revision(self) -> int:
        """The newest committed revision."""
        ...

    async def create(self, draft: Draft) -> Item:
        """Insert; AlreadyExists if the key is taken. Durable (unless ephemeral) when it returns."""
        ...

    def get(self, key: Key) -> Item | None:
        """The newest committed item. Never blocks: current items are in memory."""
        ...

    def list(
        self,
        resource: str,
        namespace: str | None = None,
        *,
        at_revision: int | None = None,
        after: tuple[str, str] | None = None,
        limit: int = 0,
    ) -> Snapshot:
        """All items of a resource (of one namespace, if given) as of `at_revision` (default: now), after
        the (namespace, name) `after`, at most `limit` (0: all). Expired if that revision's history is gone.
        Never blocks."""
        ...

    async def update(self, draft: Draft, *, expected_revision: int) -> Item:
        """Replace. Conflict if the stored revision is another, NotFound if there is none. An update whose
        bytes equal the stored ones (revision apart) writes nothing and returns the stored item."""
        ...

    async def delete(self, key: Key, *, expected_revision: int | None = None) -> Item:
        """Remove; returns the last item stamped with the deletion's revision. NotFound, Conflict."""
        ...

    def watch(
        self, resource: str, namespace: str | None = None, *, after_revision: int
    ) -> AbstractAsyncContextManager[AsyncIterator[list[Event]]]:
        """Every change after `after_revision`, in order, none twice, none missing, in batches as they come.
        Expired at entry if history does not reach back that far; Expired raised from the iterator if the
        watcher is slower than its bounded queue. A watcher never slows the writer."""
        ...

    def compact(self, revision: int) -> None:
        """Forget history at and before `revision`; watches and snapshots from before it are Expired."""
        ...
