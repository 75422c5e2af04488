"""Shell: the loop of the relay process: one epoll, callbacks by descriptor, timers.

A Trio task for each connection costs more than the connection's own work (measured: 1,500 new connections a second
with tasks, 5,000 and more with callbacks), so the relay, and nothing else of pikube, has a loop of its own. Every
descriptor is watched edge-triggered for everything, once: a handler is told what became possible and goes on
until its descriptor would block. An error in a handler is logged and ends nothing but that call.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import select
import socket
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger("pikube.relay")

READABLE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
WRITABLE = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR
ENDED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
BROKEN = select.EPOLLERR
EVERYTHING = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
INCOMING = select.EPOLLIN  # level-triggered: what one turn leaves is told again
EVENTS = 256  # handled before the timers get their turn

Handler = Callable[[int], None]
Job = Callable[[], None]


class Engine:
    """`run` until `stop`; everything happens in its thread."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._again: list[Job] = []
        self._timers: list[tuple[float, int, Job]] = []
        self._number = itertools.count()
        self._graves: list[socket.socket] = []
        self._is_stopped = False
        self.now = time.monotonic()

    def watch(self, descriptor: int, handler: Handler, events: int = EVERYTHING) -> None:
        """Call `handler(events)` when something becomes possible. Raises OSError."""
        self._handlers[descriptor] = handler
        self._epoll.register(descriptor, events)

    def rewatch(self, descriptor: int, handler: Handler) -> None:
        """Another handler for a watched descriptor."""
        self._handlers[descriptor] = handler

    def forget(self, descriptor: int) -> None:
        """No more calls, for as long as it is not watched again."""
        if self._handlers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def bury(self, sock: socket.socket) -> None:
        """Close it, after the events at hand: a number that came back at once would get another's events."""
        self._handlers.pop(sock.fileno(), None)
        self._graves.append(sock)

    def again(self, job: Job) -> None:
        """Go on with this after everybody else had a turn."""
        self._again.append(job)

    def after(self, seconds: float, job: Job) -> None:
        """Once, later. A job that is no longer wanted finds out itself."""
        heapq.heappush(self._timers, (self.now + seconds, next(self._number), job))

    def stop(self) -> None:
        self._is_stopped = True

    def close(self) -> None:
        self._close_buried()
        self._epoll.close()

    def run(self) -> None:
        """Until `stop`."""
        while not self._is_stopped:
            self.turn()

    def turn(self, limit_s: float = 3600.0) -> None:
        """Wait for events and handle them."""
        if self._again:
            wait_s = 0.0
        elif self._timers:
            wait_s = min(limit_s, max(0.0, self._timers[0][0] - time.monotonic()))
        else:
            wait_s = limit_s
        ready = self._epoll.poll(wait_s, EVENTS)
        self.now = time.monotonic()
        handlers = self._handlers
        for descriptor, events in ready:
            handler = handlers.get(descriptor)
            if handler is not None:
                self.call(handler, events)
        if self._again:
            jobs, self._again = self._again, []
            for job in jobs:
                self.call(job)
        while self._timers and self._timers[0][0] <= self.now:
            self.call(heapq.heappop(self._timers)[2])
        if self._graves:
            self._close_buried()

    def _close_buried(self) -> None:
        graves, self._graves = self._graves, []
        for sock in graves:
            sock.close()

    def call(self, job: Callable[..., None], *arguments: Any) -> None:
        """Do it; what it raises is logged and ends nothing else."""
        try:
            job(*arguments)
        except Exception:
            log.exception("event=relay_error job=%r", job)
