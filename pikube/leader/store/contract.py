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

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

DRAFT_MARK = b'"resourceVersion":"0"'


class StoreUnusable(Exception):
    """The store cannot be opened; the message is one sentence for a person and says what to do."""

    def __init__(self, message: str, *, is_in_use: bool = False) -> None:
        super().__init__(message)
        self.is_in_use = is_in_use  # by another process, which is the one reason that may pass by itself


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


class EventType(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Event(NamedTuple):
    """One change. `item.revision` is the change's revision (for DELETED: the deletion's, stamped into
    `item.value` as well). `previous` is what the change replaced, None for ADDED."""

    type: EventType
    item: Item
    previous: Item | None


Describe = Callable[[Key, bytes], tuple[str, Selectable]]
"""Reads the uid and what selectors look at out of a stored value, when a store loads it at start."""

Interest = Callable[[Event], bool]
"""Whether a watcher cares about a change. Called inside a commit: quick, no side effects, no exceptions. A
selector must look at `previous` as well, or it misses what stops matching."""


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


class Watch(Protocol):
    """A running watch: an async iterator of batches. Batches are shared between watchers: do not change them.

    `anext` is cancel-safe: a cancelled wait loses no event. Raises Expired if the watcher fell behind its
    bounded queue (the client lists again). Ends when the store closes.
    """

    @property
    def revision(self) -> int:
        """Everything up to this revision has been handed out: what a bookmark may carry."""
        ...

    def __aiter__(self) -> Watch: ...

    async def __anext__(self) -> list[Event]: ...


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """Figures for metrics and `pikube status`."""

    revision: int
    objects: Mapping[str, int]  # by resource
    object_bytes: int
    history_events: int
    history_bytes: int
    watchers: int
    watchers_expired: int  # since start, those that fell behind
    pending_writes: int
    commits: int  # durable transactions since start
    commit_failures: int
    commit_time_s: float  # all commits since start together
    file_bytes: int  # 0 for a store without files


class Store(Protocol):
    """Errors raised: api.errors.AlreadyExists / NotFound / Conflict / Expired, and ServiceUnavailable or
    TooManyRequests when the disk fails or cannot keep up; nothing of the backend.

    A write that is cancelled has either happened completely or not at all; the caller cannot know which.
    """

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
        the (namespace, name) `after`, at most `limit` (0: all). Expired if that revision's history is gone
        or lies in the future (a client that knew the store before a backup was restored). Never blocks."""
        ...

    def changes(self, resource: str) -> int:
        """How often items of a resource have changed since the store was opened: while it is the same, so is what
        `list` gives. For whoever keeps something that he made of all of them."""
        ...

    async def update(self, draft: Draft, *, expected_revision: int) -> Item:
        """Replace. Conflict if the stored revision is another, NotFound if there is none. An update whose
        bytes equal the stored ones (revision apart) writes nothing and returns the stored item."""
        ...

    async def delete(self, key: Key, *, expected_revision: int | None = None) -> Item:
        """Remove; returns the last item stamped with the deletion's revision. NotFound, Conflict."""
        ...

    def watch(
        self,
        resource: str,
        namespace: str | None = None,
        *,
        after_revision: int,
        interest: Interest | None = None,
    ) -> AbstractAsyncContextManager[Watch]:
        """Every change after `after_revision`, in order, none twice, none missing, in batches as they come;
        of these only the ones that `interest` says yes to, and the watcher is not woken for others. Expired
        at entry if history does not reach back that far, or for a revision in the future. A watcher never
        slows the writer."""
        ...

    def end_watches(self, resource: str) -> None:
        """End every watch of a resource behind what it has queued: its watchers are to ask anew what it is."""
        ...

    def compact(self, revision: int) -> None:
        """Forget history at and before `revision`; watches and snapshots from before it are Expired."""
        ...

    def statistics(self) -> StoreStatistics:
        """Figures as of now."""
        ...
