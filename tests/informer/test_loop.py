from __future__ import annotations

import dataclasses
from contextlib import asynccontextmanager
from functools import partial

import trio
import trio.testing
from fakes.fake_api import FakeApi

from pikube.api.errors import Forbidden
from pikube.api.kinds.core_config import ConfigMap, Event, Secret
from pikube.api.kinds.meta import ObjectMeta
from pikube.informer.actions import (
    Create,
    Delete,
    DeleteAll,
    Identity,
    PatchObject,
    RecordEvent,
    RequeueAfter,
    Update,
)
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Watch, itself
from pikube.informer.informer import Informers
from pikube.informer.loop import LARGEST_BATCH, WRITES, ControllerLoop, batches, run_loops
from pikube.informer.recorder import Recorder

KEY = ObjectKey("default", "a")


def config_map(name="a", **data):
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default"), data=data)


def secret(name):
    return Secret(metadata=ObjectMeta(name=name, namespace="default"))


def controller(reconcile, *, on_failure=None, watches=(), workers=1):
    def observe(lister, key):
        found = lister.cache(ConfigMap).get(key)
        return None if found is None else (found, lister)

    return Controller(
        name="test-controller",
        watches=(Watch(ConfigMap, itself), *watches),
        observe=observe,
        reconcile=reconcile,
        on_failure=on_failure,
        workers=workers,
    )


@asynccontextmanager
async def running(api, *controllers):
    informers, recorder = Informers(api), Recorder(api)
    informers.of(Secret)
    loops = [ControllerLoop(c, api, informers, recorder) for c in controllers]
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        await nursery.start(informers.run)
        for loop in loops:
            await nursery.start(loop.run)
        yield loops[0]
        nursery.cancel_scope.cancel()


async def settled():
    await trio.testing.wait_all_tasks_blocked(0.001)


async def test_a_change_brings_its_key_and_the_actions_are_performed(autojump_clock):
    api = FakeApi()

    def reconcile(obj, lister, now):
        if obj.data.get("done"):
            return []
        done = config_map(done="yes")
        done.metadata.resource_version = obj.metadata.resource_version
        return [Update(done, said=RecordEvent(obj, "Normal", "Done", "wrote {name}"))]

    async with running(api, controller(reconcile)):
        api.create_nowait(config_map())
        await settled()
        assert api.get_nowait(ConfigMap, "a", "default").data == {"done": "yes"}
        [event] = api.all_of(Event)
        assert (event.reason, event.message, event.source.component) == ("Done", "wrote a", "test-controller")


async def test_the_next_decision_sees_every_earlier_write(autojump_clock):
    api = FakeApi()
    counts = []

    def reconcile(obj, lister, now):
        count = len(lister.cache(Secret))
        counts.append(count)
        missing = int(obj.data["wanted"]) - count
        return [Create(secret(f"s{count + i}")) for i in range(missing)]

    async with running(api, controller(reconcile)) as loop:
        for wanted in (3, 7, 20):
            data = config_map(wanted=str(wanted))
            api.create_nowait(data) if wanted == 3 else api.update_nowait(data)
            loop.queue.add(KEY)
            await settled()
    assert len(api.all_of(Secret)) == 20
    assert sorted(counts) == counts


async def test_what_was_written_for_keys_that_never_come_again_is_forgotten(autojump_clock):
    api = FakeApi()

    def reconcile(obj, lister, now):
        return [Create(secret(obj.metadata.name))]

    async with running(api, controller(reconcile)) as loop:
        for number in range(4 * WRITES):
            api.create_nowait(config_map(str(number)))
            await settled()
        assert len(api.all_of(Secret)) == 4 * WRITES
        assert loop.writes_remembered <= WRITES


async def test_creates_that_are_refused_are_asked_few_times_and_told(autojump_clock):
    api = FakeApi()
    asked = []

    def refuse(verb, obj):
        if isinstance(obj, Secret):
            asked.append(obj)
            return Forbidden("exceeded quota")
        return None

    api.refuse = refuse
    failures = []

    def on_failure(desired, observed, action, error, now):
        failures.append(error.message)
        return [RecordEvent(desired, "Warning", "FailedCreate", error.message)]

    def reconcile(obj, lister, now):
        return [Create(secret(f"s{i}")) for i in range(100)]

    async with running(api, controller(reconcile, on_failure=on_failure)) as loop:
        api.create_nowait(config_map())
        await settled()
        assert len(asked) == 1
        assert failures == ["exceeded quota"]
        assert loop.queue.statistics().retrying == 1


async def test_one_poisoned_object_does_not_stop_the_others(autojump_clock):
    api = FakeApi()
    seen = []

    def reconcile(obj, lister, now):
        if obj.metadata.name == "a":
            raise ZeroDivisionError("a bug")
        seen.append(obj.metadata.name)
        return []

    async with running(api, controller(reconcile)) as loop:
        for name in "abc":
            api.create_nowait(config_map(name))
        await settled()
        assert seen == ["b", "c"]
        await trio.sleep(600)
        statistics = loop.queue.statistics()
        assert statistics.retrying == 1, "what fails is to be seen"
        assert 15 < statistics.retries < 30, "it is tried ever more seldom"
        api.delete_nowait(ConfigMap, "a", "default")
        await trio.sleep(100)
        assert loop.queue.statistics().retrying == 0


async def test_an_object_that_breaks_the_finding_of_keys_stops_neither_the_informer_nor_other_controllers(
    autojump_clock,
):
    api = FakeApi()
    seen = []

    def keys(lister, obj):
        if obj.metadata.name == "a":
            raise ZeroDivisionError("a bug")
        return [key_of(obj)]

    def reconcile(obj, lister, now):
        seen.append(obj.metadata.name)
        return []

    breaking = dataclasses.replace(controller(reconcile), watches=(Watch(ConfigMap, keys),))
    async with running(api, breaking):
        for name in "abc":
            api.create_nowait(config_map(name))
        await settled()
        assert seen == ["b", "c"]


async def test_requeue_after_comes_in_time(autojump_clock):
    api = FakeApi()
    times = []

    def reconcile(obj, lister, now):
        times.append(trio.current_time())
        return [RequeueAfter(10)] if len(times) < 3 else []

    async with running(api, controller(reconcile)):
        api.create_nowait(config_map())
        await trio.sleep(100)
        assert [round(t - times[0]) for t in times] == [0, 10, 20]


async def test_a_conflict_makes_the_key_come_again(autojump_clock):
    api = FakeApi()
    attempts = []

    def reconcile(obj, lister, now):
        attempts.append(obj)
        if len(attempts) == 1:
            stale = config_map(done="x")
            stale.metadata.resource_version = "999"
            return [Update(stale)]
        return []

    async with running(api, controller(reconcile)):
        api.create_nowait(config_map())
        await trio.sleep(1)
        assert len(attempts) == 2


async def test_deletes_of_the_vanished_and_of_namesakes_are_no_failures(autojump_clock):
    api = FakeApi()
    kept = api.create_nowait(secret("kept"))

    def reconcile(obj, lister, now):
        return [
            Delete(Secret, ObjectKey("default", "nowhere"), "uid-x"),
            Delete(Secret, key_of(kept), "uid-of-another"),
            PatchObject(Secret, ObjectKey("default", "nowhere"), {"data": {}}),
        ]

    async with running(api, controller(reconcile)) as loop:
        api.create_nowait(config_map())
        await settled()
        assert loop.queue.statistics().retrying == 0
        assert api.all_of(Secret)


async def test_a_delete_does_not_happen_while_what_forbids_it_is_there(autojump_clock):
    api = FakeApi()
    owner, child = api.create_nowait(secret("owner")), api.create_nowait(secret("child"))

    def reconcile(obj, lister, now):
        identity = Identity(Secret, key_of(owner), owner.metadata.uid)
        return [Delete(Secret, key_of(child), child.metadata.uid, unless=(identity,))]

    async with running(api, controller(reconcile)) as loop:
        api.create_nowait(config_map())
        await settled()
        assert len(api.all_of(Secret)) == 2
        api.delete_nowait(Secret, "owner", "default")
        loop.queue.add(KEY)
        await settled()
        assert api.all_of(Secret) == []


async def test_delete_all_holds_up_what_follows_until_nothing_is_left(autojump_clock):
    api = FakeApi()
    api.create_nowait(secret("left"))

    def reconcile(obj, lister, now):
        return [
            DeleteAll((Secret,), "default"),
            Create(ConfigMap(metadata=ObjectMeta(name="end", namespace="lab"))),
        ]

    async with running(api, controller(reconcile)):
        api.create_nowait(config_map())
        await trio.sleep(1)
        assert api.all_of(Secret) == []
        assert api.get_nowait(ConfigMap, "end", "lab")


def test_creates_grow_in_batches_deletes_go_together_and_the_rest_one_by_one():
    creates = [Create(secret("x"))] * 100
    deletes = [Delete(Secret, KEY, "u")] * 40
    waits = [RequeueAfter(1), RequeueAfter(2)]
    sizes = [len(group) for group in batches([*creates, *deletes, *waits])]
    assert sizes == [1, 2, 4, 8, 16, 32, 32, 5, LARGEST_BATCH, 8, 1, 1]


async def test_a_clock_that_is_set_makes_everybody_look_who_waits_for_a_date(autojump_clock):
    api, looks = FakeApi(), []
    ahead_s = 0.0

    def wall_clock():
        return 1_700_000_000.0 + trio.current_time() + ahead_s

    def reconcile(obj, lister, now):
        looks.append(now)
        return [RequeueAfter(86_400)]

    informers, recorder = Informers(api), Recorder(api)
    loop = ControllerLoop(controller(reconcile), api, informers, recorder, wall_clock=wall_clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(informers.run)
        await nursery.start(partial(run_loops, [loop], wall_clock=wall_clock))
        api.create_nowait(config_map())
        await trio.sleep(3600)
        assert len(looks) == 1
        for jump_s in (3 * 365 * 86_400, -3 * 365 * 86_400):
            ahead_s += jump_s
            before = len(looks)
            await trio.sleep(30)
            assert len(looks) == before + 1 and abs(looks[-1] - wall_clock()) < 60
        ahead_s += 0.5
        await trio.sleep(30)
        assert len(looks) == 3, "what NTP corrects is no jump"
        nursery.cancel_scope.cancel()
