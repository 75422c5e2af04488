"""The memory store keeps the contract."""

from __future__ import annotations

import pytest
from store_contract import PODS, StoreContract, draft

from pikube.leader.store.contract import Item, Key
from pikube.leader.store.memory import MemoryStore


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


async def test_closing_ends_watches_behind_what_they_have_queued():
    store = MemoryStore()
    async with store.watch(PODS, after_revision=store.revision) as watch:
        await store.create(draft("web"))
        store.close()
        assert [len(batch) async for batch in watch] == [1]
    async with store.watch(PODS, after_revision=store.revision) as watch:
        assert [batch async for batch in watch] == []


async def test_an_empty_store_is_not_at_revision_zero():
    """Clients read resourceVersion 0 as `any`."""
    assert MemoryStore().revision > 0


async def test_it_can_begin_with_items():
    one = draft("web")
    item = Item(one.key, one.value.replace(b'"0"', b'"7"'), 7, one.uid, one.select)
    store = MemoryStore([item], revision=9)
    assert store.get(Key(PODS, "default", "web")) == item
    assert store.list(PODS).revision == 9
    changed = await store.update(draft("web", "new"), expected_revision=7)
    assert changed.revision == 10
