"""Shell: names that only the host's C library knows, looked up in threads beside the relay's loop.

Enter: a name and a family. Leaves: addresses, in the loop's own thread. Called by dns_forward.py.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from collections.abc import Callable

from pikube.netproxy.engine import INCOMING, Engine

MAX_LOOKUPS = 8  # at once; more are answered with nothing, and asked again
LOOKUP_S = 4.0  # nss-mdns waits five seconds and more for who is not there

Found = Callable[[list[str]], None]


class HostLookups:
    """Costs nothing before the first name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running = 0
        self._wake = -1
        self._done: deque[tuple[Found, list[str]]] = deque()

    def look_up(self, name: str, is_six: bool, found: Found) -> None:
        """Calls `found` later, with no addresses after LOOKUP_S."""
        if self._running >= MAX_LOOKUPS:
            self._engine.again(lambda: found([]))
            return
        if self._wake < 0:
            self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._engine.watch(self._wake, self._woken, INCOMING)
        once = _Once(found)
        self._running += 1
        self._engine.after(LOOKUP_S, lambda: once([]))
        family = socket.AF_INET6 if is_six else socket.AF_INET
        threading.Thread(target=self._run, args=(name, family, once), daemon=True).start()

    def _run(self, name: str, family: int, found: Found) -> None:
        try:
            infos = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            infos = []
        self._done.append((found, [str(address[0]) for *_, address in infos]))
        os.eventfd_write(self._wake, 1)

    def _woken(self, events: int) -> None:
        os.eventfd_read(self._wake)
        while self._done:
            found, addresses = self._done.popleft()
            self._running -= 1
            found(addresses)


class _Once:
    def __init__(self, found: Found) -> None:
        self._found: Found | None = found

    def __call__(self, addresses: list[str]) -> None:
        found, self._found = self._found, None
        if found is not None:
            found(addresses)
