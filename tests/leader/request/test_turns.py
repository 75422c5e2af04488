"""Under load users take turns, however many requests each of them has waiting."""

import pytest
import trio

from pikube.leader.request.turns import Turns


@pytest.fixture
async def turns(nursery):
    made = Turns(batch=4)
    await nursery.start(made.run)
    return made


async def crowd(nursery, turns, user, count, begun):
    async def ask():
        await turns.take(user)
        begun.append(user)

    for _ in range(count):
        nursery.start_soon(ask)


async def test_one_request_is_not_kept_behind_hundreds_of_somebody_else(turns, nursery):
    begun = []
    await crowd(nursery, turns, "noisy", 300, begun)
    for _ in range(2):
        await trio.lowlevel.checkpoint()  # all of them have asked
    assert len(turns) > 200
    await turns.take("quiet")
    assert len(begun) < 50


async def test_everybody_is_served_in_the_end_and_nothing_is_kept(turns):
    begun = []
    async with trio.open_nursery() as nursery:
        for user, count in (("a", 100), ("b", 30), ("c", 1)):
            await crowd(nursery, turns, user, count, begun)
    assert (begun.count("a"), begun.count("b"), begun.count("c")) == (100, 30, 1)
    assert len(turns) == 0 and not turns._waiting


async def test_users_take_turns(turns):
    begun = []
    async with trio.open_nursery() as nursery:
        await crowd(nursery, turns, "a", 200, begun)
        await crowd(nursery, turns, "b", 60, begun)
    last = max(number for number, user in enumerate(begun) if user == "b")
    assert last < 160, "b got every second turn while it waited"


async def test_who_goes_away_keeps_nobody_up(turns):
    begun = []
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as leaving:
                await crowd(leaving, turns, "gone", 200, [])
                await crowd(nursery, turns, "stays", 20, begun)
                scope.cancel()
    assert len(begun) == 20 and len(turns) == 0


async def test_a_request_alone_passes_without_waiting(turns):
    for _ in range(4):
        await turns.take("a")
    assert len(turns) == 0
