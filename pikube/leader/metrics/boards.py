"""Shell: asks the boards' kubelets what is used there, when somebody wants to know and never else.

Enter: the way to a node's kubelet. Leave: a BoardUse each, in memory only. Who asks again soon gets what is known;
who asks while a question is under way waits for its answer. A board that does not answer is simply unknown.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
import trio

from pikube.api.errors import ApiError
from pikube.leader.metrics.summary import BoardUse, read_summary
from pikube.wire.messages import Answer, Handler, Peer, Response, StreamResponse

log = logging.getLogger("pikube.metrics")

FRESH_S = 2.0  # several who look at the same time are one question; metrics-server asks every 15 s
ANSWER_S = 6.0  # a kubelet that was idle measures for a second; more means that the board is busy or away
AT_ONCE = 16  # questions under way: a hundred boards should not be a hundred connections at one instant
FORGET_S = 120.0

FindKubelet = Callable[[str], Handler | None]


@dataclass(slots=True)
class Question:
    """Implements pikube.wire.messages.Request: GET /stats/summary."""

    method: str = "GET"
    path: str = "/stats/summary"
    raw_path: str = "/stats/summary"
    query: str = "only_cpu_and_memory=true"
    headers: Mapping[str, str] = field(default_factory=dict)
    peer: Peer = field(default_factory=lambda: Peer("127.0.0.1", 0))

    async def body(self, limit_bytes: int) -> bytes:
        return b""

    async def read_chunk(self) -> bytes:
        return b""


@dataclass(slots=True)
class _Board:
    lock: trio.Lock = field(default_factory=trio.Lock)
    asked_at: float = float("-inf")
    use: BoardUse | None = None


class BoardMetrics:
    """What the boards use, by node name."""

    def __init__(self, find_kubelet: FindKubelet) -> None:
        self._find = find_kubelet
        self._boards: dict[str, _Board] = {}
        self._limit = trio.CapacityLimiter(AT_ONCE)

    async def of(self, nodes: Iterable[str]) -> dict[str, BoardUse]:
        """Of those that answer."""
        names = set(nodes)
        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(self._refresh, name)
        found = {name: board.use for name in names if (board := self._boards.get(name)) and board.use}
        self._forget(trio.current_time() - FORGET_S)
        return found

    def known(self, node: str) -> BoardUse | None:
        """What was last heard; for decisions that may not wait, after `of`."""
        board = self._boards.get(node)
        return board.use if board is not None else None

    async def _refresh(self, name: str) -> None:
        board = self._boards.setdefault(name, _Board())
        async with board.lock:
            if trio.current_time() - board.asked_at < FRESH_S:
                return
            async with self._limit:
                board.use = await self._ask(name)
            board.asked_at = trio.current_time()

    async def _ask(self, name: str) -> BoardUse | None:
        kubelet = self._find(name)
        if kubelet is None:
            return None
        try:
            with trio.fail_after(ANSWER_S):
                return read_summary(await content_of(await kubelet(Question())))
        except (ApiError, OSError, msgspec.MsgspecError, ValueError, trio.TooSlowError) as error:
            log.info("event=metrics_missing node=%s why=%r", name, str(error) or type(error).__name__)
            return None

    def _forget(self, before: float) -> None:
        for name in [name for name, board in self._boards.items() if board.asked_at < before]:
            if not self._boards[name].lock.locked():
                del self._boards[name]


async def content_of(answer: Answer) -> bytes:
    """The body of an answer, complete or streamed. ValueError for a status that is not 200."""
    if answer.status != 200:
        raise ValueError(f"the kubelet answered with status {answer.status}")
    if isinstance(answer, Response):
        return b"".join(answer.chunks)
    if not isinstance(answer, StreamResponse):
        raise ValueError("the kubelet answered with an upgrade")
    chunks: list[bytes] = []

    async def take(chunk: bytes) -> None:
        chunks.append(chunk)

    await answer.run(take)
    return b"".join(chunks)
