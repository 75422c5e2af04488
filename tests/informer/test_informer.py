from __future__ import annotations

import itertools
from contextlib import asynccontextmanager

import trio
import trio.testing
from fakes.fake_api import FakeApi

from pikube.api.client import ConnectionLost
from pikube.api.errors import Expired, Forbidden
from pikube.api.kinds.core_config import ConfigMap, Namespace, Secret, ServiceAccount
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Endpoints, Service
from pikube.api.kinds.meta import ObjectMeta
from pikube.informer.cache import ObjectKey
from pikube.informer.informer import FIRST_BACKOFF_S, MAX_BACKOFF_S, Informer, Informers


def config_map(name, **data):
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default"), data=data)


async def settled():
    await trio.testing.wait_all_tasks_blocked(0.001)


class Breaking(FakeApi):
    """Raises what `failures` holds at the next list."""

    def __init__(self):
        super().__init__()
        self.failures = []
        self.lists = 0

    async def list(self, cls, namespace=None, **selectors):
        self.lists += 1
        if self.failures:
            raise self.failures.pop()
        return await super().list(cls, namespace, **selectors)


async def test_what_was_there_and_what_comes_is_in_the_cache(autojump_clock):
    api = FakeApi()
    api.create_nowait(config_map("old"))
    informer = Informer(api, ConfigMap)
    changes = []
    informer.subscribe(
        lambda old, new: changes.append((old and old.metadata.name, new and new.metadata.name))
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(informer.run)
        api.create_nowait(config_map("new"))
        api.update_nowait(config_map("new", a="b"))
        api.delete_nowait(ConfigMap, "old", "default")
        await informer.wait_revision(api.revision)
        assert [obj.metadata.name for obj in informer.cache] == ["new"]
        assert changes == [(None, "old"), (None, "new"), ("new", "new"), ("old", None)]
        assert informer.statistics().is_synced
        nursery.cancel_scope.cancel()


async def test_a_late_subscriber_is_told_what_is_known(autojump_clock):
    api = FakeApi()
    api.create_nowait(config_map("a"))
    informers = Informers(api)
    informers.of(ConfigMap)
    async with trio.open_nursery() as nursery:
        await nursery.start(informers.run)
        told = []
        informers.of(ConfigMap).subscribe(lambda old, new: told.append(new.metadata.name))
        assert told == ["a"]
        nursery.cancel_scope.cancel()


async def test_a_server_that_is_away_is_asked_again_and_nothing_is_missed(autojump_clock):
    api = Breaking()
    api.failures = [ConnectionLost("away"), ConnectionLost("away")]
    api.create_nowait(config_map("a"))
    informer = Informer(api, ConfigMap)
    async with trio.open_nursery() as nursery:
        await nursery.start(informer.run)
        assert [obj.metadata.name for obj in informer.cache] == ["a"]
        assert api.lists == 3
        nursery.cancel_scope.cancel()


class Away(FakeApi):
    """A server that answers from a certain time on."""

    def __init__(self, back_at):
        super().__init__()
        self.back_at = back_at

    async def list(self, cls, namespace=None, **selectors):
        if trio.current_time() < self.back_at:
            raise ConnectionLost("away")
        return await super().list(cls, namespace, **selectors)


async def test_who_reaches_a_server_that_was_away_tells_all_others(autojump_clock):
    """Their pauses are long by then, and a board would know half of what there is: Services without endpoints."""
    kinds = (ConfigMap, Endpoints, Namespace, Node, Pod, Secret, Service, ServiceAccount)
    for _ in range(20):
        start = trio.current_time()
        api = Away(start + 300)
        informers = Informers(api)
        synced = []
        async with trio.open_nursery() as nursery:
            for kind in kinds:
                informers.of(kind)
            nursery.start_soon(informers.run)
            for kind in kinds:
                await informers.of(kind).wait_synced()
                synced.append(trio.current_time() - api.back_at)
            nursery.cancel_scope.cancel()
        assert max(synced) - min(synced) < 0.1
        assert max(synced) <= MAX_BACKOFF_S


async def test_an_informer_that_is_refused_keeps_its_pause_whoever_is_answered(autojump_clock):
    api = Breaking()
    api.failures = [Forbidden("no")] * 3
    informers = Informers(api)
    informer = informers.of(ConfigMap)

    async def answered_all_the_time():
        while True:
            informers.reached.tell()
            await trio.sleep(0.001)

    async with trio.open_nursery() as nursery:
        began = trio.current_time()
        nursery.start_soon(answered_all_the_time)
        await nursery.start(informers.run)
        await informer.wait_synced()
        assert trio.current_time() - began > FIRST_BACKOFF_S * (1 + 2 + 4) / 2
        nursery.cancel_scope.cancel()


async def test_a_watch_that_was_good_for_long_is_taken_up_again_soon(autojump_clock):
    watches = []

    class Cut(FakeApi):
        def watch(self, cls, namespace=None, **options):
            watches.append(trio.current_time())
            if len(watches) <= 8:
                raise ConnectionLost("away")  # so that the back-off is at its longest
            return lasting()

    @asynccontextmanager
    async def lasting():
        async def events():
            await trio.sleep(600)
            raise ConnectionLost("hung up")
            yield

        yield events()

    api = Cut()
    async with trio.open_nursery() as nursery:
        await nursery.start(Informer(api, ConfigMap).run)
        await trio.sleep(5000)
        nursery.cancel_scope.cancel()
    pauses = [later - earlier for earlier, later in itertools.pairwise(watches)]
    assert max(pauses[:8]) > 4
    assert all(600 < pause <= 600.3 for pause in pauses[8:]), pauses


async def test_an_expired_watch_lists_anew_and_drops_what_went_meanwhile(autojump_clock):
    api = Breaking()
    api.create_nowait(config_map("goes"))
    api.create_nowait(config_map("stays"))
    informer = Informer(api, ConfigMap)
    gone = []
    informer.subscribe(lambda old, new: gone.append(old.metadata.name) if new is None else None)

    original = api.watch
    broken = []

    def watch(cls, namespace=None, **options):
        if not broken:
            broken.append(True)
            api.delete_nowait(ConfigMap, "goes", "default")
            raise Expired.watch(1, 2)
        return original(cls, namespace, **options)

    api.watch = watch
    async with trio.open_nursery() as nursery:
        await nursery.start(informer.run)
        await settled()
        assert gone == ["goes"]
        assert informer.cache.get(ObjectKey("default", "stays")) is not None
        nursery.cancel_scope.cancel()


async def test_informers_that_were_asked_for_nothing_yet_take_a_kind_later(autojump_clock):
    api = FakeApi()
    api.create_nowait(config_map("old"))
    informers = Informers(api)
    async with trio.open_nursery() as nursery:
        await nursery.start(informers.run)
        await settled()
        informer = informers.of(ConfigMap)
        await informer.wait_synced()
        assert len(informer.cache) == 1
        nursery.cancel_scope.cancel()
