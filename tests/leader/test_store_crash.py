"""What a killed process or a full disk leaves behind: every acknowledged write, no torn one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from encryptions import encryption
from store_child import WRITERS, text_after
from store_contract import LEASES, PODS, describe, value_of

from pikube.leader.store.contract import Item, Key
from pikube.leader.store.sqlite import open_sqlite_store


async def start_child(mode: str, path: Path, *arguments: str) -> trio.Process:
    return await trio.lowlevel.open_process(
        [sys.executable, str(Path(__file__).with_name("store_child.py")), mode, str(path), *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


async def kill_after(process: trio.Process, acknowledgements: int) -> list[tuple[int, int, int]]:
    """Let it write so many times, kill it, and return all it was told: (writer, number, revision)."""
    assert process.stdout is not None
    output = b""
    is_killed = False
    async for chunk in process.stdout:
        output += chunk
        if not is_killed and output.count(b"\n") >= acknowledgements:
            process.send_signal(signal.SIGKILL)
            is_killed = True
    assert await process.wait() == -signal.SIGKILL
    lines = output.decode().rpartition("\n")[0].splitlines()
    return [(int(writer), int(number), int(revision)) for writer, number, revision in map(str.split, lines)]


def text_in(item: Item | None) -> str | None:
    if item is None:
        return None
    document = json.loads(item.value)
    assert document["metadata"] == {"name": item.key.name, "resourceVersion": str(item.revision)}
    return document["text"]


@pytest.mark.parametrize(
    ("acknowledgements", "providers"), [(1, ()), (20, ()), (333, ()), (333, ("aesgcm:key1",)), (3_000, ())]
)
async def test_a_killed_store_has_every_acknowledged_write_and_none_torn(
    tmp_path: Path, acknowledgements: int, providers: tuple[str, ...]
):
    path = tmp_path / "state.db"
    found: dict[int, str | None] = dict.fromkeys(range(1, WRITERS))
    newest = 0
    for first in (1, 1_000_001):  # the second round starts from what the first left
        with trio.fail_after(60):
            told = await kill_after(
                await start_child("write", path, str(first), *providers), acknowledgements
            )
        last_told = {writer: number for writer, number, _ in told}
        encrypted = encryption(*providers) if providers else None
        async with open_sqlite_store(path, describe=describe, encryption=encrypted) as store:
            assert min(revision for _, _, revision in told) > newest
            assert max(revision for _, _, revision in told) <= store.revision
            newest = store.revision
            assert store.list(LEASES).items == []
            for writer, before in found.items():
                text = text_in(store.get(Key(PODS, "default", f"web-{writer}")))
                if number := last_told.get(writer, 0):  # the write under way may have arrived, too
                    assert text in (text_after(number), text_after(number + 1))
                else:
                    assert text in (before, text_after(first))
                found[writer] = text


async def test_a_full_disk_refuses_writers_keeps_memory_and_heals(tmp_path: Path):
    path = tmp_path / "state.db"
    with trio.fail_after(60):
        process = await start_child("full", path)
        assert process.stdout is not None
        output = b"".join([chunk async for chunk in process.stdout])
        assert await process.wait() == 0
    assert output == b"ok\n"
    async with open_sqlite_store(path, describe=describe) as store:
        kept = store.get(Key(PODS, "default", "kept"))
        assert kept is not None
        assert kept.value == value_of(kept, "space is back")
