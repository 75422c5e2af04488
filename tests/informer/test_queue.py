from __future__ import annotations

import trio
import trio.testing

from pikube.informer.queue import BASE_RETRY_S, MAX_RETRY_S, WorkQueue


async def test_a_key_asked_for_twice_is_handed_out_once():
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    queue.add("a")
    queue.add("b")
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert queue.statistics().waiting == 0


async def test_a_key_asked_for_while_worked_on_comes_again_when_done():
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    key = await queue.get()
    queue.add("a")
    assert queue.statistics().waiting == 0
    queue.done(key)
    assert await queue.get() == "a"


async def test_every_waiting_worker_is_woken(autojump_clock):
    queue: WorkQueue[str] = WorkQueue()
    got = []

    async def worker():
        got.append(await queue.get())
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(worker)
        await trio.testing.wait_all_tasks_blocked()
        for key in "abc":
            queue.add(key)
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(got) == ["a", "b", "c"]
        nursery.cancel_scope.cancel()


async def test_a_later_wish_comes_in_time_and_the_earliest_counts(autojump_clock):
    queue: WorkQueue[str] = WorkQueue()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.run)
        start = trio.current_time()
        queue.add_after("late", 50)
        queue.add_after("soon", 20)
        queue.add_after("soon", 5)
        queue.add_after("soon", 30)
        assert await queue.get() == "soon"
        assert trio.current_time() - start == 5
        assert await queue.get() == "late"
        assert trio.current_time() - start == 50
        assert queue.statistics().delayed == 0
        nursery.cancel_scope.cancel()


async def test_failures_back_off_and_success_forgets_them():
    queue: WorkQueue[str] = WorkQueue()
    delays = [queue.retry("a") for _ in range(40)]
    assert delays[:3] == [BASE_RETRY_S, 2 * BASE_RETRY_S, 4 * BASE_RETRY_S]
    assert delays[-1] == MAX_RETRY_S
    queue.forget("a")
    assert queue.retry("a") == BASE_RETRY_S


async def test_a_queue_that_is_never_empty_lets_others_run():
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    with trio.move_on_after(0) as scope:
        while True:
            queue.done(await queue.get())
            queue.add("a")
    assert scope.cancelled_caught


async def test_a_key_that_is_dear_rests_and_what_is_asked_meanwhile_comes_together(autojump_clock):
    queue: WorkQueue[str] = WorkQueue()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.run)
        start = trio.current_time()
        queue.add("dear")
        key = await queue.get()
        queue.rest(key, 10)
        queue.add("dear")  # while it is being worked on
        queue.done(key)
        queue.add("dear")
        queue.add("cheap")
        assert await queue.get() == "cheap"
        assert await queue.get() == "dear"
        assert trio.current_time() - start == 10
        queue.done("dear")
        queue.add("dear")
        assert await queue.get() == "dear", "it has rested"
        assert trio.current_time() - start == 10
        assert queue.statistics().delayed == 0
        nursery.cancel_scope.cancel()


async def test_a_rest_that_is_over_holds_nothing_up(autojump_clock):
    queue: WorkQueue[str] = WorkQueue()
    queue.rest("dear", 5)
    await trio.sleep(6)
    queue.add("dear")
    assert await queue.get() == "dear"
