"""Power cut anywhere in a write: what was acknowledged is there, and the write that was cut is whole or absent."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from encryptions import encryption
from store_contract import LEASES, PODS, describe, draft, value_of

from pikube.leader.store.contract import Key
from pikube.leader.store.sqlite import open_sqlite_store

PLAN = (
    *(
        ("create", "a", 40),
        ("create", "b", 9_000),
        ("update", "a", 40),
        ("update", "b", 40),
        ("delete", "a", 0),
    ),
    *(
        ("create", "c", 40),
        ("create", "a", 9_000),
        ("update", "c", 9_000),
        ("delete", "b", 0),
        ("update", "a", 40),
    ),
)
CUTS = 12  # of each commit: its begin, its end, and places between, at and beside the borders of pages


def opened(path: Path, providers: tuple[str, ...] = ()):
    return open_sqlite_store(
        path,
        describe=describe,
        ephemeral=frozenset({LEASES}),
        encryption=encryption(*providers) if providers else None,
    )


async def commit(store, verb: str, name: str, size: int) -> None:
    """One acknowledged write; some are larger than a page."""
    key = Key(PODS, "default", name)
    if verb == "delete":
        await store.delete(key)
    elif verb == "update":
        await store.update(draft(name, "y" * size), expected_revision=store.get(key).revision)
    else:
        await store.create(draft(name, "x" * size))


def content(store) -> dict[str, bytes]:
    return {item.key.name: item.value for item in store.list(PODS).items}


async def history(path: Path, providers: tuple[str, ...]) -> list[tuple[bytes, bytes, dict[str, bytes]]]:
    """(database, log, content) after each acknowledged commit."""
    states = []
    async with opened(path, providers) as store:
        for step in (None, *PLAN):
            if step is not None:
                await commit(store, *step)
            states.append((path.read_bytes(), Path(f"{path}-wal").read_bytes(), content(store)))
    return states


@pytest.mark.parametrize("providers", [(), ("aesgcm:key1",)], ids=["plain", "encrypted"])
@pytest.mark.parametrize("garbage", [b"", b"\xff" * 600], ids=["cut off", "garbage behind"])
async def test_a_cut_inside_any_commit_loses_nothing_that_was_acknowledged(
    tmp_path: Path, garbage: bytes, providers: tuple[str, ...]
):
    states = await history(tmp_path / "state.db", providers)
    chance = random.Random(7)
    cut = 0
    for number in range(len(PLAN)):
        (database, log, before), (_, longer, after) = states[number], states[number + 1]
        if not longer.startswith(log):
            continue  # the log began anew
        cut += 1
        edges = {len(log), len(longer), len(log) + 24, len(longer) - 1}
        edges |= {chance.randint(len(log), len(longer)) for _ in range(CUTS - len(edges))}
        for edge in sorted(edges):
            place = tmp_path / f"{number}-{edge}"
            place.mkdir()
            (place / "state.db").write_bytes(database)
            (place / "state.db-wal").write_bytes(longer[:edge] + garbage)
            async with opened(place / "state.db", providers) as store:
                found = content(store)
                assert found in (before, after), f"commit {number} cut at {edge}"
                if edge == len(longer):
                    assert found == after
                await store.create(draft("goes-on"))
                assert value_of(store.get(Key(PODS, "default", "goes-on")))
    assert cut >= len(PLAN) - 1
