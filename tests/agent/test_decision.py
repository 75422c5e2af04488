"""What happens next to a pod: the rules of Kubernetes as a table and as laws over a small simulation."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from searches import examples

from pikube.agent.pods import decision
from pikube.agent.pods.decision import (
    RESET_AFTER_S,
    CreateSandbox,
    Fail,
    LookAgainAt,
    Memory,
    Observed,
    RemoveContainer,
    RemoveSandbox,
    StartContainer,
    StopContainer,
    StopSandbox,
    backoff_s,
    decide,
    decide_end,
)
from pikube.agent.pods.memory import WorkerMemory
from pikube.agent.runtime.contract import Container, Sandbox
from pikube.api.kinds.core_pod import Pod

SANDBOX = Sandbox("s", "u", "p", "default", True, "i")
STOPPED = Sandbox("s", "u", "p", "default", False, "i")
NOW = 1_000_000.0


def pod(containers=("a",), inits=(), sidecars=(), policy="Always", deadline=None, phase="", visitors=()):
    spec = {
        "containers": [{"name": name} for name in containers],
        "initContainers": [
            *({"name": name, "restartPolicy": "Always"} for name in sidecars),
            *({"name": name} for name in inits),
        ],
        "ephemeralContainers": [{"name": name} for name in visitors],
        "restartPolicy": policy,
        "terminationGracePeriodSeconds": 30,
    }
    if deadline is not None:
        spec["activeDeadlineSeconds"] = deadline
    status = {"phase": phase} if phase else {}
    return msgspec.convert({"metadata": {"name": "p", "uid": "u"}, "spec": spec, "status": status}, Pod)


def container(name, state="running", code=0, attempt=0, finished_at=NOW - 1000):
    return Container(
        id=f"{name}{attempt}", pod_uid="u", name=name, attempt=attempt, spec_hash="h", state=state, image="i",
        image_id="x", exit_code=code, started_at=finished_at - 5, finished_at=finished_at if state == "exited" else 0,
    )  # fmt: skip


def ended_at(at, name="a"):
    return container(name, "exited", 1, finished_at=at)


TWO_CRASHES = Memory(crashes={"a": 2})


def seen(*containers, sandbox=SANDBOX):
    by_name = {}
    for one in containers:
        by_name.setdefault(one.name, []).append(one)
    return Observed(sandbox, by_name)


@pytest.mark.parametrize(
    ("wanted", "observed", "memory", "actions"),
    [
        (pod(), Observed(), Memory(), [CreateSandbox()]),
        (pod(("a", "b")), seen(), Memory(), [StartContainer("a", 0), StartContainer("b", 0)]),
        (pod(), seen(container("a")), Memory(), []),
        (pod(inits=("i", "j")), seen(), Memory(), [StartContainer("i", 0)]),
        (pod(inits=("i", "j")), seen(container("i")), Memory(), []),
        (pod(inits=("i", "j")), seen(container("i", "exited")), Memory(), [StartContainer("j", 0)]),
        (pod(inits=("i",)), seen(container("i", "exited")), Memory(), [StartContainer("a", 0)]),
        (pod(inits=("i",)), seen(container("i", "exited", 1)), Memory(), [StartContainer("i", 1)]),
        (pod(inits=("i",), policy="Never"), seen(container("i", "exited", 1)), Memory(), [StopSandbox()]),
        (pod(sidecars=("s",), inits=("i",)), seen(), Memory(), [StartContainer("s", 0)]),
        (pod(sidecars=("s",), inits=("i",)), seen(container("s")), Memory(), [StartContainer("i", 0)]),
        (pod(sidecars=("s",)), seen(container("s", "exited"), container("a")), Memory(), [StartContainer("s", 1)]),
        # a sidecar that ends holds up nothing behind what has begun, itself waits for its back-off
        (pod(sidecars=("s",), inits=("i",)), seen(ended_at(NOW - 3, "s"), container("i", "exited")),
         Memory(crashes={"s": 2}), [LookAgainAt(NOW + 7), StartContainer("a", 0)]),
        (pod(sidecars=("s",), inits=("i", "j")), seen(ended_at(NOW - 3, "s"), container("i", "exited")),
         Memory(crashes={"s": 2}), [LookAgainAt(NOW + 7), StartContainer("j", 0)]),
        (pod(sidecars=("s", "t")), seen(ended_at(NOW - 3, "s"), container("t")),
         Memory(crashes={"s": 2}), [LookAgainAt(NOW + 7), StartContainer("a", 0)]),
        (pod(sidecars=("s",), inits=("i",)), seen(ended_at(NOW - 3, "s")),
         Memory(crashes={"s": 2}), [LookAgainAt(NOW + 7)]),
        (pod(inits=("i", "j")), seen(container("j")), Memory(), []),  # the runtime has forgotten i
        (pod(), seen(container("a", "exited")), Memory(), [StartContainer("a", 1)]),
        (pod(policy="OnFailure"), seen(container("a", "exited")), Memory(), [StopSandbox()]),
        (pod(policy="OnFailure"), seen(container("a", "exited"), sandbox=STOPPED), Memory(), []),
        (pod(policy="OnFailure"), seen(container("a", "exited", 2)), Memory(), [StartContainer("a", 1)]),
        (pod(policy="Never"), seen(container("a", "exited", 2)), Memory(), [StopSandbox()]),
        (pod(policy="Never"), seen(container("a"), sandbox=STOPPED), Memory(), [Fail("", "")]),
        (pod(policy="Never", phase="Failed"), Observed(), Memory(), []),
        (pod(phase="Failed"), seen(container("a")), Memory(), [StopContainer("a", "a0", 30)]),
        (pod(visitors=("v",)), seen(container("a")), Memory(), [StartContainer("v", 0)]),
        (pod(visitors=("v",), inits=("i",)), seen(container("i")), Memory(), [StartContainer("v", 0)]),
        (pod(visitors=("v",)), seen(container("a"), container("v", "exited", 1)), Memory(), []),
        (pod(), seen(ended_at(NOW - 3)), Memory(crashes={"a": 1}), [StartContainer("a", 1)]),
        (pod(), seen(ended_at(NOW - 3)), TWO_CRASHES, [LookAgainAt(NOW + 7)]),
        (pod(), seen(ended_at(NOW + 9999)), TWO_CRASHES, [LookAgainAt(NOW + 300)]),
        (pod(), seen(), Memory(attempts={"a": 3}), [StartContainer("a", 4)]),
        (pod(), seen(), Memory(retry_at={"a": NOW + 5}), [LookAgainAt(NOW + 5)]),
        (pod(), seen(container("a", "created")), Memory(), [RemoveContainer("a0"), StartContainer("a", 0)]),
        (pod(), seen(container("a")), Memory(unhealthy={"a": "why"}), [StopContainer("a", "a0", 30, "why")]),
        (pod(), seen(container("a")), Memory(unhealthy={"a": "why"}, graces_s={"a": 3}),
         [StopContainer("a", "a0", 3, "why")]),
        (pod(sidecars=("s",), policy="Never"), seen(container("s"), container("a", "exited")), Memory(),
         [StopContainer("s", "s0", 30)]),
    ],
)  # fmt: skip
def test_the_next_step_is_the_one_of_kubernetes(wanted, observed, memory, actions):
    assert decide(wanted, observed, memory, NOW) == actions


HOOK = {"lifecycle": {"postStart": {"exec": {"command": ["x"]}}}}


def hooked(names, *with_hook, sidecars=()):
    """A pod of which some containers have a postStart hook."""
    document = msgspec.to_builtins(pod(names, sidecars=sidecars))
    spec = document["spec"]
    for each in (*spec["containers"], *spec.get("initContainers", ())):
        each |= HOOK if each["name"] in with_hook else {}
    return msgspec.convert(document, Pod)


@pytest.mark.parametrize(
    ("wanted", "observed", "memory", "actions"),
    [
        (hooked("ab", "a"), seen(), Memory(), [StartContainer("a", 0)]),
        (hooked("ab", "b"), seen(), Memory(), [StartContainer("a", 0), StartContainer("b", 0)]),
        (hooked("ab", "a"), seen(container("a")), Memory(hooking=frozenset("a")), []),
        (hooked("ab", "a"), seen(container("a")), Memory(), [StartContainer("b", 0)]),
        (
            hooked("ab", "a"),
            seen(container("a"), container("b", "exited")),
            Memory(),
            [StartContainer("b", 1)],
        ),
        (hooked("a", "s", sidecars="s"), seen(container("s")), Memory(hooking=frozenset("s")), []),
        (hooked("a", "s", sidecars="s"), seen(container("s")), Memory(), [StartContainer("a", 0)]),
    ],
)
def test_a_hook_after_a_start_holds_back_what_comes_behind(wanted, observed, memory, actions):
    assert decide(wanted, observed, memory, NOW) == actions


def test_a_sandbox_that_ended_is_made_anew():
    dead = Sandbox("s", "u", "p", "default", False, "i")
    first, second = decide(pod(), Observed(dead), Memory(), NOW)
    assert isinstance(first, RemoveSandbox) and second == CreateSandbox()


def test_a_pod_past_its_deadline_fails_and_stops():
    actions = decide(pod(deadline=10), seen(container("a")), Memory(began_at=NOW - 11), NOW)
    assert isinstance(actions[0], Fail) and actions[0].reason == "DeadlineExceeded"
    assert actions[1] == StopContainer("a", "a0", 30)


def test_what_an_evicted_pod_wrote_goes_and_what_another_said_stays():
    ended = seen(container("a", "exited", 1))
    wanted = pod(phase="Failed")
    assert decide(wanted, ended, Memory(), NOW) == [StopSandbox()]
    wanted.status.reason = "Evicted"
    assert [type(a) for a in decide(wanted, seen(container("a")), Memory(), NOW)] == [StopContainer]
    assert [type(a) for a in decide(wanted, ended, Memory(), NOW)] == [RemoveSandbox]
    assert decide(wanted, Observed(), Memory(), NOW) == []


def test_old_attempts_are_forgotten_but_the_previous_one_is_kept():
    attempts = [container("a", "exited", 1, attempt=n) for n in range(3)] + [container("a", attempt=3)]
    assert decide(pod(), seen(*attempts), Memory(), NOW) == [RemoveContainer("a0"), RemoveContainer("a1")]


def test_the_end_stops_containers_before_sidecars_and_then_removes_the_sandbox():
    wanted = pod(sidecars=("s",))
    assert decide_end(wanted, seen(container("s"), container("a")), 5) == [StopContainer("a", "a0", 5)]
    assert decide_end(wanted, seen(container("s"), container("a", "exited")), 5) == [
        StopContainer("s", "s0", 5)
    ]
    ended = seen(container("s", "exited"), container("a", "exited"))
    assert [type(a) for a in decide_end(wanted, ended, 5)] == [RemoveSandbox]
    assert decide_end(wanted, Observed(), 5) == []


def test_a_lost_container_goes_on_counting_where_its_status_stopped():
    wanted = pod()
    status = [{"name": "a", "containerID": "podman://gone", "restartCount": 4}]
    wanted.status = msgspec.convert({"containerStatuses": status}, type(wanted.status))
    assert decide(wanted, seen(), Memory(), NOW) == [StartContainer("a", 5)]


def test_the_first_restart_is_at_once_and_then_back_off_doubles_from_ten_seconds_to_five_minutes():
    assert [backoff_s(n) for n in range(9)] == [0, 0, 10, 20, 40, 80, 160, 300, 300]


@pytest.mark.parametrize(("ran_s", "crashes"), [(RESET_AFTER_S - 1, 5), (RESET_AFTER_S, 1)])
def test_a_container_that_ran_ten_minutes_begins_its_back_off_anew(ran_s, crashes):
    memory = WorkerMemory(began_at=NOW)
    now = NOW
    for attempt, life_s in enumerate([1, 1, 1, 1, ran_s]):
        end = {"started_at": now, "finished_at": now + life_s}
        memory.learn(seen(replace(container("a", "exited", code=1, attempt=attempt), **end)))
        now += life_s + backoff_s(memory.crashes["a"])
    assert memory.crashes == {"a": crashes}
    assert backoff_s(memory.crashes["a"]) == (80 if crashes == 5 else 0)


class Machine:
    """A runtime in memory: performs actions, lets containers end as told."""

    def __init__(self, codes):
        self.sandbox = None
        self.containers = {}
        self.codes = codes
        self.now = NOW
        self.memory = WorkerMemory(began_at=NOW)

    def observed(self):
        observed = Observed(self.sandbox, {k: list(v) for k, v in self.containers.items() if v})
        self.memory.learn(observed)
        return observed

    def perform(self, action):
        match action:
            case CreateSandbox():
                self.sandbox = SANDBOX
            case StopSandbox():
                self.sandbox = STOPPED
            case RemoveSandbox():
                self.sandbox, self.containers = None, {}
            case StartContainer(name, attempt):
                before = self.containers.setdefault(name, [])
                assert all(c.state != "running" for c in before), "a predecessor runs"
                assert self.sandbox is not None
                before.append(container(name, attempt=attempt))
            case RemoveContainer(identity):
                for name, attempts in self.containers.items():
                    self.containers[name] = [c for c in attempts if c.id != identity]
            case LookAgainAt(at):
                self.now = max(self.now, at)

    def end_some(self, wanted):
        """Every init container ends; app containers end while they have exit codes left."""
        inits = {c.name for c in wanted.spec.init_containers if c.restart_policy != "Always"}
        for name, attempts in self.containers.items():
            if attempts and attempts[-1].state == "running" and (name in inits or self.codes.get(name)):
                code = self.codes[name].pop(0) if self.codes.get(name) else 0
                last = attempts[-1]
                attempts[-1] = container(name, "exited", code, last.attempt, finished_at=self.now)


NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True)
CODES = st.dictionaries(st.sampled_from("abcij"), st.lists(st.integers(0, 2), max_size=3))


@examples(60)
@given(NAMES, st.sampled_from(["Always", "OnFailure", "Never"]), CODES, st.integers(0, 5))
def test_a_pod_converges_whatever_ends_and_wherever_it_is_interrupted(names, policy, codes, cut):
    wanted = pod(tuple(names), inits=("i", "j"), policy=policy)
    machine = Machine({k: list(v) for k, v in codes.items()})
    before = msgspec.json.encode(wanted)
    for _ in range(60):
        observed = machine.observed()
        actions = decide(wanted, observed, machine.memory.frozen(), machine.now)
        assert decide(wanted, observed, machine.memory.frozen(), machine.now) == actions
        for number, action in enumerate(actions):
            if number == cut and not isinstance(action, LookAgainAt):
                break  # interrupted: the rest is decided anew
            machine.perform(action)
        cut = -1 if cut < 1 else cut
        machine.end_some(wanted)
    assert msgspec.json.encode(wanted) == before
    observed = machine.observed()
    left = decide(wanted, observed, machine.memory.frozen(), machine.now)
    assert all(isinstance(action, LookAgainAt) for action in left) or policy == "Always"
    if decision.is_over(wanted, observed):
        assert policy != "Always"


@pytest.mark.parametrize("jump_s", [30 * 365 * 86400.0, -30 * 365 * 86400.0, 3600.0])
def test_a_clock_that_is_set_by_years_ends_no_pod_and_holds_no_start_back(jump_s):
    memory = WorkerMemory(began_at=NOW)
    memory.clock_seen(NOW, 500.0)
    memory.start_failed("a", "ErrImagePull", "", NOW)
    memory.start_failed("a", "ErrImagePull", "", NOW)
    waits_s = memory.retry_at["a"] - NOW
    memory.clock_seen(NOW + jump_s + 4.0, 504.0)
    young = pod(deadline=60)
    now = NOW + jump_s + 4.0
    actions = decide(young, Observed(SANDBOX, {}), memory.frozen(), now)
    assert [action for action in actions if isinstance(action, Fail)] == []
    assert LookAgainAt(NOW + jump_s + 60) in actions and LookAgainAt(NOW + jump_s + waits_s) in actions
    memory.clock_seen(now + 57.0, 561.0)
    assert isinstance(decide(young, Observed(SANDBOX, {}), memory.frozen(), now + 57.0)[0], Fail)


def test_a_clock_that_is_slewed_moves_nothing():
    memory = WorkerMemory(began_at=NOW)
    memory.clock_seen(NOW, 500.0)
    memory.clock_seen(NOW + 101.0, 600.0)
    assert memory.began_at == NOW


def test_of_containers_that_are_gone_nothing_is_kept():
    memory = WorkerMemory(began_at=NOW)
    for attempt in range(50):
        one = container("a", "exited", 1, attempt=attempt)
        memory.fresh.add(one.id)
        memory.messages[one.id] = "bye"
        memory.learn(seen(one))
        assert memory.fresh == set(memory.messages) == {one.id}
    memory.learn(seen())
    assert memory.fresh == set(memory.messages) == set()
