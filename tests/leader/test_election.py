"""Who may work, in virtual time."""

from __future__ import annotations

import trio
import trio.testing
from fakes.fake_api import FakeApi

from pikube.api.errors import InternalError
from pikube.api.kinds.coordination import Lease
from pikube.leader.election import LEASE_S, RENEW_S, Election


class Worker:
    """Counts who is at work."""

    def __init__(self, at_work, name):
        self.at_work, self.name = at_work, name

    async def run(self, *, task_status=trio.TASK_STATUS_IGNORED):
        self.at_work.append(self.name)
        try:
            task_status.started()
            await trio.sleep_forever()
        finally:
            self.at_work.remove(self.name)


def lease(api):
    return api.get_nowait(Lease, "test", "kube-system").spec


async def test_a_single_leader_begins_at_once_renews_slowly_and_gives_the_lease_back(autojump_clock):
    api, at_work = FakeApi(), []
    async with trio.open_nursery() as nursery:
        began = trio.current_time()
        await nursery.start(Election(api, "test", "a").run, Worker(at_work, "a").run)
        assert (trio.current_time() - began, at_work) == (0.0, ["a"])
        assert lease(api).holder_identity == "a"
        writes = api.revision
        await trio.sleep(600)
        assert api.revision - writes <= 600 / RENEW_S + 1
        nursery.cancel_scope.cancel()
    assert lease(api).holder_identity == "" and at_work == []


async def test_of_two_one_works_and_the_other_takes_over_when_it_falls_silent(autojump_clock):
    api, at_work = FakeApi(), []
    first, second = Election(api, "test", "a"), Election(api, "test", "b")
    life_of_first = trio.CancelScope()

    async def live():
        with life_of_first:
            await first.run(Worker(at_work, "a").run)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(live)
        await trio.sleep(1)
        await nursery.start(second.run, Worker(at_work, "b").run)  # it may start: it only has no work
        await trio.sleep(300)
        assert at_work == ["a"]
        is_dead = False
        api.refuse = lambda verb, obj: InternalError("power cut") if is_dead else None
        is_dead = True  # not even the release gets through
        life_of_first.cancel()
        await trio.sleep(0.1)
        is_dead = False
        await trio.sleep(LEASE_S / 2)
        assert at_work == []
        await trio.sleep(LEASE_S)
        assert at_work == ["b"] and lease(api).lease_transitions == 1
        nursery.cancel_scope.cancel()


async def test_who_cannot_renew_stops_before_another_may_begin(autojump_clock):
    api, at_work = FakeApi(), []
    async with trio.open_nursery() as nursery:
        await nursery.start(Election(api, "test", "a").run, Worker(at_work, "a").run)
        api.refuse = lambda verb, obj: InternalError("the disk is full")
        await trio.sleep(LEASE_S + 1)
        assert at_work == []
        api.refuse = lambda verb, obj: None
        await trio.sleep(LEASE_S + 5)
        assert at_work == ["a"]
        nursery.cancel_scope.cancel()


async def test_a_lease_that_is_deleted_is_made_again(autojump_clock):
    api, at_work = FakeApi(), []
    async with trio.open_nursery() as nursery:
        await nursery.start(Election(api, "test", "a").run, Worker(at_work, "a").run)
        api.delete_nowait(Lease, "test", "kube-system")
        await trio.sleep(2 * RENEW_S)
        assert lease(api).holder_identity == "a" and at_work == ["a"]
        nursery.cancel_scope.cancel()
