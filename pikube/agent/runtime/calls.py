"""Shell: calls to Podman's API over its unix socket, and what they tell of its health.

Enter: method, path, document. Leave: status and parsed answer, or a RuntimeFailure in Podman's words. No thread waits
for any of them. The base of everything that asks Podman.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlencode

import trio

from pikube.agent.runtime.contract import RuntimeFailure
from pikube.wire.unix_http import UnixHttpError, open_request

CALLS = 16  # at once: each is a connection of its service
PING_S = 5.0
ANSWER_S = 10.0
READ_AGAIN_S = (0.2, 1.5)  # a question may be asked again when the service has just died; it is started anew
STUCK_S = 120.0  # a call that waits longer is worth a word in the node's condition
CALL_S = 300.0  # a start on a worn card under load takes minutes (podman#11618)
API_VERSION = "4.0.0"  # the oldest whose answers have what we read; 4.3 and 5.x serve it
API = f"/v{API_VERSION}/libpod"


class PodmanCalls:
    """One API socket."""

    def __init__(self, socket_path: str) -> None:
        self.socket_path = socket_path
        self._calls = trio.CapacityLimiter(CALLS)
        self._in_flight: dict[int, float] = {}
        self._numbers = itertools.count()
        self._failing = ""
        self._is_silent = False
        self._tell_health: Callable[[], None] = lambda: None

    def tell_health(self, tell: Callable[[], None]) -> None:
        """`tell` is called when the service falls silent, and when all is well again; not for a call that failed: the
        next one may be answered by the next service."""
        self._tell_health = tell

    def _heard(self, *, failing: str | None = None, is_silent: bool | None = None) -> None:
        was_in_trouble, was_silent = bool(self._failing or self._is_silent), self._is_silent
        self._failing = self._failing if failing is None else failing
        self._is_silent = self._is_silent if is_silent is None else is_silent
        is_well = not self._failing and not self._is_silent
        if self._is_silent != was_silent or (was_in_trouble and is_well):
            self._tell_health()

    async def _call(
        self, method: str, path: str, *, body: Any = None, query: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One short call: (status, body)."""
        target = f"{API}{path}?{urlencode(query)}" if query else f"{API}{path}"
        data = json.dumps(body).encode() if body is not None else b""
        pauses = iter(READ_AGAIN_S if method == "GET" else ())
        while True:
            try:
                answer = await self._exchange(method, target, data)
                break
            except (OSError, UnixHttpError) as error:
                self._heard(failing=f"podman does not answer: {error}")
                pause_s = next(pauses, None)
                if pause_s is None:
                    raise RuntimeFailure(self._failing, "RuntimeUnavailable") from error
            except trio.TooSlowError as error:
                self._heard(failing=f"podman does not answer: timed out after {CALL_S:.0f}s")
                raise RuntimeFailure(self._failing, "RuntimeUnavailable") from error
            await trio.sleep(pause_s)
        return answer

    async def _exchange(self, method: str, target: str, data: bytes) -> tuple[int, bytes]:
        number = next(self._numbers)
        async with self._calls:
            self._in_flight[number] = trio.current_time()
            try:
                with trio.fail_after(CALL_S):
                    async with open_request(self.socket_path, method, target, data) as response:
                        answer = response.status, await response.read()
                self._heard(failing="", is_silent=False)
                return answer
            finally:
                del self._in_flight[number]

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        accepted: Sequence[int] = (),
        reason: str = "CreateContainerError",
    ) -> Any:
        """The parsed answer of a call that must succeed (or end in one of `accepted`)."""
        status, content = await self._call(method, path, body=body, query=query)
        if status >= 400 and status not in accepted:
            raise RuntimeFailure(words_of(content), reason)
        if status >= 400 or not content:
            return None
        return json.loads(content)

    @asynccontextmanager
    async def _hijacked(
        self, target: str, body: bytes = b""
    ) -> AsyncIterator[tuple[trio.SocketStream, bytes]]:
        """The raw stream of a process, and what of it was read with the answer's head."""
        async with AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(
                    open_request(self.socket_path, "POST", API + target, body, upgrade=True)
                )
                refusal = await response.read() if response.status >= 400 else b""
            except (OSError, UnixHttpError) as error:
                raise RuntimeFailure(f"podman does not answer: {error}", "RuntimeUnavailable") from error
            if refusal:
                raise RuntimeFailure(words_of(refusal))
            yield response.raw()

    def problem(self) -> str:
        waiting_s = self.waiting_s()
        if waiting_s > STUCK_S:
            return f"podman has not answered for {waiting_s:.0f}s"
        return self._failing

    def trouble(self) -> str:
        """What is wrong with the service that may heal by itself before it is a `problem`; '' when nothing is."""
        return "podman's service does not answer" if self._is_silent else self.problem()

    def waiting_s(self) -> float:
        """How long the oldest call has waited."""
        now = trio.current_time()
        return now - min(self._in_flight.values(), default=now)

    async def answers(self) -> bool:
        """Whether a ping is answered; it does not wait for its turn, which may never come."""
        is_there = False
        with trio.move_on_after(ANSWER_S), suppress(OSError, UnixHttpError):
            async with open_request(self.socket_path, "GET", "/_ping") as response:
                is_there = response.status == 200
        self._heard(is_silent=not is_there)
        return is_there

    async def ping(self) -> None:
        with trio.move_on_after(PING_S), suppress(RuntimeFailure):
            await self._call("GET", "/_ping")


def words_of(content: bytes) -> str:
    """The message of an error answer."""
    try:
        document = json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace").strip() or "podman gave no reason"
    if isinstance(document, dict):
        return str(document.get("message") or document.get("cause") or document)
    return str(document)
