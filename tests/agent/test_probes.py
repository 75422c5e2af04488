"""Probes by their thresholds, periods and time-outs, in virtual time."""

import math
from contextlib import asynccontextmanager

import pytest
import trio

from pikube.agent.pods.decision import Observed
from pikube.agent.pods.probes import BEGIN_S, ProbeErrored, ProbeSet, run_handler
from pikube.agent.runtime.contract import Container, RuntimeFailure
from pikube.api.kinds.core_container import Container as Declared
from pikube.api.kinds.core_container import ExecAction, Probe, TCPSocketAction
from pikube.api.kinds.core_pod import Pod, PodSpec


class Session:
    """A command that says something, takes a while and ends with a code."""

    def __init__(self, code, takes_s, runtime):
        self.code, self.takes_s, self.runtime = code, takes_s, runtime

    async def output(self):
        yield 1, b"sick\n"
        await trio.sleep(self.takes_s)

    async def exit_code(self):
        return self.code

    async def is_sound(self):
        return not self.runtime.is_silent


class FakeRuntime:
    """Answers by the time since the test began: `story(at) -> (code, seconds that it takes)`. A code of None is a
    Podman that fails, infinite seconds before it one that is stuck."""

    def __init__(self, story):
        self.story, self.began_at, self.asked_at = story, trio.current_time(), []

    @asynccontextmanager
    async def command(self, container, command):
        at = trio.current_time() - self.began_at
        self.asked_at.append(at)
        code, takes_s = self.story(at)
        if code is None:
            await trio.sleep(takes_s)
            raise RuntimeFailure("podman does not answer")
        yield Session(code, takes_s, self)

    is_silent = False


RUNNING = Observed(
    None,
    {
        "c": (
            Container(
                id="id",
                pod_uid="u",
                name="c",
                attempt=0,
                spec_hash="",
                state="running",
                image="",
                image_id="",
            ),
        )
    },
)


def probe(**more):
    return Probe(exec=ExecAction(command=("look",)), **{"period_seconds": 10, "failure_threshold": 3, **more})


async def watched(story, until_s, fresh=frozenset({"id"}), ends_at=math.inf, **probes):
    """(when it changed and to what, events, the runtime) of a container with these probes, whose pod must go at
    `ends_at`."""
    declared = Declared(name="c", **{f"{kind}_probe": one for kind, one in probes.items()})
    pod = Pod(spec=PodSpec(containers=(declared,)))
    runtime, said, seen = FakeRuntime(story), [], []

    def changed(type_, reason, message, container):
        if reason:
            said.append(message)
        look()

    def look():
        word = (
            "unhealthy"
            if probe_set.unhealthy()
            else "ready"
            if probe_set.ready_names(pod, RUNNING)
            else "started"
            if probe_set.started_names(pod, RUNNING)
            else "starting"
        )
        if not seen or seen[-1][1] != word:
            seen.append((trio.current_time() - runtime.began_at, word))

    async with trio.open_nursery() as nursery:
        probe_set = ProbeSet(changed)
        probe_set.nursery = nursery
        probe_set.follow(pod, RUNNING, "10.0.0.1", runtime, fresh)
        look()
        with trio.move_on_after(until_s):
            await trio.sleep(ends_at)
            probe_set.is_ending = True
            await trio.sleep_forever()
        nursery.cancel_scope.cancel()
    return seen, said, runtime


def healthy(at):
    return 0, 0.0


async def test_readiness_waits_for_its_delay_and_its_successes(autojump_clock):
    seen, _, runtime = await watched(
        healthy, 60, readiness=probe(initial_delay_seconds=5, success_threshold=2)
    )
    assert seen == [(0, "started"), (15, "ready")]
    assert runtime.asked_at == [5, 15, 25, 35, 45, 55]


async def test_readiness_is_lost_after_its_failures_and_comes_back(autojump_clock):
    seen, said, _ = await watched(
        lambda at: (int(15 < at < 55), 0.0), 100, readiness=probe(failure_threshold=3)
    )
    assert seen == [(0, "started"), (0, "ready"), (40, "started"), (60, "ready")]
    assert said == ["Readiness probe failed: sick"] * 4


async def test_one_failure_in_between_is_none(autojump_clock):
    seen, _, _ = await watched(lambda at: (int(at % 30 > 9), 0.0), 200, liveness=probe())
    assert [word for _, word in seen] == ["ready"]


async def test_liveness_ends_a_container_after_its_failures(autojump_clock):
    seen, said, runtime = await watched(lambda at: (1, 0.0), 100, liveness=probe(period_seconds=2))
    assert seen[-1] == (4, "unhealthy") and len(runtime.asked_at) == 3
    assert said[0] == "Liveness probe failed: sick"


async def test_startup_holds_the_others_back_and_fails_for_good(autojump_clock):
    late, _, runtime = await watched(
        lambda at: (int(at < 45), 0.0),
        80,
        startup=probe(failure_threshold=6),
        liveness=probe(),
        readiness=probe(),
    )
    assert late[0] == (0, "starting") and late[-1] == (50, "ready")
    assert runtime.asked_at[:6] == [0, 10, 20, 30, 40, 50]
    never, _, _ = await watched(lambda at: (1, 0.0), 100, startup=probe(failure_threshold=4))
    assert never == [(0, "starting"), (30, "unhealthy")]


async def test_a_command_that_takes_too_long_has_failed(autojump_clock):
    seen, said, _ = await watched(
        lambda at: (0, 9.0), 100, liveness=probe(timeout_seconds=2, failure_threshold=2)
    )
    assert seen[-1] == (14, "unhealthy")
    assert said[0] == "Liveness probe failed: command timed out after 2s"


@pytest.mark.parametrize("stuck_s", [0.0, math.inf])
async def test_a_podman_that_fails_or_is_stuck_costs_no_healthy_container(autojump_clock, stuck_s):
    def story(at):
        return (None, stuck_s) if 15 < at < 500 else (0, 0.0)

    seen, said, _ = await watched(story, 900, liveness=probe(), readiness=probe())
    assert [word for _, word in seen] == ["started", "ready"]
    words = f"did not begin the command within {BEGIN_S:g}s" if stuck_s else "podman does not answer"
    assert (
        all("probe errored and resulted in unknown state" in each and words in each for each in said) and said
    )


async def test_a_podman_that_is_slow_to_begin_is_not_the_containers_fault(autojump_clock):
    stopped = FakeRuntime(lambda at: (0, 5))
    stopped.is_silent = True
    with pytest.raises(ProbeErrored, match="fell silent"):
        await run_handler(probe(), "id", "10.0.0.1", stopped, Declared(name="c"), 1.0)

    class Slow(FakeRuntime):
        @asynccontextmanager
        async def exec(self, *argv, **more):
            await trio.sleep(4)
            yield Session(0, 0.5)

    slow = Slow(healthy)
    await run_handler(probe(), "id", "10.0.0.1", slow, Declared(name="c"), 1.0)


async def test_delays_count_from_the_start_of_the_container_also_behind_a_startup_probe(autojump_clock):
    seen, _, runtime = await watched(
        lambda at: (0 if at >= 30 else 1, 0.0),
        45,
        startup=probe(failure_threshold=9),
        readiness=probe(initial_delay_seconds=25),
    )
    assert seen == [(0, "starting"), (30, "started"), (30, "ready")]
    assert runtime.asked_at == [0, 10, 20, 30, 30, 40]


async def test_probes_of_containers_that_ran_on_are_spread_over_their_period(autojump_clock):
    _, _, runtime = await watched(healthy, 45, fresh=frozenset(), liveness=probe(initial_delay_seconds=3600))
    first, *later = runtime.asked_at
    assert 0 <= first < 10, "it has run for years, and its delay is over"
    assert later == pytest.approx([first + 10 * n for n in range(1, len(later) + 1)])


async def test_a_pod_that_goes_is_not_called_unhealthy(autojump_clock):
    seen, said, runtime = await watched(
        lambda at: (0 if at < 15 else 1, 0.0),
        100,
        ends_at=14,
        liveness=probe(failure_threshold=1),
        readiness=probe(period_seconds=30, failure_threshold=1),
    )
    assert runtime.asked_at == [0, 0, 10, 30, 60, 90]
    assert seen[-1] == (30, "started"), "who is not ready any more is told"
    assert not any(words.startswith("Liveness") for words in said)


async def test_a_port_that_has_no_such_name_is_nobodys_failure(autojump_clock):
    nameless = Probe(tcp_socket=TCPSocketAction(port="nope"), period_seconds=10, failure_threshold=1)
    seen, said, _ = await watched(healthy, 25, liveness=nameless)
    assert seen == [(0, "ready")]
    words = (
        'Liveness probe errored and resulted in unknown state: strconv.Atoi: parsing "nope": invalid syntax'
    )
    assert said == [words] * 3
