"""Readers that come late: lists whose snapshot is gone, watchers that do not read."""

import trio
from request_api import FakeRequest

from pikube.leader.store.hub import QUEUE_EVENTS

MAPS = "/api/v1/namespaces/default/configmaps"


async def fill(api, count, prefix="m"):
    for number in range(count):
        assert (await api("POST", MAPS, {"metadata": {"name": f"{prefix}{number}"}}))[0] == 201


async def test_a_list_whose_snapshot_is_gone_may_go_on_from_what_is_there(api):
    await fill(api, 5)
    _, first = await api("GET", f"{MAPS}?limit=2")
    token = first["metadata"]["continue"]
    await api("DELETE", f"{MAPS}/m3")
    await fill(api, 1, "z")
    _, same = await api("GET", f"{MAPS}?limit=9&continue={token}")
    assert [item["metadata"]["name"] for item in same["items"]] == ["m2", "m3", "m4"], "as it was"
    api.store.compact(api.store.revision)
    status, gone = await api("GET", f"{MAPS}?limit=2&continue={token}")
    assert (status, gone["reason"]) == (410, "Expired")
    assert gone["message"].startswith(
        "The provided continue parameter is too old to display a consistent list"
    )
    _, rest = await api("GET", f"{MAPS}?limit=2&continue={gone['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in rest["items"]] == ["m2", "m4"]
    _, last = await api("GET", f"{MAPS}?limit=2&continue={rest['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in last["items"]] == ["z0"]


async def test_a_list_with_selectors_may_go_on_too(api):
    await fill(api, 4)
    _, first = await api("GET", f"{MAPS}?limit=1&labelSelector=!x")
    await fill(api, 1, "z")
    api.store.compact(api.store.revision)
    token = first["metadata"]["continue"]
    status, gone = await api("GET", f"{MAPS}?limit=9&labelSelector=!x&continue={token}")
    assert status == 410
    _, rest = await api("GET", f"{MAPS}?labelSelector=!x&continue={gone['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in rest["items"]] == ["m1", "m2", "m3", "z0"]


async def test_a_watcher_that_does_not_read_is_cut_off_and_hurts_nobody(api, nursery):
    heard, stuck, go_on = [], trio.Event(), trio.Event()
    late = []

    async def read(chunk):
        heard.extend(chunk.splitlines())

    async def do_not_read(chunk):
        if chunk:
            late.append(chunk)
            stuck.set()
            await go_on.wait()

    lazy = await api.handler(FakeRequest("GET", MAPS, "watch=1"))
    brisk = await api.handler(FakeRequest("GET", MAPS, "watch=1"))
    nursery.start_soon(brisk.run, read)
    ended = trio.Event()

    async def run_lazy():
        await lazy.run(do_not_read)
        ended.set()

    nursery.start_soon(run_lazy)
    await fill(api, 1)
    await stuck.wait()
    for round_ in range(QUEUE_EVENTS + 10):
        content = {"metadata": {"name": "m0"}, "data": {"n": str(round_)}}
        assert (await api("PUT", f"{MAPS}/m0", content))[0] == 200
    await trio.testing.wait_all_tasks_blocked()
    assert len(heard) == QUEUE_EVENTS + 11, "who reads misses nothing"
    assert api.store.statistics().watchers_expired == 1
    go_on.set()
    await ended.wait()
    assert b'"code":410' in late[-1] and b'"type":"ERROR"' in late[-1]
    nursery.cancel_scope.cancel()
