"""Shell: whether a pod may begin on this board, asked once.

Enter: the pod, what the board knows. Leaves: the pods that must make room; Misfit. Called by the pod's worker. The
rules are `fit`. Pods and Nodes come by two watches, of which one may be ahead: what a Node says against a pod is
believed once the API has said it, too (kubernetes pkg/kubelet/lifecycle/predicate.go:generalFilter).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

import trio

from pikube.agent.pods.board import Board
from pikube.agent.pods.decision import Observed
from pikube.agent.pods.fit import Admitted, Misfit, admit
from pikube.agent.pods.node_admission import refusal
from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod

OF_NODES = ("NodeAffinity", "TaintToleration")
TOLD_S = 5.0  # the leader may be away
REJECTED = "Pod was rejected: "


class Leaving(Protocol):
    """A pod that makes room."""

    async def wait_left(self) -> None:
        """Until it has left, or has had more than its time for that."""
        ...


class Admission:
    """Of one pod; `nursery` is its worker's."""

    def __init__(
        self,
        board: Board,
        others: Callable[[], list[Pod]],
        preempt: Callable[[Iterable[Pod]], Sequence[Leaving]],
        wake: Callable[[], None],
    ) -> None:
        self._board = board
        self._others, self._preempt, self._wake = others, preempt, wake
        self.nursery: trio.Nursery | None = None
        self.is_over = False
        self.waits_for_room = False

    async def ask(self, pod: Pod, observed: Observed) -> tuple[str, str] | None:
        """The status' reason and message of a pod that is refused. What has begun here was admitted by a former
        life."""
        has_ended = pod.status.phase in ("Succeeded", "Failed")
        if observed.sandbox is not None or pod.status.container_statuses or has_ended:
            self.is_over = True
            return None
        refused = refusal(pod, self._board.enforced, self._board.pressures())
        if refused is None:
            found = await admission(pod, self._board.node(), self._newest_node, self._others)
            if isinstance(found, Misfit):
                refused = found.reason, f"{REJECTED}{found.message}"
            else:
                self._let_in(found)
        self.is_over = True
        return refused

    def _let_in(self, admitted: Admitted) -> None:
        self.is_over = True  # from now on it holds room, and nobody was asked in between
        victims = self._preempt(admitted.victims)
        if victims:
            assert self.nursery is not None
            self.waits_for_room = True
            self.nursery.start_soon(self._wait_for_room, victims)

    async def _wait_for_room(self, victims: Sequence[Leaving]) -> None:
        """A critical pod begins when those that it displaces have ended (preemption.go:evictPodsToFreeRequests)."""
        async with trio.open_nursery() as nursery:
            for victim in victims:
                nursery.start_soon(victim.wait_left)
        self.waits_for_room = False
        self._wake()

    async def _newest_node(self) -> Node:
        """The API's; the known one if it does not answer."""
        known = self._board.node()
        with suppress(ApiError, ConnectionLost), trio.move_on_after(TOLD_S):
            return await self._board.client.get(Node, known.metadata.name)
        return known


async def admission(
    pod: Pod, node: Node, newest: Callable[[], Awaitable[Node]], others: Callable[[], list[Pod]]
) -> Admitted | Misfit:
    """`newest` asks the API, or gives what is known if it does not answer."""
    found = admit(pod, node, others())
    if isinstance(found, Misfit) and found.reason in OF_NODES:
        found = admit(pod, await newest(), others())
    return found
