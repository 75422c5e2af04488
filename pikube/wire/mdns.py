"""Shell: multicast DNS: says on the LAN that a leader is here, and looks for leaders.

The one door to zeroconf, which brings a thread and an asyncio loop of its own; imported when first used (measured:
3.1 MB resident, 1.5 MB more for asyncio where nobody has it yet). It shares port 5353 with avahi. Enter: an
Announcement, the addresses of the interfaces to use. Leave: announcements of others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import trio

from pikube.wire.announcement import SERVICE_TYPE, Announcement, read_txt, render_txt
from pikube.wire.interfaces import open_address_changes

log = logging.getLogger("pikube.mdns")

GOODBYE_S = 2.0  # three packets, 125 ms apart, and what a busy board adds
DETAILS_MS = 1500  # for SRV, TXT and addresses of an instance that was named
MAX_FOUND = 64  # more leaders than a LAN has; who invents names cannot fill the memory
LOOK_S = 2.5  # a leader answers a question within 120 ms (RFC 6762 §6); Wi-Fi loses some of both


class MdnsUnusable(Exception):
    """Port 5353 cannot be shared, or no interface takes multicast; the words say which."""


class Announcer:
    """Keeps one announcement true on the LAN."""

    def __init__(self, current: Callable[[], Announcement]) -> None:
        self._current = current
        self._changed = trio.Event()

    def refresh_nowait(self) -> None:
        """Look at `current` again: something beside addresses has changed."""
        self._changed.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Announce until cancelled, then say goodbye. A LAN without multicast costs a warning, not the leader."""
        shown: Announcement | None = None
        service: _Service | None = None
        async with open_address_changes() as changes, trio.open_nursery() as nursery:
            nursery.start_soon(self._follow, changes.wait)
            task_status.started()
            try:
                while True:
                    self._changed = trio.Event()
                    wanted = self._current()
                    if wanted != shown:
                        await _close(service)
                        service = await _open(wanted)
                        shown = wanted
                    await self._changed.wait()
            finally:
                with trio.move_on_after(GOODBYE_S, shield=True):
                    await _close(service)

    async def _follow(self, wait_change: Callable[[], Any]) -> None:
        while True:
            await wait_change()
            self._changed.set()


class _Service:
    """A registered service; every method blocks."""

    def __init__(self, announcement: Announcement) -> None:
        from zeroconf import Error, ServiceInfo

        info = ServiceInfo(
            SERVICE_TYPE,
            announcement.instance,
            port=announcement.port,
            properties=dict(render_txt(announcement)),
            server=announcement.host,
            parsed_addresses=list(announcement.addresses),
        )
        self._zeroconf = open_zeroconf(announcement.addresses)
        try:
            self._zeroconf.register_service(info, allow_name_change=True)
        except (Error, OSError) as error:
            self.close()
            raise MdnsUnusable(f"the leader cannot be announced ({error or type(error).__name__})") from error

    def close(self) -> None:
        """Goodbye; from an address that is gone nothing can be said."""
        from zeroconf import Error

        with suppress(Error, OSError):
            self._zeroconf.close()


async def _open(announcement: Announcement) -> _Service | None:
    if not announcement.addresses:
        log.info("event=mdns_silent why='no interface of the LAN has an address'")
        return None
    try:
        service = await trio.to_thread.run_sync(_Service, announcement)
    except MdnsUnusable as error:
        log.warning("event=mdns_unusable why=%r", str(error))
        return None
    log.info(
        "event=mdns_announced cluster=%s addresses=%s port=%d",
        announcement.cluster_name, ",".join(announcement.addresses), announcement.port,
    )  # fmt: skip
    return service


async def _close(service: _Service | None) -> None:
    if service is not None:
        await trio.to_thread.run_sync(service.close)


def open_zeroconf(addresses: Sequence[str]) -> Any:
    """zeroconf on the interfaces that have these addresses. MdnsUnusable."""
    from zeroconf import Zeroconf

    logging.getLogger("zeroconf").setLevel(logging.ERROR)
    try:
        return Zeroconf(interfaces=list(addresses), use_asyncio=False)
    except OSError as error:
        raise MdnsUnusable(
            f"multicast DNS cannot be used on this board ({error.strerror or error})"
        ) from error


async def find_leaders(
    addresses: Sequence[str],
    *,
    seconds: float = LOOK_S,
    is_enough: Callable[[Iterable[Announcement]], bool] = lambda found: False,
) -> list[Announcement]:
    """The leaders that answer on the interfaces with these addresses of ours, sorted; earlier when `is_enough`.

    Whoever answers may lie. Raises MdnsUnusable.
    """
    if not addresses:
        raise MdnsUnusable("this board has no interface with an address on a LAN")
    stop = threading.Event()
    try:
        found = await trio.to_thread.run_sync(
            _browse, addresses, seconds, is_enough, stop, abandon_on_cancel=True
        )
    finally:
        stop.set()
    return sorted(found, key=lambda a: (a.cluster_name, a.cluster_id, a.node, a.addresses))


def _browse(
    addresses: Sequence[str],
    seconds: float,
    is_enough: Callable[[Iterable[Announcement]], bool],
    stop: threading.Event,
) -> list[Announcement]:
    from zeroconf import DNSQuestionType, ServiceBrowser

    # answered to everybody: what is sent to this address alone reaches one of those who have port 5353 here: avahi?
    aloud = DNSQuestionType.QM
    found: dict[str, Announcement] = {}

    def changed(zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
        if state_change.name == "Removed":
            found.pop(name, None)
            return
        info = zeroconf.get_service_info(service_type, name, DETAILS_MS, aloud)
        seen = None if info is None else read_txt(info.properties, info.port, info.parsed_addresses())
        if seen is not None and seen.addresses and (name in found or len(found) < MAX_FOUND):
            found[name] = seen
            if is_enough(found.values()):
                stop.set()

    zeroconf = open_zeroconf(addresses)
    try:
        browser = ServiceBrowser(zeroconf, SERVICE_TYPE, handlers=[changed], question_type=aloud)
        stop.wait(seconds)
        browser.cancel()
    finally:
        zeroconf.close()
    return list(found.values())


async def find_leader(
    addresses: Sequence[str], *, ca_fingerprint: str = "", cluster_id: str = "", seconds: float = LOOK_S
) -> Announcement | None:
    """Where a leader that we know says it is now: the first that names this CA or this cluster; None if none does.

    It is a hint: the caller goes on only if the server there proves itself with that CA. Raises MdnsUnusable.
    """

    def is_ours(seen: Announcement) -> bool:
        return ca_fingerprint in seen.ca_fingerprints or (bool(cluster_id) and seen.cluster_id == cluster_id)

    found = await find_leaders(
        addresses, seconds=seconds, is_enough=lambda all_: any(is_ours(seen) for seen in all_)
    )
    return next((seen for seen in found if is_ours(seen)), None)
