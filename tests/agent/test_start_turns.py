"""Starts take turns; one that hangs keeps nobody for long."""

import trio
import trio.testing

from pikube.agent.runtime.turns import Turns

COUNT, PATIENCE_S = 2, 30.0


async def begun(*lengths_s):
    """When each of the tasks, which come in this order, had its turn."""
    turns, at = Turns(COUNT, PATIENCE_S), {}
    start = trio.current_time()

    async def work(number, length_s):
        async with turns.turn():
            at[number] = trio.current_time() - start
            await trio.sleep(length_s)

    async with trio.open_nursery() as nursery:
        for number, length_s in enumerate(lengths_s):
            nursery.start_soon(work, number, length_s)
            await trio.testing.wait_all_tasks_blocked()
    return [at[number] for number in range(len(lengths_s))]


async def test_so_many_at_once_in_the_order_they_came(autojump_clock):
    assert await begun(5, 5, 5, 5, 5) == [0, 0, 5, 5, 10]
    assert await begun(1, 9, 1, 1) == [0, 0, 1, 2]


async def test_those_that_hang_keep_the_others_no_longer_than_ones_patience(autojump_clock):
    assert await begun(900, 900, 1, 1, 1) == [0, 0, 30, 30, 31]


async def test_one_that_is_cancelled_gives_its_turn_back(autojump_clock):
    turns = Turns(1, PATIENCE_S)
    with trio.move_on_after(3):
        async with turns.turn():
            await trio.sleep_forever()
    with trio.fail_after(1):
        async with turns.turn():
            pass
