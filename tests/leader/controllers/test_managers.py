"""Two leaders' controllers and schedulers against one API, in virtual time: one acts, the other takes over."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial

import trio
from fakes.fake_api import START_AT, FakeApi
from objects import new_deployment, node

from pikube.api.client import ConnectionLost
from pikube.api.kinds.apps import Deployment, ReplicaSet
from pikube.api.kinds.coordination import Lease
from pikube.api.kinds.core_pod import Pod
from pikube.informer.informer import Informers
from pikube.informer.loop import ControllerLoop, run_loops
from pikube.informer.recorder import Recorder
from pikube.leader.controllers.deployment import DEPLOYMENTS
from pikube.leader.controllers.replica_set import REPLICA_SETS
from pikube.leader.election import LEASE_S, RENEW_S, RETRY_S, Election
from pikube.leader.scheduler.scheduler import Scheduler

WORK = (Deployment, ReplicaSet, Pod)


def wall_clock():
    return START_AT + trio.current_time()


class Line:
    """One manager's line to the API: writes down what it does to workloads, and may be cut."""

    def __init__(self, api, name, diary):
        self.api, self.name, self.diary = api, name, diary
        self.is_cut = False
        self.hangs_after = None  # so many entries nothing gets through
        self._open = trio.Event()

    def let_go(self):
        self.hangs_after = None
        self._open.set()
        self._open = trio.Event()

    async def _reach(self, what=None):
        await trio.lowlevel.checkpoint()
        if self.is_cut:
            raise ConnectionLost("the cable is cut")
        if self.hangs_after is not None and len(self.diary) >= self.hangs_after:
            await self._open.wait()
        if what is not None and what in WORK:
            self.diary.append((trio.current_time(), self.name))

    async def get(self, cls, name, namespace=""):
        await self._reach()
        return await self.api.get(cls, name, namespace)

    async def list(self, cls, namespace=None, **selectors):
        await self._reach()
        return await self.api.list(cls, namespace, **selectors)

    def watch(self, cls, namespace=None, **wishes):
        return self.api.watch(cls, namespace, **wishes)

    async def create(self, obj):
        await self._reach(type(obj))
        return await self.api.create(obj)

    async def create_subresource(self, cls, name, namespace, subresource, body):
        await self._reach(cls)
        return await self.api.create_subresource(cls, name, namespace, subresource, body)

    async def update(self, obj, *, subresource=""):
        await self._reach(type(obj))
        return await self.api.update(obj, subresource=subresource)

    async def patch(self, cls, name, namespace, patch, **more):
        await self._reach(cls)
        return await self.api.patch(cls, name, namespace, patch, **more)

    async def delete(self, cls, name, namespace="", **wish):
        await self._reach(cls)
        return await self.api.delete(cls, name, namespace, **wish)


class Manager:
    """As run.py builds them: informers always, the scheduler and the controllers each under its Lease."""

    def __init__(self, api, name, diary):
        self.line = Line(api, name, diary)
        self.life = trio.CancelScope()
        self.name = name

    async def run(self, task_status=trio.TASK_STATUS_IGNORED):
        with self.life:
            informers, recorder = Informers(self.line), Recorder(self.line)
            loops = [
                ControllerLoop(c, self.line, informers, recorder, wall_clock=wall_clock)
                for c in (DEPLOYMENTS, REPLICA_SETS)
            ]
            scheduler = Scheduler(self.line, informers, recorder, wall_clock=wall_clock)
            works = {
                "kube-scheduler": scheduler.run,
                "kube-controller-manager": partial(run_loops, loops, wall_clock=wall_clock),
            }
            async with trio.open_nursery() as nursery:
                await nursery.start(recorder.run)
                await nursery.start(informers.run)
                for lease, work in works.items():
                    await nursery.start(Election(self.line, lease, self.name).run, work)
                task_status.started()
                await trio.sleep_forever()

    def die(self):
        """Without a word: not even the Lease is given back."""
        self.line.is_cut = True
        self.life.cancel()


@asynccontextmanager
async def two_managers():
    api, diary = FakeApi(), []
    for name in ("board1", "board2"):
        await api.create(node(name))
    first, second = Manager(api, "first", diary), Manager(api, "second", diary)
    async with trio.open_nursery() as nursery:
        await nursery.start(first.run)
        await nursery.start(second.run)
        yield api, first, diary
        nursery.cancel_scope.cancel()


async def scaled(api, replicas):
    await api.patch(Deployment, "web", "default", {"spec": {"replicas": replicas}})


def placed(api):
    return sum(bool(p.spec.node_name) and not p.metadata.deletion_timestamp for p in api.all_of(Pod))


async def until(condition, limit_s=600.0):
    with trio.fail_after(limit_s):
        while not condition():  # noqa: ASYNC110 (time is virtual)
            await trio.sleep(0.1)


def holders(api):
    return {lease.metadata.name: lease.spec.holder_identity for lease in api.all_of(Lease, "kube-system")}


def actors(diary):
    """Who acted, in order, without repetition."""
    found = []
    for _, name in diary:
        if not found or found[-1] != name:
            found.append(name)
    return found


async def test_the_second_takes_over_when_the_first_dies_and_finishes_what_it_began(autojump_clock):
    async with two_managers() as (api, first, diary):
        await api.create(new_deployment(replicas=3))
        await until(lambda: placed(api) == 3)
        assert actors(diary) == ["first"]
        first.die()
        died_at = trio.current_time()
        await scaled(api, 6)
        await until(lambda: placed(api) == 6)
        assert actors(diary) == ["first", "second"]
        took_s = trio.current_time() - died_at
        assert took_s <= LEASE_S + 2 * RETRY_S
        assert set(holders(api).values()) == {"second"}


async def test_a_manager_that_is_stopped_hands_over_at_once(autojump_clock):
    async with two_managers() as (api, first, diary):
        await api.create(new_deployment(replicas=3))
        await until(lambda: placed(api) == 3)
        stopped_at = trio.current_time()
        first.life.cancel()
        await scaled(api, 6)
        await until(lambda: placed(api) == 6)
        assert trio.current_time() - stopped_at <= 2 * RETRY_S
        assert actors(diary) == ["first", "second"]


async def test_who_is_cut_off_stops_before_the_other_begins_and_does_not_act_when_it_is_back(autojump_clock):
    async with two_managers() as (api, first, diary):
        await api.create(new_deployment(replicas=3))
        await until(lambda: placed(api) == 3)
        first.line.is_cut = True
        await scaled(api, 6)
        await trio.sleep(LEASE_S - RENEW_S - 1)
        first.line.is_cut = False  # just in time: it goes on
        await until(lambda: placed(api) == 6)
        assert actors(diary) == ["first"]
        first.line.is_cut = True
        await scaled(api, 9)
        await until(lambda: placed(api) == 9)
        first.line.is_cut = False
        for replicas in (3, 12):
            await scaled(api, replicas)
            await trio.sleep(2 * LEASE_S)
        assert placed(api) == 12
        assert actors(diary) == ["first", "second"]


async def test_whose_requests_hang_stops_all_the_same(autojump_clock):
    async with two_managers() as (api, first, diary):
        await api.create(new_deployment(replicas=3))
        await until(lambda: placed(api) == 3)
        first.line.hangs_after = 0
        await scaled(api, 6)
        await until(lambda: placed(api) == 6)
        first.line.let_go()
        await trio.sleep(2 * LEASE_S)
        assert actors(diary) == ["first", "second"]


async def test_who_is_stopped_in_the_middle_of_its_work_and_goes_on_later_forgets_nothing(autojump_clock):
    api, diary = FakeApi(), []
    await api.create(node("board1"))
    only = Manager(api, "only", diary)
    async with trio.open_nursery() as nursery:
        await nursery.start(only.run)
        for number, until_reached in enumerate((1, 2, 3, 5, 8)):
            wanted = len(diary) + until_reached
            only.line.hangs_after = wanted
            await api.create(new_deployment(f"web-{number}", replicas=4))
            await trio.sleep(LEASE_S + 5)  # the work is stopped meanwhile
            assert len(diary) == wanted
            only.line.let_go()
            await until(lambda count=4 * (number + 1): placed(api) == count)
        nursery.cancel_scope.cancel()
