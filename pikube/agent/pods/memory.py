"""Pure: what a pod worker learns from one look to the next: crashes, back-offs, failed starts.

Enter: what was observed before and now. Leave: the Memory that the decision reads. One object a worker.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pikube.agent.pods.decision import FIRST_BACKOFF_S, RESET_AFTER_S, Memory, Observed, backoff_s
from pikube.api.kinds.core_container import ContainerUser, ResourceRequirements
from pikube.api.kinds.core_pod import Pod
from pikube.api.times import parse_time

JUMP_S = 5.0  # less is a clock that is being slewed, or a board that slept between two looks
NOT_PUNISHED = ("CreateContainerConfigError", "ErrImageNeverPull", "InvalidImageName")
"""Starts that cost nothing to try again: kubelet looks at its next sync, and the cause may be cured any moment."""


@dataclass(slots=True)
class WorkerMemory:
    """Mutable; `frozen` is what the decision sees."""

    began_at: float
    crashes: dict[str, int] = field(default_factory=dict)
    counted: dict[str, str] = field(default_factory=dict)  # container name → id whose end was counted
    failures: dict[str, int] = field(default_factory=dict)  # consecutive failed starts
    retry_at: dict[str, float] = field(default_factory=dict)
    waiting: dict[str, tuple[str, str]] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    ready: set[str] = field(default_factory=set)
    unhealthy: dict[str, str] = field(default_factory=dict)
    graces_s: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    hooking: set[str] = field(default_factory=set)
    sizes: dict[str, ResourceRequirements] = field(default_factory=dict)
    may_resize: bool = True
    fresh: set[str] = field(
        default_factory=set
    )  # ids of containers that this worker started: their hooks are ours
    messages: dict[str, str] = field(default_factory=dict)  # last words by id
    users: dict[str, ContainerUser | None] = field(default_factory=dict)  # of first processes, by id
    clocks: tuple[float, float] | None = None  # the wall's and a steady one's, when last looked at

    def clock_seen(self, wall: float, steady: float) -> None:
        """The wall clock may have been set, by years on a board without a battery: what the pod has lived and waited
        for counts on as if it had not."""
        if self.clocks is not None:
            jumped_s = (wall - self.clocks[0]) - (steady - self.clocks[1])
            if abs(jumped_s) > JUMP_S:
                self.began_at += jumped_s if self.began_at else 0.0
                self.retry_at = {name: at + jumped_s for name, at in self.retry_at.items()}
        self.clocks = (wall, steady)

    def frozen(self) -> Memory:
        return Memory(
            dict(self.crashes),
            dict(self.retry_at),
            frozenset(self.started),
            dict(self.unhealthy),
            self.began_at,
            dict(self.graces_s),
            dict(self.attempts),
            frozenset(self.hooking),
            dict(self.sizes),
            self.may_resize,
        )

    def learn(self, observed: Observed) -> None:
        """Count the ends that were not counted yet; the first look after a restart of pikube takes the attempt for
        the count. Of containers that are gone nothing is kept: a pod may crash for years."""
        here = {container.id for attempts in observed.containers.values() for container in attempts}
        self.fresh &= here
        self.messages = {identity: words for identity, words in self.messages.items() if identity in here}
        self.users = {identity: user for identity, user in self.users.items() if identity in here}
        for name, attempts in observed.containers.items():
            newest = attempts[-1]
            self.attempts[name] = max(newest.attempt, self.attempts.get(name, 0))
            if newest.state == "running":
                continue
            self.started.discard(name)
            self.ready.discard(name)
            self.unhealthy.pop(name, None)
            if newest.state != "exited" or self.counted.get(name) == newest.id:
                continue
            ran_s = 0.0 if newest.never_ran else newest.finished_at - newest.started_at
            known = name in self.counted
            self.counted[name] = newest.id
            if ran_s >= RESET_AFTER_S:
                self.crashes[name] = 1
            else:
                self.crashes[name] = (self.crashes.get(name, 0) if known else newest.attempt) + 1

    def start_failed(self, name: str, reason: str, message: str, now: float) -> None:
        """A start failed: it is tried again with back-off; a pull that failed is named ImagePullBackOff then."""
        count = self.failures[name] = self.failures.get(name, 0) + 1
        wait_s = backoff_s(count + 1)
        if reason in NOT_PUNISHED:
            wait_s = min(wait_s, FIRST_BACKOFF_S)
        self.retry_at[name] = now + wait_s
        self.waiting[name] = (reason, message)

    def start_waits(self, name: str, image: str, now: float) -> None:
        """The status while a failed start waits for its next try."""
        found = self.waiting.get(name)
        if found is not None and found[0] == "ErrImagePull" and now < self.retry_at.get(name, 0.0):
            self.waiting[name] = (
                "ImagePullBackOff",
                f'Back-off pulling image "{image}": ErrImagePull: {found[1]}',
            )

    def start_succeeded(self, name: str) -> None:
        self.failures.pop(name, None)
        self.retry_at.pop(name, None)
        self.waiting.pop(name, None)

    def try_config_again(self) -> None:
        """What the pod refers to has changed: a start that failed for want of it is tried at once."""
        for name, (reason, _) in self.waiting.items():
            if reason == "CreateContainerConfigError":
                self.failures.pop(name, None)
                self.retry_at.pop(name, None)

    def forget_failures(self) -> None:
        """A new sandbox: starts that failed in the old one say nothing of it."""
        self.failures.clear()
        self.retry_at.clear()
        self.waiting.clear()


def began_at(pod: Pod) -> float:
    """When the pod began on this board; 0 for one that has not."""
    return parse_time(pod.status.start_time) if pod.status.start_time else 0.0
