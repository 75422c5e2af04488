"""When Podman's service is ended for being stuck: never while it only is slow, always when nobody is there."""

import math

import pytest
import trio

from pikube.agent.runtime.overseer import ABANDON_S, SILENT_S, SUSPECT_S, watch_over

PING_S = 10.0


class FakePodman:
    """A service that is stuck from one time to another, with a call that waits since another."""

    def __init__(self, *, call_at=math.inf, call_s=math.inf, stuck_at=math.inf):
        self.call_at, self.call_s, self.stuck_at = call_at, call_s, stuck_at
        self.pings, self.said, self.ended_at = 0, [], []

    def waiting_s(self):
        now = trio.current_time()
        return now - self.call_at if self.call_at <= now < self.call_at + self.call_s else 0.0

    async def answers(self):
        self.pings += 1
        if trio.current_time() < self.stuck_at:
            return True
        await trio.sleep(PING_S)
        return False

    def was_restarted(self, words):
        self.said.append(words)

    def end(self):
        self.ended_at.append(trio.current_time())
        self.call_at = self.stuck_at = math.inf  # calls fail, and the next service is a new one


async def looked_after(for_s, **story):
    """The fake after so many seconds; times of the story are from now."""
    now = trio.current_time()
    podman = FakePodman(**{name: value if name == "call_s" else now + value for name, value in story.items()})
    with trio.move_on_after(for_s):
        await watch_over(podman, podman.end)
    return podman, [at - now for at in podman.ended_at]


@pytest.mark.parametrize(
    ("story", "is_asked"),
    [
        ({}, False),
        ({"stuck_at": 0.0}, False),  # nobody asks anything: it may sleep
        ({"call_at": 0.0, "call_s": 9.0}, False),
        ({"call_at": 0.0, "call_s": 200.0}, True),  # a start on a worn card
    ],
)
async def test_a_service_that_sleeps_or_is_slow_is_let_alone(autojump_clock, story, is_asked):
    podman, ended_at = await looked_after(1000.0, **story)
    assert ended_at == [] and bool(podman.pings) == is_asked


async def test_a_service_that_answers_nothing_is_ended_within_a_minute_and_said_so(autojump_clock):
    podman, ended_at = await looked_after(1000.0, call_at=100.0, stuck_at=90.0)
    assert len(ended_at) == 1 and 100 + SUSPECT_S + SILENT_S <= ended_at[0] <= 160
    assert "has not answered" in podman.said[0] and "containers run on" in podman.said[0]


async def test_a_call_that_waits_for_a_lost_lock_ends_a_service_that_answers_pings(autojump_clock):
    _, ended_at = await looked_after(1000.0, call_at=0.0)
    assert len(ended_at) == 1 and ABANDON_S <= ended_at[0] <= ABANDON_S + 10
