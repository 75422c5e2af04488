"""Pure: writes checked one after another against the committed items and one another. The stores call it.

Enter: operations and a view of the committed items. Leave: stamped items and the events to publish once they
are durable; nothing is changed here. Two updates in one batch that expect the same revision: the first wins, the
second is a Conflict, although neither is committed yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pikube.api.errors import AlreadyExists, Conflict, NotFound, Resource
from pikube.leader.store.contract import DRAFT_MARK, Draft, Event, EventType, Item, Key


@dataclass(frozen=True, slots=True)
class Create:
    """Insert a draft."""

    draft: Draft

    @property
    def key(self) -> Key:
        return self.draft.key


@dataclass(frozen=True, slots=True)
class Update:
    """Replace an item that still has the expected revision."""

    draft: Draft
    expected_revision: int

    @property
    def key(self) -> Key:
        return self.draft.key


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an item; if a revision is expected, only that one."""

    key: Key
    expected_revision: int | None


Operation = Create | Update | Delete


class Batch:
    """Changes of one commit. `revision` is the last one given; `latest` what each changed key ends with."""

    __slots__ = ("_current", "events", "latest", "revision")

    def __init__(self, current: Callable[[Key], Item | None], revision: int) -> None:
        self._current = current
        self.revision = revision
        self.latest: dict[Key, Item | None] = {}
        self.events: list[Event] = []

    def apply(self, operation: Operation) -> Item:
        """The item the operation's caller gets. Raises AlreadyExists, NotFound, Conflict and adds nothing."""
        key = operation.key
        stored = self.latest[key] if key in self.latest else self._current(key)
        if isinstance(operation, Create):
            return self._create(operation.draft, stored)
        if stored is None:
            raise NotFound.of(resource_of(key), key.name)
        expected = operation.expected_revision
        if expected is not None and expected != stored.revision:
            raise Conflict.modified(resource_of(key), key.name)
        if isinstance(operation, Update):
            return self._update(operation.draft, stored)
        return self._delete(stored)

    def _create(self, draft: Draft, stored: Item | None) -> Item:
        if stored is not None:
            raise AlreadyExists.of(resource_of(draft.key), draft.key.name)
        revision = self.revision + 1
        item = Item(draft.key, stamped(draft.value, revision), revision, draft.uid, draft.select)
        return self._add(EventType.ADDED, item, None)

    def _update(self, draft: Draft, stored: Item) -> Item:
        if stamped(draft.value, stored.revision) == stored.value:
            return stored
        revision = self.revision + 1
        # History keeps old items: share what did not change with the new one.
        uid = stored.uid if stored.uid == draft.uid else draft.uid
        select = stored.select if stored.select == draft.select else draft.select
        item = Item(stored.key, stamped(draft.value, revision), revision, uid, select)
        return self._add(EventType.MODIFIED, item, stored)

    def _delete(self, stored: Item) -> Item:
        revision = self.revision + 1
        old = b'"resourceVersion":"%d"' % stored.revision
        value = stored.value.replace(old, b'"resourceVersion":"%d"' % revision, 1)
        return self._add(EventType.DELETED, stored._replace(value=value, revision=revision), stored)

    def _add(self, type_: EventType, item: Item, previous: Item | None) -> Item:
        self.revision = item.revision
        self.latest[item.key] = None if type_ is EventType.DELETED else item
        self.events.append(Event(type_, item, previous))
        return item


def stamped(draft: bytes, revision: int) -> bytes:
    """A draft's bytes with the revision in place of its mark."""
    assert DRAFT_MARK in draft, "the encoder must write the resourceVersion mark"
    return draft.replace(DRAFT_MARK, b'"resourceVersion":"%d"' % revision, 1)


def resource_of(key: Key) -> Resource:
    """How errors name the key's resource: `apps/deployments` is `deployments.apps`."""
    group, _, plural = key.resource.rpartition("/")
    return Resource(group, plural)
