"""Events end by age and number, by a clock that cannot be set."""

from __future__ import annotations

import trio
import trio.testing

from pikube.api.kinds.core_config import Event
from pikube.leader.event_keeper import EventKeeper
from pikube.leader.store.contract import Draft, Key, Selectable
from pikube.leader.store.memory import MemoryStore

RESOURCE = Event.names.resource


def draft(name, count=1):
    value = b'{"metadata":{"name":"%s","resourceVersion":"0"},"count":%d}' % (name.encode(), count)
    return Draft(Key(RESOURCE, "default", name), value, f"uid-{name}", Selectable({}, {}))


def names(store):
    return [item.key.name for item in store.list(RESOURCE).items]


async def settled():
    await trio.testing.wait_all_tasks_blocked(0.001)


async def test_an_event_goes_an_hour_after_it_was_last_counted(autojump_clock):
    store = MemoryStore()
    await store.create(draft("before"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(EventKeeper(store, life_s=3600).run)
        await trio.sleep(1800)
        again = await store.create(draft("again"))
        await trio.sleep(1700)
        await store.update(draft("again", 2), expected_revision=again.revision)
        assert names(store) == ["again", "before"]
        await trio.sleep(200)
        await settled()
        assert names(store) == ["again"]
        await trio.sleep(3500)
        await settled()
        assert names(store) == []
        nursery.cancel_scope.cancel()


async def test_of_too_many_the_oldest_go_and_nothing_is_remembered_of_them(autojump_clock):
    store = MemoryStore()
    keeper = EventKeeper(store, limit=5)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        await settled()
        for number in range(20):
            await store.create(draft(f"e{number:02}"))
            await trio.sleep(1)
        await settled()
        assert names(store) == [f"e{number}" for number in range(15, 20)]
        assert len(keeper) == 5
        await store.delete(Key(RESOURCE, "default", "e17"))
        await settled()
        assert len(keeper) == 4
        nursery.cancel_scope.cancel()
