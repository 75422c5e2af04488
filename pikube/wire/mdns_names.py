"""Shell: host names of the LAN that this board answers for: NAME.local.

Enter: names with their addresses and a port. Leave: answers to multicast DNS, and an entry that browsers of the LAN's
services list. With mdns.py the only door to zeroconf, imported when the first name is shown. Called by netproxy.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from pikube.wire.mdns import open_zeroconf

log = logging.getLogger("pikube.mdns")

WEB, OTHER = "_http._tcp.local.", "_pikube-svc._tcp.local."


class HostName(NamedTuple):
    """What is said of a name."""

    addresses: tuple[str, ...]
    port: int
    is_web: bool


class NameShower:
    """Every method blocks: call it in a thread, one at a time."""

    def __init__(self) -> None:
        self._zeroconf: Any = None
        self._interfaces: tuple[str, ...] = ()
        self._shown: dict[str, tuple[HostName, Any]] = {}

    def show(self, wanted: Mapping[str, HostName], interfaces: Sequence[str]) -> dict[str, str]:
        """Answer for exactly these on the interfaces with these addresses of ours; by name why it cannot be.

        Raises: MdnsUnusable."""
        if tuple(interfaces) != self._interfaces or not wanted:
            self.close()
        if not wanted or not interfaces:
            return {}
        if self._zeroconf is None:
            self._zeroconf = open_zeroconf(interfaces)
            self._interfaces = tuple(interfaces)
        for name in [n for n, (shown, _) in self._shown.items() if wanted.get(n) != shown]:
            self._forget(name)
        failed = {}
        for name, host in wanted.items():
            if name not in self._shown:
                why = self._register(name, host)
                if why:
                    failed[name] = why
        return failed

    def _register(self, name: str, host: HostName) -> str:
        """'' or why not."""
        from zeroconf import Error, NonUniqueNameException, ServiceInfo

        type_ = WEB if host.is_web else OTHER
        info = ServiceInfo(
            type_,
            f"{name}.{type_}",
            port=host.port,
            server=f"{name}.local.",
            parsed_addresses=list(host.addresses),
        )
        try:
            self._zeroconf.register_service(info)
        except NonUniqueNameException:
            return f"{name}.local is taken by another machine"
        except (Error, OSError) as error:
            return str(error) or type(error).__name__
        self._shown[name] = (host, info)
        log.info("event=name_shown name=%s.local addresses=%s", name, ",".join(host.addresses))
        return ""

    def _forget(self, name: str) -> None:
        from zeroconf import Error

        _, info = self._shown.pop(name)
        with suppress(Error, OSError):  # from an address that is gone no goodbye can be said
            self._zeroconf.unregister_service(info)

    def close(self) -> None:
        """Goodbye to all."""
        for name in list(self._shown):
            self._forget(name)
        if self._zeroconf is not None:
            self._zeroconf.close()
        self._zeroconf, self._interfaces = None, ()
