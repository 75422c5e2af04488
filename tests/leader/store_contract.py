"""The promises of `pikube.leader.store.contract.Store`, as tests that every implementation inherits.

A test module derives `class TestXStore(StoreContract)` and gives it a `store` fixture. Nothing here knows how
revisions are counted, only that they grow.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
import trio

from pikube.api.errors import AlreadyExists, Conflict, Expired, NotFound
from pikube.leader.store.contract import Draft, Event, EventType, Item, Key, Selectable, Store, Watch
from pikube.leader.store.hub import QUEUE_EVENTS

PODS = "/pods"
DEPLOYMENTS = "apps/deployments"
LEASES = "coordination.k8s.io/leases"  # ephemeral, where a store knows the difference


def draft(
    name: str, text: str = "", *, namespace: str = "default", resource: str = PODS, node: str = ""
) -> Draft:
    """A draft as the encoder writes it; `text` is where a user may write anything."""
    value = f'{{"metadata":{{"name":"{name}","resourceVersion":"0"}},"text":"{text}"}}'
    key = Key(resource, namespace, name)
    return Draft(key, value.encode(), f"uid-{name}", Selectable({"app": name}, {"spec.nodeName": node}))


def describe(key: Key, value: bytes) -> tuple[str, Selectable]:
    """What `draft` says of the same object, as a durable store asks at start."""
    return f"uid-{key.name}", Selectable({"app": key.name}, {"spec.nodeName": ""})


def value_of(item: Item, text: str = "") -> bytes:
    """The canonical bytes that `draft` becomes at the item's revision."""
    return draft(item.key.name, text).value.replace(b'"0"', b'"%d"' % item.revision, 1)


def names(items: list[Item]) -> list[str]:
    return [f"{item.key.namespace}/{item.key.name}" for item in items]


async def collect(watch: Watch, count: int, deadline_s: float = 10) -> list[Event]:
    """The next `count` events; fails if they do not come."""
    events: list[Event] = []
    with trio.fail_after(deadline_s):
        while len(events) < count:
            events += await anext(watch)
    assert len(events) == count
    return events


class StoreContract:
    """Inherit, and give a fixture `store`."""

    async def test_a_created_object_is_got_with_its_revision_inside(self, store: Store):
        before = store.revision
        item = await store.create(draft("web", "hello"))
        assert item.revision > before
        assert item.value == value_of(item, "hello")
        assert item.uid == "uid-web"
        assert item.select == Selectable({"app": "web"}, {"spec.nodeName": ""})
        assert store.get(item.key) == item
        assert store.revision == item.revision

    async def test_an_absent_object_is_none(self, store: Store):
        assert store.get(Key(PODS, "default", "nobody")) is None
        assert store.get(Key("never/seen", "", "nobody")) is None

    async def test_only_the_revision_in_the_metadata_is_stamped(self, store: Store):
        tricky = 'said \\"resourceVersion\\":\\"0\\" and "resourceVersion":"0"'
        item = await store.create(draft("web", tricky))
        assert item.value == value_of(item, tricky)

    async def test_a_second_create_of_a_key_already_exists(self, store: Store):
        item = await store.create(draft("web", "first"))
        with pytest.raises(AlreadyExists, match='pods "web" already exists'):
            await store.create(draft("web", "second"))
        assert store.get(item.key) == item
        assert store.revision == item.revision

    async def test_errors_name_the_resource_with_its_group(self, store: Store):
        with pytest.raises(NotFound, match=r'deployments\.apps "web" not found'):
            await store.delete(Key(DEPLOYMENTS, "default", "web"))

    async def test_one_name_lives_in_each_namespace_and_resource(self, store: Store):
        for namespace in ("a", "b"):
            for resource in (PODS, DEPLOYMENTS):
                await store.create(draft("web", namespace=namespace, resource=resource))
        assert names(store.list(PODS).items) == ["a/web", "b/web"]
        await store.delete(Key(PODS, "a", "web"))
        assert names(store.list(PODS).items) == ["b/web"]
        assert names(store.list(DEPLOYMENTS).items) == ["a/web", "b/web"]

    async def test_an_update_replaces_and_gets_a_newer_revision(self, store: Store):
        first = await store.create(draft("web", "first"))
        second = await store.update(draft("web", "second", node="n1"), expected_revision=first.revision)
        assert second.revision > first.revision
        assert second.value == value_of(second, "second")
        assert second.select.fields == {"spec.nodeName": "n1"}
        assert store.get(first.key) == second

    async def test_an_update_of_an_old_revision_conflicts(self, store: Store):
        first = await store.create(draft("web", "first"))
        second = await store.update(draft("web", "second"), expected_revision=first.revision)
        with pytest.raises(Conflict, match="please apply your changes to the latest version"):
            await store.update(draft("web", "third"), expected_revision=first.revision)
        assert store.get(first.key) == second

    async def test_an_update_of_nothing_is_not_found(self, store: Store):
        with pytest.raises(NotFound):
            await store.update(draft("web"), expected_revision=1)

    async def test_an_update_that_changes_nothing_writes_nothing(self, store: Store):
        item = await store.create(draft("web", "same"))
        async with store.watch(PODS, after_revision=item.revision) as watch:
            again = await store.update(draft("web", "same"), expected_revision=item.revision)
            assert again == item
            assert store.revision == item.revision
            other = await store.create(draft("other"))
            assert [event.item for event in await collect(watch, 1)] == [other]

    async def test_an_unchanged_update_of_an_old_revision_still_conflicts(self, store: Store):
        first = await store.create(draft("web", "first"))
        await store.update(draft("web", "second"), expected_revision=first.revision)
        with pytest.raises(Conflict):
            await store.update(draft("web", "second"), expected_revision=first.revision)

    async def test_a_delete_returns_the_last_item_at_the_deletions_revision(self, store: Store):
        item = await store.create(draft("web", "bye"))
        gone = await store.delete(item.key)
        assert gone.revision > item.revision
        assert gone.value == value_of(gone, "bye")
        assert store.revision == gone.revision
        assert store.get(item.key) is None
        assert store.list(PODS).items == []

    async def test_a_delete_expects_the_revision_it_names(self, store: Store):
        first = await store.create(draft("web", "first"))
        second = await store.update(draft("web", "second"), expected_revision=first.revision)
        with pytest.raises(Conflict):
            await store.delete(first.key, expected_revision=first.revision)
        assert store.get(first.key) == second
        await store.delete(first.key, expected_revision=second.revision)
        with pytest.raises(NotFound):
            await store.delete(first.key)

    async def test_a_name_can_be_used_again_and_is_another_change(self, store: Store):
        first = await store.create(draft("web", "same"))
        gone = await store.delete(first.key)
        second = await store.create(draft("web", "same"))
        assert first.revision < gone.revision < second.revision
        with pytest.raises(Conflict):
            await store.update(draft("web", "late"), expected_revision=first.revision)

    async def test_of_many_updates_that_expect_one_revision_exactly_one_wins(self, store: Store):
        item = await store.create(draft("web", "start"))
        won: list[Item] = []
        lost: list[int] = []

        async def update(number: int) -> None:
            try:
                won.append(await store.update(draft("web", str(number)), expected_revision=item.revision))
            except Conflict:
                lost.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(update, number)
        assert len(won) == 1
        assert len(lost) == 19
        assert store.get(item.key) == won[0]

    async def test_of_many_creates_of_one_key_exactly_one_wins(self, store: Store):
        won: list[Item] = []

        async def create(number: int) -> None:
            try:
                won.append(await store.create(draft("web", str(number))))
            except AlreadyExists:
                assert store.get(Key(PODS, "default", "web")) is not None

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(create, number)
        assert [store.get(Key(PODS, "default", "web"))] == won

    async def test_concurrent_writes_get_one_revision_each(self, store: Store):
        items: list[Item] = []

        async def create(number: int) -> None:
            items.append(await store.create(draft(f"web-{number}", resource=(PODS, LEASES)[number % 2])))

        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(create, number)
        assert len({item.revision for item in items}) == 50
        assert store.revision == max(item.revision for item in items)

    async def test_what_a_writer_was_told_is_visible_at_once(self, store: Store):
        async def work(name: str) -> None:
            for resource in (PODS, LEASES):
                item = await store.create(draft(name, resource=resource))
                assert store.get(item.key) == item
                assert store.revision >= item.revision
                assert item in store.list(resource).items

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(work, f"web-{number}")

    async def test_lists_are_ordered_by_namespace_and_name(self, store: Store):
        for namespace, name in (("b", "a"), ("a-b", "x"), ("a", "z"), ("a", "b"), ("a", "b-1"), ("a", "b.1")):
            await store.create(draft(name, namespace=namespace))
        snapshot = store.list(PODS)
        assert names(snapshot.items) == ["a/b", "a/b-1", "a/b.1", "a/z", "a-b/x", "b/a"]
        assert snapshot.revision == store.revision
        assert snapshot.remaining == 0
        assert names(store.list(PODS, "a").items) == ["a/b", "a/b-1", "a/b.1", "a/z"]
        assert names(store.list(PODS, "a-b").items) == ["a-b/x"]
        assert store.list(PODS, "none").items == []

    async def test_cluster_scoped_objects_have_no_namespace(self, store: Store):
        await store.create(draft("n1", namespace="", resource="/nodes"))
        assert names(store.list("/nodes").items) == ["/n1"]
        assert names(store.list("/nodes", "").items) == ["/n1"]

    async def test_a_limited_list_says_how_much_remains(self, store: Store):
        for number in range(7):
            await store.create(draft(f"web-{number}", namespace=("a", "b")[number // 5]))
        page = store.list(PODS, limit=3)
        assert names(page.items) == ["a/web-0", "a/web-1", "a/web-2"]
        assert page.remaining == 4
        page = store.list(PODS, after=("a", "web-2"), limit=3)
        assert names(page.items) == ["a/web-3", "a/web-4", "b/web-5"]
        assert page.remaining == 1
        page = store.list(PODS, "a", after=("a", "web-2"), limit=2)
        assert names(page.items) == ["a/web-3", "a/web-4"]
        assert page.remaining == 0
        assert store.list(PODS, after=("z", ""), limit=2).items == []

    async def test_a_list_goes_on_behind_a_name_that_has_gone(self, store: Store):
        for name in ("a", "b", "c"):
            await store.create(draft(name))
        await store.delete(Key(PODS, "default", "b"))
        assert names(store.list(PODS, after=("default", "b")).items) == ["default/c"]

    async def test_a_list_at_a_revision_does_not_see_what_came_later(self, store: Store):
        kept = await store.create(draft("kept", "old"))
        gone = await store.create(draft("gone", "old"))
        then = store.revision
        await store.update(draft("kept", "new"), expected_revision=kept.revision)
        await store.delete(gone.key)
        again = await store.create(draft("gone", "again"))
        await store.update(draft("gone", "more"), expected_revision=again.revision)
        await store.create(draft("late"))
        await store.create(draft("elsewhere", resource=DEPLOYMENTS))
        snapshot = store.list(PODS, at_revision=then)
        assert snapshot.items == [gone, kept]
        assert snapshot.revision == then
        page = store.list(PODS, at_revision=then, after=("default", "gone"), limit=1)
        assert (page.items, page.remaining) == ([kept], 0)
        assert names(store.list(PODS).items) == ["default/gone", "default/kept", "default/late"]

    async def test_a_snapshot_stays_as_it_was_taken(self, store: Store):
        item = await store.create(draft("web", "old"))
        snapshot = store.list(PODS)
        await store.update(draft("web", "new"), expected_revision=item.revision)
        assert snapshot.items == [item]

    async def test_a_list_before_compaction_or_in_the_future_is_expired(self, store: Store):
        item = await store.create(draft("web"))
        then = store.revision
        latest = await store.update(draft("web", "new"), expected_revision=item.revision)
        store.compact(latest.revision)
        with pytest.raises(Expired, match="resourceVersion for the provided list is too old"):
            store.list(PODS, at_revision=then)
        with pytest.raises(Expired, match="continue parameter is too old"):
            store.list(PODS, at_revision=then, after=("default", "a"))
        with pytest.raises(Expired):
            store.list("never/seen", at_revision=then)
        with pytest.raises(Expired):
            store.list(PODS, at_revision=store.revision + 1)
        assert store.list(PODS, at_revision=store.revision).items == [latest]

    async def test_a_watch_tells_each_change_with_what_it_replaced(self, store: Store):
        async with store.watch(PODS, after_revision=store.revision) as watch:
            first = await store.create(draft("web", "first"))
            second = await store.update(draft("web", "second"), expected_revision=first.revision)
            gone = await store.delete(first.key)
            assert await collect(watch, 3) == [
                Event(EventType.ADDED, first, None),
                Event(EventType.MODIFIED, second, first),
                Event(EventType.DELETED, gone, second),
            ]

    async def test_a_watch_replays_what_happened_after_its_revision(self, store: Store):
        first = await store.create(draft("a"))
        second = await store.create(draft("b"))
        async with store.watch(PODS, after_revision=first.revision) as watch:
            third = await store.create(draft("c"))
            assert [event.item for event in await collect(watch, 2)] == [second, third]

    async def test_a_list_and_a_watch_from_it_leave_no_gap(self, store: Store):
        async def write() -> None:
            for number in range(30):
                await store.create(draft(f"web-{number:02}"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            snapshot = store.list(PODS)
            while len(snapshot.items) < 10:
                await trio.lowlevel.checkpoint()
                snapshot = store.list(PODS)
            async with store.watch(PODS, after_revision=snapshot.revision) as watch:
                later = await collect(watch, 30 - len(snapshot.items))
        assert [*snapshot.items, *(event.item for event in later)] == store.list(PODS).items

    async def test_a_watch_of_a_namespace_sees_only_that(self, store: Store):
        start = store.revision
        async with store.watch(PODS, "a", after_revision=start) as watch:
            for namespace in ("a", "b", "a"):
                await store.create(draft(f"web-{store.revision}", namespace=namespace))
            await store.create(draft("web", namespace="a", resource=DEPLOYMENTS))
            events = await collect(watch, 2)
        assert {event.item.key.namespace for event in events} == {"a"}
        async with store.watch(PODS, "a", after_revision=start) as watch:
            assert await collect(watch, 2) == events

    async def test_a_watch_is_told_only_what_interests_it(self, store: Store):
        def is_on_n1(event: Event) -> bool:
            return "n1" in (
                event.item.select.fields["spec.nodeName"],
                event.previous.select.fields["spec.nodeName"] if event.previous else "",
            )

        start = store.revision
        first = await store.create(draft("a"))
        bound = await store.update(draft("a", node="n1", text="bound"), expected_revision=first.revision)
        async with store.watch(PODS, after_revision=start, interest=is_on_n1) as watch:
            assert [event.item for event in await collect(watch, 1)] == [bound]
            await store.create(draft("b", node="n2"))
            assert watch.revision == store.revision
            moved = await store.update(draft("a", node="n2", text="moved"), expected_revision=bound.revision)
            assert [event.item for event in await collect(watch, 1)] == [moved]

    async def test_a_watch_knows_up_to_where_it_has_handed_out(self, store: Store):
        async with store.watch(PODS, after_revision=store.revision) as watch:
            await store.create(draft("elsewhere", resource=DEPLOYMENTS))
            assert watch.revision == store.revision
            before = store.revision
            item = await store.create(draft("web"))
            assert before <= watch.revision < item.revision
            await collect(watch, 1)
            assert watch.revision == item.revision

    async def test_every_watcher_sees_the_same_order(self, store: Store):
        async def write(writer: int) -> None:
            for number in range(10):
                item = await store.create(draft(f"web-{writer}-{number}"))
                await store.delete(item.key)

        async with AsyncExitStack() as stack:
            start = store.revision
            watches = [
                await stack.enter_async_context(store.watch(PODS, after_revision=start)) for _ in range(5)
            ]
            async with trio.open_nursery() as nursery:
                for writer in range(4):
                    nursery.start_soon(write, writer)
            seen = [await collect(watch, 80) for watch in watches]
        revisions = [event.item.revision for event in seen[0]]
        assert revisions == sorted(set(revisions))
        assert all(events == seen[0] for events in seen)

    async def test_a_cancelled_wait_of_a_watcher_loses_nothing(self, store: Store):
        async with store.watch(PODS, after_revision=store.revision) as watch:
            for number in range(5):
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await anext(watch)
                assert scope.cancelled_caught
                await store.create(draft(f"web-{number}"))
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await anext(watch)
            assert len(await collect(watch, 5)) == 5

    async def test_a_watcher_that_falls_behind_is_expired_and_others_are_not(self, store: Store):
        async with (
            store.watch(LEASES, after_revision=store.revision) as slow,
            store.watch(LEASES, after_revision=store.revision) as quick,
        ):
            item = await store.create(draft("n1", resource=LEASES))
            seen = await collect(quick, 1)
            for number in range(QUEUE_EVENTS + 2):
                item = await store.update(
                    draft("n1", str(number), resource=LEASES), expected_revision=item.revision
                )
                if number % 2:
                    seen += await collect(quick, 2)
            with pytest.raises(Expired, match="too old resource version"):
                await anext(slow)
            with pytest.raises(Expired):
                await anext(slow)
        assert seen[-1].item == item

    async def test_history_is_bounded_but_never_has_a_gap(self, store: Store):
        start = store.revision
        item = await store.create(draft("n1", resource=LEASES))
        for number in range(3_000):
            item = await store.update(
                draft("n1", str(number), resource=LEASES), expected_revision=item.revision
            )
        with pytest.raises(Expired, match="too old resource version"):
            async with store.watch(LEASES, after_revision=start):
                pass
        async with store.watch(LEASES, after_revision=item.revision - 1) as watch:
            assert [event.item for event in await collect(watch, 1)] == [item]
        async with store.watch(PODS, after_revision=start) as watch:  # a chatty resource costs only itself
            pod = await store.create(draft("web"))
            assert [event.item for event in await collect(watch, 1)] == [pod]

    async def test_a_watch_from_before_compaction_or_the_future_is_expired_at_entry(self, store: Store):
        first = await store.create(draft("a"))
        second = await store.create(draft("b"))
        store.compact(first.revision)
        with pytest.raises(Expired):
            async with store.watch(PODS, after_revision=first.revision - 1):
                pass
        with pytest.raises(Expired):
            async with store.watch(DEPLOYMENTS, after_revision=first.revision - 1):
                pass
        with pytest.raises(Expired, match="too large resource version"):
            async with store.watch(PODS, after_revision=store.revision + 1):
                pass
        async with store.watch(PODS, after_revision=first.revision) as watch:
            assert [event.item for event in await collect(watch, 1)] == [second]

    async def test_changes_tell_whether_a_resource_is_the_same(self, store: Store):
        seen = {store.changes(PODS)}
        item = await store.create(draft("a"))
        seen.add(store.changes(PODS))
        await store.create(draft("n1", resource=LEASES))
        assert store.changes(PODS) in seen
        item = await store.update(draft("a", "2"), expected_revision=item.revision)
        seen.add(store.changes(PODS))
        store.list(PODS, at_revision=item.revision)
        await store.delete(item.key)
        seen.add(store.changes(PODS))
        assert len(seen) == 4

    async def test_statistics_count_what_is_held(self, store: Store):
        item = await store.create(draft("web"))
        await store.create(draft("n1", resource=LEASES))
        async with store.watch(PODS, after_revision=store.revision):
            figures = store.statistics()
            assert figures.objects == {PODS: 1, LEASES: 1}
            assert figures.watchers == 1
        await store.delete(item.key)
        figures = store.statistics()
        assert figures.revision == store.revision
        assert figures.objects == {LEASES: 1}
        assert figures.object_bytes == len(store.list(LEASES).items[0].value)
        assert figures.watchers == 0
        assert figures.pending_writes == 0
        assert figures.history_events == 3
