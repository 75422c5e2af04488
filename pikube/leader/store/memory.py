"""Shell: the store's whole semantics without a disk: for tests, and what the SQLite store builds on.

Enter: drafts. Leave: items, snapshots, watches. Every change runs through `_write`, which a durable store
overrides; reading and publishing are the same for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import groupby

import trio

from pikube.api.errors import Expired
from pikube.leader.store.batch import Batch, Create, Delete, Operation, Update
from pikube.leader.store.contract import (
    Draft,
    Event,
    EventType,
    Interest,
    Item,
    Key,
    Snapshot,
    StoreStatistics,
    Watch,
)
from pikube.leader.store.history import History
from pikube.leader.store.hub import Hub
from pikube.leader.store.table import Table

# Kubernetes clients take resourceVersion 0 for "any", so the empty store is already at 1 (as etcd is).
FIRST_REVISION = 1


class MemoryStore:
    """A `Store` (see contract) that lives as long as its object."""

    def __init__(self, items: Iterable[Item] = (), revision: int = FIRST_REVISION) -> None:
        """`items` grouped by resource; none may be newer than `revision`."""
        self._revision = revision
        self._tables = {
            resource: Table(group) for resource, group in groupby(items, key=lambda item: item.key.resource)
        }
        self._history = History(revision)
        self._hub = Hub(self._history, lambda: self._revision)

    @property
    def revision(self) -> int:
        return self._revision

    def get(self, key: Key) -> Item | None:
        table = self._tables.get(key.resource)
        return table.get(key) if table is not None else None

    def list(
        self,
        resource: str,
        namespace: str | None = None,
        *,
        at_revision: int | None = None,
        after: tuple[str, str] | None = None,
        limit: int = 0,
    ) -> Snapshot:
        revision = self._revision
        table = self._tables.get(resource)
        if table is None:
            if at_revision is None or at_revision == revision:
                return Snapshot([], revision, 0)  # admission asks for kinds that few clusters have
            table = Table()
        if at_revision is not None and at_revision != revision:
            undo = self._history.undo(resource, at_revision) if at_revision < revision else None
            if undo is None:
                raise Expired.continue_token() if after is not None else _list_expired()
            revision = at_revision
            if undo:
                table = table.changed(undo)
        return table.snapshot(resource, namespace, after, limit, revision)

    def changes(self, resource: str) -> int:
        table = self._tables.get(resource)
        return table.changes if table is not None else 0

    async def create(self, draft: Draft) -> Item:
        return await self._write(Create(draft))

    async def update(self, draft: Draft, *, expected_revision: int) -> Item:
        return await self._write(Update(draft, expected_revision))

    async def delete(self, key: Key, *, expected_revision: int | None = None) -> Item:
        return await self._write(Delete(key, expected_revision))

    def watch(
        self,
        resource: str,
        namespace: str | None = None,
        *,
        after_revision: int,
        interest: Interest | None = None,
    ) -> AbstractAsyncContextManager[Watch]:
        return self._hub.watch(resource, namespace, after_revision, interest)

    def end_watches(self, resource: str) -> None:
        self._hub.end(resource)

    def compact(self, revision: int) -> None:
        self._history.compact(min(revision, self._revision))

    def close(self) -> None:
        """End every watch behind what it has queued."""
        self._hub.close()

    def statistics(self) -> StoreStatistics:
        return StoreStatistics(
            revision=self._revision,
            objects=self._counts(),
            object_bytes=sum(len(item.value) for table in self._tables.values() for item in table.items()),
            history_events=len(self._history),
            history_bytes=self._history.bytes,
            watchers=len(self._hub),
            watchers_expired=self._hub.expired,
            pending_writes=0,
            commits=0,
            commit_failures=0,
            commit_time_s=0.0,
            file_bytes=0,
        )

    def _counts(self) -> Mapping[str, int]:
        return {resource: len(table) for resource, table in self._tables.items() if len(table)}

    async def _write(self, operation: Operation) -> Item:
        await trio.lowlevel.checkpoint()
        batch = Batch(self.get, self._revision)
        item = batch.apply(operation)
        self._publish(batch.events, batch.revision)
        return item

    def _publish(self, events: Sequence[Event], revision: int) -> None:
        """Make a commit's events visible, all at once."""
        for event in events:
            table = self._tables.get(event.item.key.resource)
            if table is None:
                table = self._tables[event.item.key.resource] = Table()
            if event.type is EventType.DELETED:
                table.remove(event.item.key)
            else:
                table.put(event.item)
            self._history.append(event)
        self._revision = revision
        self._hub.publish(events)


def _list_expired() -> Expired:
    """Worded as kubernetes apiserver `pkg/storage/errors.go:InterpretListError` words it for exact lists."""
    return Expired("The resourceVersion for the provided list is too old.")
