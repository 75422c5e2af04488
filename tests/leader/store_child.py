"""A process that writes into a store and may be killed, or runs out of disk. `test_store_crash.py` starts it.

`store_child.py write PATH FIRST [PROVIDER…]` writes for ever with several writers, counting from FIRST, and prints
`WRITER NUMBER REVISION` after each write that the store acknowledged; encrypted, where providers are named.
`store_child.py full PATH` meets a full disk and prints `ok` if it behaved.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import trio
from encryptions import encryption
from store_contract import LEASES, PODS, describe, draft, value_of

from pikube.api.errors import ServiceUnavailable
from pikube.leader.store.contract import Key, Store
from pikube.leader.store.sqlite import SqliteStore, open_sqlite_store

WRITERS = 6
REVISION_BLOCK = 1_000
TEXT_REPEATS = 700  # some values then span pages


def text_of(number: int) -> str:
    """Any two differing parts of it betray a torn write."""
    return f"{number:06}." * (number % TEXT_REPEATS + 1)


def text_after(number: int) -> str | None:
    """What a writer's object says behind its write `number`; None if that deletes it."""
    return None if number % 10 == 0 else text_of(number)


async def write_for_ever(store: Store, writer: int, number: int) -> None:
    """Every tenth write deletes the object, the next makes it anew; one writer's resource is ephemeral."""
    resource_name = LEASES if writer == 0 else PODS
    name = f"web-{writer}"
    while True:
        current = store.get(Key(resource_name, "default", name))
        new = draft(name, text_of(number), resource=resource_name)
        if current is None:
            item = await store.create(new)
        elif number % 10 == 0:
            item = await store.delete(current.key, expected_revision=current.revision)
        else:
            item = await store.update(new, expected_revision=current.revision)
        os.write(1, b"%d %d %d\n" % (writer, number, item.revision))
        number += 1


async def write(path: Path, first: str, *providers: str) -> None:
    encrypted = encryption(*providers) if providers else None
    async with (
        open_sqlite_store(
            path, describe=describe, ephemeral=frozenset({LEASES}), encryption=encrypted
        ) as store,
        trio.open_nursery() as nursery,
    ):
        for writer in range(WRITERS):
            nursery.start_soon(write_for_ever, store, writer, int(first))


def allow_file_bytes(limit: int) -> None:
    """Writes that would make any file larger fail, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


async def fill(store: SqliteStore) -> str:
    """Write until the disk refuses; the refusal."""
    for number in range(10_000):
        before = store.list(PODS)
        try:
            await store.create(draft(f"web-{number}", "x" * 1_000))
        except ServiceUnavailable as error:
            assert store.list(PODS).items == before.items, "a refused write is visible"
            return error.message
    raise AssertionError("the disk never became full")


async def use_up_revisions(store: SqliteStore) -> None:
    """Without a disk no further ones can be reserved: then even ephemeral writes must be refused."""
    item = store.list(LEASES).items[0]
    for number in range(2 * REVISION_BLOCK):
        revision = store.revision
        try:
            item = await store.update(
                draft("n1", str(number), resource=LEASES), expected_revision=item.revision
            )
        except ServiceUnavailable:
            assert store.list(LEASES).items == [item]
            assert store.revision == revision
            return
    raise AssertionError("revisions were given that a restart would give again")


async def meet_a_full_disk(path: Path) -> None:
    async with open_sqlite_store(
        path, describe=describe, ephemeral=frozenset({LEASES}), revision_block=REVISION_BLOCK
    ) as store:
        kept = await store.create(draft("kept"))
        allow_file_bytes(200_000)
        async with store.watch(PODS, after_revision=store.revision) as watch:
            message = await fill(store)
            assert message.startswith("the store could not write to its disk: "), message
            seen = [event.item for event in await anext(watch)]
            assert sorted([kept, *seen]) == store.list(PODS).items, "a watcher saw a refused write"
            lease = await store.create(draft("n1", resource=LEASES))
            assert store.get(lease.key) == lease, "heartbeats must go on without a disk"
            try:
                await store.update(draft("kept", "y" * 9_000), expected_revision=kept.revision)
            except ServiceUnavailable:
                assert store.get(kept.key) == kept
            assert store.statistics().commit_failures >= 1
            allow_file_bytes(0)
            await use_up_revisions(store)
            allow_file_bytes(resource.RLIM_INFINITY)
            current = store.get(kept.key)
            assert current is not None
            again = await store.update(draft("kept", "space is back"), expected_revision=current.revision)
            assert again.value == value_of(again, "space is back")
            assert again.revision > lease.revision
            assert (await anext(watch))[-1].item == again
    os.write(1, b"ok\n")


if __name__ == "__main__":
    trio.run({"write": write, "full": meet_a_full_disk}[sys.argv[1]], Path(sys.argv[2]), *sys.argv[3:])
