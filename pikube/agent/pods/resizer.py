"""Shell: gives running containers of one pod what they declare now, and says why not yet.

Enter: what was observed, the board's other pods. Leave: resized containers, a condition, events. One a worker. The
rules are `resizing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from pikube.agent.pods.board import Board
from pikube.agent.pods.container_specs import size_of
from pikube.agent.pods.decision import Observed
from pikube.agent.pods.memory import WorkerMemory
from pikube.agent.pods.probes import known_status
from pikube.agent.pods.resizing import differing, resizable, resize_problem
from pikube.agent.runtime.contract import RuntimeFailure
from pikube.api.kinds.core_pod import Pod

AGAIN_S = 10.0  # other pods may have gone, or memory been given back

Say = Callable[[str, str, str], None]
"""(event type, reason, message)"""


class Resizer:
    """Keeps `memory.sizes` and `memory.may_resize` true, by which the decision goes."""

    def __init__(self, board: Board, memory: WorkerMemory, say: Say) -> None:
        self._board = board
        self._memory = memory
        self._say = say
        self._problem: tuple[str, str] | None = None  # reason and message of PodResizePending
        self._failure = ""
        self._not_before = 0.0

    def look(self, pod: Pod, observed: Observed, neighbours: Callable[[], list[Pod]]) -> None:
        """What running containers have, and whether what they are to have may be given. One that was started by a
        former life has what its status says."""
        memory, sizes, has_other = self._memory, {}, False
        for container in resizable(pod):
            newest = observed.newest(container.name)
            if newest is None or newest.state != "running":
                continue
            told = known_status(pod, container.name, newest)
            adopted = (
                told.resources if told is not None and told.resources is not None else container.resources
            )
            sizes[newest.id] = memory.sizes.get(newest.id, adopted)
            has_other = has_other or bool(differing(container, sizes[newest.id]))
        memory.sizes = sizes
        problem = None
        if has_other:
            problem = resize_problem(pod, neighbours(), self._board.references.allocatable())
        else:
            self._failure = ""
        if problem is not None and problem != self._problem:
            self._say("Warning", f"Resize{problem[0]}", problem[1])
        self._problem = problem
        memory.may_resize = problem is None and trio.current_time() >= self._not_before

    async def resize(self, declared: Any, identity: str) -> None:
        """A failure is tried again, and holds nothing else up."""
        try:
            await self._board.runtime.resize_container(identity, size_of(declared))
        except RuntimeFailure as failure:
            self._failure = failure.message
            self._not_before = trio.current_time() + AGAIN_S
            self._say("Warning", "ResizeError", f"Container {declared.name}: {failure.message}")
            return
        self._memory.sizes[identity] = declared.resources
        self._say("Normal", "ResizeCompleted", f"Pod resize completed: container {declared.name}")

    def condition(self) -> tuple[str, str, str] | None:
        """(type, reason, message) while a change is not in force."""
        if self._problem is not None:
            return ("PodResizePending", *self._problem)
        return ("PodResizeInProgress", "Error", self._failure) if self._failure else None

    def again_s(self) -> float:
        """When to look again at a change that had to wait."""
        return float("inf") if self._memory.may_resize else AGAIN_S
