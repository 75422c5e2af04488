"""Shell: what the store costs: `python benchmarks/store.py [--directory DIR] [--writes N]`.

Prints writes a second with 1, 8 and 50 writers (memory and SQLite), CPU and bytes written per write, the raw commit
rate of the same disk, a list of 500, the delay from a write to the last of 50 watchers, opening, and memory held.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
import tracemalloc
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from pikube.leader.store.contract import Draft, Item, Key, Selectable, Store
from pikube.leader.store.memory import MemoryStore
from pikube.leader.store.sqlite import open_sqlite_store

PODS = "/pods"
LEASES = "coordination.k8s.io/leases"
OBJECT_BYTES = 1_800  # a usual pod
WATCHERS = 50


def draft(name: str, *, resource: str = PODS, text: str = "") -> Draft:
    head = f'{{"metadata":{{"name":"{name}","resourceVersion":"0"}},"text":"{text}'
    value = head.encode() + b"x" * (OBJECT_BYTES - len(head)) + b'"}'
    select = Selectable({"app": "web", "pod-template-hash": "5d8f"}, {"spec.nodeName": "n1"})
    return Draft(Key(resource, "default", name), value, f"uid-{name}", select)


def describe(key: Key, value: bytes) -> tuple[str, Selectable]:
    return f"uid-{key.name}", Selectable({"app": "web"}, {"spec.nodeName": "n1"})


def written_bytes() -> int:
    with open("/proc/self/io") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("write_bytes"))


def syncs_a_second(directory: Path, count: int = 300) -> float:
    """How often the disk makes 4 kB durable: no store can commit more often than this, one by one."""
    with open(directory / "probe", "wb") as file:
        file.write(bytes(4096 * count))
        os.fsync(file.fileno())
        begun = time.perf_counter()
        for number in range(count):
            os.pwrite(file.fileno(), b"x" * 4096, number * 4096)
            os.fdatasync(file.fileno())
        return count / (time.perf_counter() - begun)


async def measure_writes(label: str, store: Store, writers: int, writes: int) -> list[Item]:
    items: list[Item] = []
    latencies: list[float] = []
    share = writes // writers

    async def write(writer: int) -> None:
        for number in range(share):
            begun = time.perf_counter()
            items.append(await store.create(draft(f"{label}-{writers}-{writer}-{number}")))
            latencies.append(time.perf_counter() - begun)

    begun, cpu, written = time.perf_counter(), time.process_time(), written_bytes()
    async with trio.open_nursery() as nursery:
        for writer in range(writers):
            nursery.start_soon(write, writer)
    took = time.perf_counter() - begun
    count = share * writers
    percentiles = statistics.quantiles(latencies, n=100)
    print(
        f"{label:7} create {writers:3} writers  {count / took:8.0f} a second  "
        f"p50 {percentiles[49] * 1e3:6.2f} ms  p99 {percentiles[98] * 1e3:6.2f} ms  "
        f"CPU {(time.process_time() - cpu) / count * 1e6:5.0f} µs  "
        f"{(written_bytes() - written) / count:7.0f} bytes written each"
    )
    return items


async def measure_updates(store: Store, items: list[Item]) -> list[Item]:
    begun, written = time.perf_counter(), written_bytes()
    for number, item in enumerate(items):
        new = draft(item.key.name, text=f"v{number}")
        items[number] = await store.update(new, expected_revision=item.revision)
    took = time.perf_counter() - begun
    print(
        f"sqlite  update   1 writer   {len(items) / took:8.0f} a second  "
        f"{(written_bytes() - written) / len(items):7.0f} bytes written each"
    )
    return items


async def measure_ephemeral(store: Store, writes: int) -> None:
    item = await store.create(draft("n1", resource=LEASES))
    begun, written = time.perf_counter(), written_bytes()
    for number in range(writes):
        new = draft("n1", resource=LEASES, text=str(number))
        item = await store.update(new, expected_revision=item.revision)
    took = time.perf_counter() - begun
    print(
        f"sqlite  ephemeral update    {writes / took:8.0f} a second  {written_bytes() - written} bytes written"
    )


def measure_lists(store: Store, changed: list[Item]) -> None:
    revisions = [store.revision, changed[-100].revision, changed[-500].revision]
    for label, revision in zip(("now", "100 changes ago", "500 changes ago"), revisions, strict=True):
        rounds = 200 if revision == store.revision else 20
        begun = time.perf_counter()
        for _ in range(rounds):
            snapshot = store.list(PODS, "default", at_revision=revision, limit=500)
        took = time.perf_counter() - begun
        total = len(snapshot.items) + snapshot.remaining
        print(f"list 500 of {total}, as of {label}: {took / rounds * 1e6:.0f} µs")


async def measure_fan_out(store: Store, writes: int) -> None:
    """From the start of a durable create to the moment the last watcher has it."""
    delays: list[float] = []
    begun_at = 0.0
    waiting = 0
    all_told = trio.Event()

    async def follow(task_status: trio.TaskStatus[None]) -> None:
        nonlocal waiting
        async with store.watch(PODS, after_revision=store.revision) as watch:
            task_status.started()
            async for _ in watch:
                waiting -= 1
                if waiting == 0:
                    delays.append(time.perf_counter() - begun_at)
                    all_told.set()

    async with trio.open_nursery() as nursery:
        for _ in range(WATCHERS):
            await nursery.start(follow)
        for number in range(writes):
            waiting, all_told, begun_at = WATCHERS, trio.Event(), time.perf_counter()
            await store.create(draft(f"watched-{number}"))
            await all_told.wait()
        nursery.cancel_scope.cancel()
    percentiles = statistics.quantiles(delays, n=100)
    print(
        f"create → the last of {WATCHERS} watchers: "
        f"p50 {percentiles[49] * 1e3:.2f} ms, p99 {percentiles[98] * 1e3:.2f} ms"
    )


async def measure_memory(count: int = 2_000) -> None:
    """What an object costs beside its bytes, and what a full history of one resource does."""
    store = MemoryStore()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(count):
        await store.create(draft(f"web-{number}"))
    store.compact(store.revision)
    held = tracemalloc.get_traced_memory()[0] - before
    print(f"memory of an object beside its {OBJECT_BYTES} bytes: {held / count - OBJECT_BYTES:.0f} bytes")
    before = tracemalloc.get_traced_memory()[0]
    for item in store.list(PODS).items:
        await store.update(draft(item.key.name, text="new"), expected_revision=item.revision)
    held = tracemalloc.get_traced_memory()[0] - before
    estimate = store.statistics().history_bytes
    print(f"memory of history: {held / 1e6:.1f} MB with {count} changes, estimated {estimate / 1e6:.1f} MB")
    tracemalloc.stop()


@asynccontextmanager
async def opened(directory: Path):
    begun = time.perf_counter()
    async with open_sqlite_store(
        directory / "state.db", describe=describe, ephemeral=frozenset({LEASES})
    ) as store:
        objects = sum(store.statistics().objects.values())
        print(f"open with {objects} objects: {(time.perf_counter() - begun) * 1e3:.0f} ms")
        yield store


async def main(directory: Path, writes: int) -> None:
    print(f"{directory}: {syncs_a_second(directory):.0f} syncs of 4 kB a second")
    memory = MemoryStore()
    for writers in (1, 50):
        await measure_writes("memory", memory, writers, writes)
    async with opened(directory) as store:
        for writers in (1, 8, 50):
            items = await measure_writes("sqlite", store, writers, writes)
        changed = await measure_updates(store, items)
        await measure_ephemeral(store, writes)
        measure_lists(store, changed)
        await measure_fan_out(store, min(writes, 500))
        begun = time.perf_counter()
        await store.backup(directory / "backup.db")
        print(f"backup: {(time.perf_counter() - begun) * 1e3:.0f} ms")
        print(f"files: {store.statistics().file_bytes / 1e6:.1f} MB")
    async with opened(directory):
        pass
    await measure_memory()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the store.")
    parser.add_argument("--directory", type=Path, help="on the disk to measure (default: a temporary one)")
    parser.add_argument("--writes", type=int, default=2_000)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="store-bench-", dir=arguments.directory))
    try:
        trio.run(main, folder, arguments.writes)
    finally:
        shutil.rmtree(folder)
