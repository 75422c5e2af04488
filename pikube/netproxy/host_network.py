"""Shell: what the proxy puts on the host: one local route, one nft table, forwarding; and takes away again.

`local SERVICE_CIDR dev lo` makes every ClusterIP an address of this host (AnyIP). Its side effect, that
whatever listens on 0.0.0.0 would answer on every ClusterIP, is closed by an nft table that lets in only
the ports that are services'.
"""

from __future__ import annotations

import ipaddress
import logging
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from pikube.netproxy.targets import ANY, Listener

log = logging.getLogger("pikube.netproxy")

TABLE = "pikube"
FORWARD = "/proc/sys/net/ipv4/ip_forward"


class HostNetwork:
    """The host's side of the proxy, for one service range. Blocking calls: short, at start and on change."""

    def __init__(self, service_cidr: str, cluster_cidr: str) -> None:
        self._service_cidr = service_cidr
        self._cluster_cidr = cluster_cidr
        self._services = ipaddress.ip_network(service_cidr)
        self._has_nft = shutil.which("nft") is not None
        self._shown: frozenset[Listener] | None = None

    def set_up(self) -> None:
        """Route, forwarding, guard. Idempotent. Raises OSError when the route cannot be made."""
        Path(FORWARD).write_text("1\n")
        done = _run(["ip", "route", "replace", "local", self._service_cidr, "dev", "lo", "proto", "112"])
        if done.returncode:
            raise OSError(f"the route for Services cannot be made: {done.stderr.strip()}")
        if not self._has_nft:
            log.warning(
                "event=no_nft words='nft is not installed: what this board serves on 0.0.0.0 answers on every "
                "ClusterIP; apt install nftables'"
            )

    def allow(self, listeners: Iterable[Listener]) -> None:
        """Let in exactly these on the service range."""
        wanted = frozenset(
            listener
            for listener in listeners
            if listener.address != ANY and ipaddress.ip_address(listener.address) in self._services
        )
        if not self._has_nft or wanted == self._shown:
            return
        done = _run(["nft", "-f", "-"], render_guard(self._service_cidr, wanted))
        if done.returncode:
            log.warning("event=nft_failed why=%r", done.stderr.strip())
            return
        self._shown = wanted

    def tear_down(self) -> None:
        """Leave nothing of ours behind."""
        _run(["ip", "route", "del", "local", self._service_cidr, "dev", "lo", "proto", "112"])
        if self._has_nft:
            _run(["nft", "delete", "table", "inet", TABLE])


def render_guard(service_cidr: str, listeners: Iterable[Listener]) -> str:
    """The nft script: replaces the whole table in one transaction."""
    elements = ", ".join(
        f"{listener.address} . {listener.protocol.lower()} . {listener.port}"
        for listener in sorted(listeners)
    )
    content = f"    elements = {{ {elements} }}\n" if elements else ""
    return f"""\
add table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
  set services {{
    type ipv4_addr . inet_proto . inet_service
{content}  }}
  chain input {{
    type filter hook input priority filter - 10; policy accept;
    ip daddr {service_cidr} ct state established,related accept
    ip daddr {service_cidr} icmp type echo-request accept
    ip daddr . meta l4proto . th dport @services accept
    ip daddr {service_cidr} meta l4proto tcp reject with tcp reset
    ip daddr {service_cidr} reject
  }}
}}
"""


def _run(argv: list[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
