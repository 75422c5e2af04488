"""Laws of list and watch while several clients write at once: nothing is missed, doubled or out of order."""

import json

import trio
from hypothesis import given
from hypothesis import strategies as st
from request_api import Api, FakeRequest
from searches import examples

PATH = "/api/v1/namespaces/default/configmaps"
NAMES = ("a", "b", "c")
TIERS = ("red", "blue")
STEP = st.tuples(
    st.sampled_from(("create", "label", "update", "delete", "yield")),
    st.sampled_from(NAMES),
    st.sampled_from(TIERS),
)
WRITERS = st.lists(st.lists(STEP, max_size=8), min_size=1, max_size=3)


async def write(api, steps, acknowledged):
    """One client's writes; what was acknowledged, by name, with its revision."""
    for verb, name, tier in steps:
        url = f"{PATH}/{name}"
        if verb == "yield":
            await trio.lowlevel.checkpoint()
            continue
        if verb == "create":
            body = {"metadata": {"name": name, "labels": {"tier": tier}}}
            code, answer = await api("POST", PATH, body)
        elif verb == "delete":
            code, answer = await api("DELETE", url)
            if code == 200:
                acknowledged.append((name, None))
            continue
        else:
            patch = {"metadata": {"labels": {"tier": tier}}} if verb == "label" else {"data": {"x": tier}}
            code, answer = await api("PATCH", url, patch, content_type="application/merge-patch+json")
        assert code in (200, 201, 404, 409), answer
        if code in (200, 201):
            acknowledged.append((name, int(answer["metadata"]["resourceVersion"])))


class Watcher:
    """What a client knows from a list and the watch that follows it."""

    def __init__(self, selector):
        self.selector = f"labelSelector=tier%3D{selector}" if selector else "labelSelector="
        self.known = {}
        self.revision = 0
        self.types = {}

    async def begin(self, api):
        _, listed = await api("GET", f"{PATH}?{self.selector}")
        self.revision = int(listed["metadata"]["resourceVersion"])
        self.known = {one["metadata"]["name"]: version(one) for one in listed["items"]}
        query = f"watch=true&{self.selector}&resourceVersion={self.revision}&timeoutSeconds=3600"
        self.answer = await api.handler(FakeRequest("GET", PATH, query))

    async def take(self, chunk):
        for line in chunk.splitlines():
            event = json.loads(line)
            name, revision = event["object"]["metadata"]["name"], version(event["object"])
            assert revision > self.revision, "events are in the order of revisions, none comes twice"
            self.revision = revision
            if event["type"] == "ADDED":
                assert name not in self.known
            else:
                assert name in self.known
            if event["type"] == "DELETED":
                del self.known[name]
            else:
                assert self.known.get(name, 0) < revision
                self.known[name] = revision


def version(document):
    return int(document["metadata"]["resourceVersion"])


@examples(40)
@given(WRITERS, st.integers(0, 3))
def test_a_list_and_its_watch_know_all_that_there_is(writers, late):
    async def run():
        api = Api()
        await api.make_namespace()
        watchers = [Watcher(selector) for selector in ("", *TIERS)]
        acknowledged = []
        async with trio.open_nursery() as nursery:
            for watcher in watchers:
                await watcher.begin(api)
                nursery.start_soon(watcher.answer.run, watcher.take)
            async with trio.open_nursery() as clients:
                for steps in writers:
                    clients.start_soon(write, api, steps, acknowledged)
                for _ in range(late):
                    await trio.lowlevel.checkpoint()
                joined = Watcher("")  # one that comes in the middle
                await joined.begin(api)
                nursery.start_soon(joined.answer.run, joined.take)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        for watcher in (*watchers, joined):
            _, listed = await api("GET", f"{PATH}?{watcher.selector}")
            assert watcher.known == {one["metadata"]["name"]: version(one) for one in listed["items"]}
        revisions = [revision for _, revision in acknowledged if revision is not None]
        assert len(revisions) >= len(set(revisions))

    trio.run(run)


@examples(25)
@given(st.integers(1, 12), st.integers(1, 5), st.lists(st.integers(0, 11), max_size=6))
def test_pages_are_one_snapshot_whatever_is_written_between_them(count, limit, changed):
    async def run():
        api = Api()
        await api.make_namespace()
        for number in range(count):
            await api("POST", PATH, {"metadata": {"name": f"n{number:02}"}})
        _, whole = await api("GET", PATH)
        pages, token, pending = [], "", list(changed)
        while True:
            code, page = await api("GET", f"{PATH}?limit={limit}&continue={token}")
            assert code == 200 and len(page["items"]) <= limit
            assert page["metadata"]["resourceVersion"] == whole["metadata"]["resourceVersion"]
            pages += page["items"]
            left = count - len(pages)
            assert page["metadata"].get("remainingItemCount", 0) == left
            token = page["metadata"].get("continue", "")
            if not token:
                break
            if pending:
                number = pending.pop() % count
                await api("DELETE", f"{PATH}/n{number:02}")
                await api("POST", PATH, {"metadata": {"name": f"m{number:02}-{len(pending)}"}})
        assert pages == whole["items"]

    trio.run(run)
