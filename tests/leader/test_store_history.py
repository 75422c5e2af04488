"""History, tables and batches: the pure parts of the store."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from store_contract import DEPLOYMENTS, LEASES, PODS, draft

from pikube.leader.store.batch import stamped
from pikube.leader.store.contract import Event, EventType, Item, Key
from pikube.leader.store.history import EVENT_OVERHEAD_BYTES, History
from pikube.leader.store.table import Table


def item(revision: int, name: str = "web", *, resource: str = PODS, namespace: str = "default") -> Item:
    one = draft(name, resource=resource, namespace=namespace)
    return Item(one.key, stamped(one.value, revision), revision, one.uid, one.select)


def added(revision: int, resource: str = PODS) -> Event:
    return Event(EventType.ADDED, item(revision, f"web-{revision}", resource=resource), None)


def test_a_ring_holds_so_many_events_and_knows_its_floor():
    history = History(1, ring_events=3)
    for revision in range(2, 8):
        history.append(added(revision))
    assert history.floor(PODS) == 4
    assert history.since(PODS, 3) is None
    assert [event.item.revision for event in history.since(PODS, 4) or ()] == [5, 6, 7]
    assert [event.item.revision for event in history.since(PODS, 6) or ()] == [7]
    assert history.since(PODS, 7) == []


def test_when_memory_is_full_the_largest_ring_gives_up_its_older_half():
    history = History(1, history_bytes=12 * EVENT_OVERHEAD_BYTES)
    history.append(added(2))
    for revision in range(3, 14):
        history.append(added(revision, LEASES))
    assert len(history) == 12
    history.append(added(14, LEASES))
    assert history.floor(PODS) == 1
    assert [event.item.revision for event in history.since(LEASES, 8) or ()] == [9, 10, 11, 12, 13, 14]
    assert history.since(LEASES, 7) is None


def test_one_event_larger_than_the_memory_is_forgotten_at_once():
    history = History(1, history_bytes=10)
    history.append(added(2))
    assert len(history) == history.bytes == 0
    assert history.floor(PODS) == 2


def test_forgetting_everything_gives_all_memory_back():
    history = History(1)
    before = item(2)
    history.append(Event(EventType.ADDED, before, None))
    history.append(Event(EventType.MODIFIED, item(3), before))
    history.append(Event(EventType.DELETED, item(4), item(3)))
    history.append(added(5, DEPLOYMENTS))
    assert history.bytes > 4 * EVENT_OVERHEAD_BYTES
    history.compact(4)
    assert [history.floor(resource) for resource in (PODS, DEPLOYMENTS, LEASES)] == [4, 4, 4]
    assert [event.item.revision for event in history.since(DEPLOYMENTS, 4) or ()] == [5]
    history.compact(5)
    assert len(history) == history.bytes == 0


def test_compaction_never_turns_back():
    history = History(9)
    history.compact(3)
    assert history.floor(PODS) == 9


def test_undoing_takes_each_key_back_to_its_oldest_predecessor():
    history = History(1)
    old, new = item(2), item(3)
    history.append(Event(EventType.ADDED, old, None))
    history.append(Event(EventType.MODIFIED, new, old))
    history.append(Event(EventType.DELETED, item(4), new))
    history.append(Event(EventType.ADDED, item(5), None))
    assert history.undo(PODS, 1) == {old.key: None}
    assert history.undo(PODS, 2) == {old.key: old}
    assert history.undo(PODS, 3) == {old.key: new}
    assert history.undo(PODS, 4) == {old.key: None}
    assert history.undo(PODS, 5) == {}
    assert history.undo(PODS, 0) is None


identifiers = st.tuples(
    st.sampled_from(["", "a", "a-b", "ab", "b"]), st.text("ab-.0", min_size=1, max_size=3)
)


@given(
    puts=st.lists(st.tuples(identifiers, st.booleans())),
    namespace=st.sampled_from([None, "", "a", "a-b", "none"]),
    after=st.none() | identifiers,
    limit=st.integers(0, 5),
)
def test_a_table_lists_what_sorting_all_keys_would_give(puts, namespace, after, limit):
    table = Table()
    model: dict[tuple[str, str], Item] = {}
    for revision, (identifier, is_put) in enumerate(puts, start=2):
        one = item(revision, identifier[1], namespace=identifier[0])
        if is_put:
            table.put(one)
            model[identifier] = one
        elif identifier in model:
            table.remove(one.key)
            del model[identifier]
    wanted = [
        model[identifier]
        for identifier in sorted(model)
        if namespace in (None, identifier[0]) and (after is None or identifier > after)
    ]
    snapshot = table.snapshot(PODS, namespace, after, limit, 99)
    assert snapshot.items == (wanted[:limit] if limit else wanted)
    assert snapshot.remaining == len(wanted) - len(snapshot.items)
    assert len(table) == len(model)


def test_a_changed_table_leaves_the_old_one_as_it_was():
    one, two, three = item(2, "a"), item(3, "b"), item(4, "c")
    table = Table([one, two])
    changed = table.changed({two.key: None, three.key: three, Key(PODS, "default", "never"): None})
    assert changed.snapshot(PODS, None, None, 0, 4).items == [one, three]
    assert table.snapshot(PODS, None, None, 0, 4).items == [one, two]
