"""Any sequence of operations leaves every store as a plain dictionary would be, and tells every watcher so.

The store runs in Trio in a thread of its own, so that each rule is one step of a sync state machine.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import trio
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from searches import examples
from store_contract import LEASES, PODS, collect, describe, draft

from pikube.api.errors import AlreadyExists, ApiError, Conflict, Expired, NotFound
from pikube.leader.store.contract import Event, EventType, Item, Key, Store, Watch
from pikube.leader.store.memory import MemoryStore
from pikube.leader.store.sqlite import open_sqlite_store

DEADLINE_S = 1  # what a watcher must tell is there already when it is asked

T = TypeVar("T")
OpenStore = Callable[[], AbstractAsyncContextManager[Store]]

keys = st.builds(Key, st.sampled_from([PODS, LEASES]), st.sampled_from(["a", "b"]), st.sampled_from("xyz"))
texts = st.sampled_from(["", "one", "two"])
expectations = st.sampled_from(["current", "stale", "none"])
places = st.tuples(st.sampled_from([PODS, LEASES]), st.sampled_from([None, "a", "b"]))


class StoreThread:
    """A Trio run in a thread that holds a store open until it is closed."""

    def __init__(self, open_store: OpenStore) -> None:
        self._open_store = open_store
        self._ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._main,))
        self._thread.start()
        assert self._ready.wait(10)

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._end = trio.Event()
        async with self._open_store() as self.store, AsyncExitStack() as self.stack:
            self._ready.set()
            await self._end.wait()

    def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        return trio.from_thread.run(function, *args, trio_token=self._token)

    def close(self) -> None:
        trio.from_thread.run_sync(self._end.set, trio_token=self._token)
        self._thread.join()


@dataclass
class Watcher:
    """A watch, and how much of the model's log it must still tell."""

    watch: Watch
    place: tuple[str, str | None]
    told: int


@dataclass
class Model:
    """What a store is: a dictionary and a log."""

    items: dict[Key, Item] = field(default_factory=dict)
    log: list[Event] = field(default_factory=list)
    states: dict[int, dict[Key, Item]] = field(default_factory=dict)

    def record(self, event: Event) -> None:
        self.log.append(event)
        if event.type is EventType.DELETED:
            del self.items[event.item.key]
        else:
            self.items[event.item.key] = event.item
        self.states[event.item.revision] = dict(self.items)


def is_in(key: Key, place: tuple[str, str | None]) -> bool:
    return key.resource == place[0] and place[1] in (None, key.namespace)


class StoreMachine(RuleBasedStateMachine):
    """Derive, and say how the store is opened."""

    def open_store(self) -> AbstractAsyncContextManager[Store]:
        raise AssertionError("derive this class")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.watchers: list[Watcher] = []
        self.start()

    def start(self) -> None:
        self.thread = StoreThread(self.open_store)
        self.store = self.thread.store
        self.base = self.floor = self.store.revision
        self.model.states = {self.floor: dict(self.model.items)}

    def attempt(self, function: Callable[..., Awaitable[Item]], *args: Any) -> Item | type[ApiError]:
        try:
            return self.thread.run(function, *args)
        except ApiError as error:
            return type(error)

    def expected(self, key: Key, how: str) -> int:
        current = self.model.items.get(key)
        return current.revision - (how == "stale") if current else 1

    @rule(key=keys, text=texts)
    def create(self, key: Key, text: str) -> None:
        one = draft(key.name, text, namespace=key.namespace, resource=key.resource)
        answer = self.attempt(self.store.create, one)
        if key in self.model.items:
            assert answer is AlreadyExists
        else:
            assert isinstance(answer, Item)
            assert answer.value == one.value.replace(b'"0"', b'"%d"' % answer.revision, 1)
            self.model.record(Event(EventType.ADDED, answer, None))

    @rule(key=keys, text=texts, how=expectations)
    def update(self, key: Key, text: str, how: str) -> None:
        one = draft(key.name, text, namespace=key.namespace, resource=key.resource)
        revision = self.expected(key, how)

        async def update() -> Item:
            return await self.store.update(one, expected_revision=revision)

        answer = self.attempt(update)
        current = self.model.items.get(key)
        if current is None:
            assert answer is NotFound
        elif revision != current.revision:
            assert answer is Conflict
        elif current.value == one.value.replace(b'"0"', b'"%d"' % current.revision, 1):
            assert answer == current
        else:
            assert isinstance(answer, Item)
            assert answer.revision > current.revision
            self.model.record(Event(EventType.MODIFIED, answer, current))

    @rule(key=keys, how=expectations)
    def delete(self, key: Key, how: str) -> None:
        revision = None if how == "none" else self.expected(key, how)

        async def delete() -> Item:
            return await self.store.delete(key, expected_revision=revision)

        answer = self.attempt(delete)
        current = self.model.items.get(key)
        if current is None:
            assert answer is NotFound
        elif revision not in (None, current.revision):
            assert answer is Conflict
        else:
            assert isinstance(answer, Item)
            self.model.record(Event(EventType.DELETED, answer, current))

    @rule(key=keys, writers=st.integers(2, 5))
    def several_at_once(self, key: Key, writers: int) -> None:
        """All write one key from the same revision; one wins."""
        current = self.model.items.get(key)
        revision = (
            self.store.revision
        )  # new after a restart, too: an update that changes nothing would win as well
        won: list[Item] = []

        async def write(number: int) -> None:
            text = f"writer {number} behind {revision}"
            one = draft(key.name, text, namespace=key.namespace, resource=key.resource)
            try:
                if current is None:
                    won.append(await self.store.create(one))
                else:
                    won.append(await self.store.update(one, expected_revision=current.revision))
            except (AlreadyExists, Conflict):
                assert self.store.get(key) != current

        async def race() -> None:
            async with trio.open_nursery() as nursery:
                for number in range(writers):
                    nursery.start_soon(write, number)

        self.thread.run(race)
        assert len(won) == 1
        self.model.record(Event(EventType.MODIFIED if current else EventType.ADDED, won[0], current))

    @rule(place=places, behind=st.integers(0, 8))
    def begin_to_watch(self, place: tuple[str, str | None], behind: int) -> None:
        told = max(0, len(self.model.log) - behind)
        after = self.model.log[told - 1].item.revision if told else self.base
        context = self.store.watch(*place, after_revision=after)
        try:
            watch = self.thread.run(self.thread.stack.enter_async_context, context)
        except Expired:
            assert after < self.floor
        else:
            assert after >= self.floor
            self.watchers.append(Watcher(watch, place, told))

    @precondition(lambda self: self.watchers)
    @rule(data=st.data())
    def a_watcher_catches_up(self, data: st.DataObject) -> None:
        self.catch_up(data.draw(st.sampled_from(self.watchers)))

    def catch_up(self, watcher: Watcher) -> None:
        wanted = [event for event in self.model.log[watcher.told :] if is_in(event.item.key, watcher.place)]
        assert self.thread.run(collect, watcher.watch, len(wanted), DEADLINE_S) == wanted
        watcher.told = len(self.model.log)
        assert watcher.watch.revision == self.store.revision

    @rule(place=places, back=st.integers(0, 12), limit=st.integers(0, 3))
    def list_the_past(self, place: tuple[str, str | None], back: int, limit: int) -> None:
        revisions = sorted(self.model.states)
        revision = revisions[max(0, len(revisions) - 1 - back)]
        then = self.model.states[revision]
        wanted = [then[key] for key in sorted(then) if is_in(key, place)]
        if revision < self.floor:
            try:
                self.store.list(*place, at_revision=revision)
            except Expired:
                return
            raise AssertionError("a forgotten revision was listed")
        snapshot = self.store.list(*place, at_revision=revision, limit=limit)
        assert snapshot.items == (wanted[:limit] if limit else wanted)
        assert snapshot.remaining == len(wanted) - len(snapshot.items)
        assert snapshot.revision == revision

    @rule(back=st.integers(0, 6))
    def compact(self, back: int) -> None:
        revisions = sorted(self.model.states)
        revision = revisions[max(0, len(revisions) - 1 - back)]
        self.store.compact(revision)
        self.floor = max(self.floor, revision)

    @invariant()
    def it_lists_what_the_model_holds(self) -> None:
        for resource in (PODS, LEASES):
            snapshot = self.store.list(resource)
            assert snapshot.items == [
                self.model.items[key] for key in sorted(self.model.items) if key[0] == resource
            ]
            assert snapshot.revision == self.store.revision
        for key, item in self.model.items.items():
            assert self.store.get(key) == item

    def teardown(self) -> None:
        try:
            for watcher in self.watchers:
                self.catch_up(watcher)
        finally:
            self.thread.close()


class MemoryMachine(StoreMachine):
    @asynccontextmanager
    async def open_store(self):
        yield MemoryStore()


class SqliteMachine(StoreMachine):
    """The same, and a restart at any moment."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        super().__init__()

    def open_store(self) -> AbstractAsyncContextManager[Store]:
        path = Path(self.folder.name) / "state.db"
        return open_sqlite_store(path, describe=describe, ephemeral=frozenset({LEASES}))

    @rule()
    def restart(self) -> None:
        super().teardown()
        newest = self.store.revision
        self.watchers.clear()
        self.model.log.clear()
        self.model.items = {key: item for key, item in self.model.items.items() if key.resource != LEASES}
        self.start()
        assert self.store.revision >= newest

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class TestMemoryLaws(MemoryMachine.TestCase):
    settings = examples(60, stateful_step_count=40)


class TestSqliteLaws(SqliteMachine.TestCase):
    settings = examples(40, stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow])
