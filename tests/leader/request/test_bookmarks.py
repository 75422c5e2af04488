"""Bookmarks: how far a quiet watch is, and no event lost or cut for one."""

import json

import trio
from request_api import FakeRequest

from pikube.leader.request.reads import BOOKMARK_S

MAPS = "/api/v1/namespaces/default/configmaps"
QUERY = "watch=true&allowWatchBookmarks=true&resourceVersion="


async def test_a_quiet_watch_says_how_far_it_is(api, autojump_clock):
    async with api.watching(f"{MAPS}?{QUERY}{api.store.revision}") as events:
        for name in ("one", "two"):
            began_at = trio.current_time()
            mark = await events.receive()
            assert (mark["type"], mark["object"]["kind"]) == ("BOOKMARK", "ConfigMap")
            assert mark["object"]["metadata"]["resourceVersion"] == str(api.store.revision)
            assert trio.current_time() - began_at == BOOKMARK_S
            await api("POST", MAPS, {"metadata": {"name": name}})
            added = await events.receive()
            assert (added["type"], added["object"]["metadata"]["name"]) == ("ADDED", name)


async def test_a_change_at_the_moment_of_a_bookmark_is_told(api, autojump_clock):
    async with api.watching(f"{MAPS}?{QUERY}{api.store.revision}") as events:
        for number in range(5):
            await trio.sleep(BOOKMARK_S)
            await api("POST", MAPS, {"metadata": {"name": f"m{number}"}})
            told = [await events.receive(), await events.receive()]
            assert {event["type"] for event in told} == {"ADDED", "BOOKMARK"}


async def test_a_reader_who_takes_longer_than_a_bookmark_gets_everything(api, nursery, autojump_clock):
    heard = []

    async def read(chunk):
        await trio.sleep(1.5 * BOOKMARK_S)
        heard.extend(json.loads(line)["type"] for line in chunk.splitlines())

    query = f"{QUERY}{api.store.revision}"
    answer = await api.handler(FakeRequest("GET", MAPS, query))
    nursery.start_soon(answer.run, read)
    await trio.sleep(2 * BOOKMARK_S)
    for name in ("one", "two"):
        await api("POST", MAPS, {"metadata": {"name": name}})
    await trio.sleep(10 * BOOKMARK_S)
    assert heard.count("ADDED") == 2
    assert "BOOKMARK" in heard
