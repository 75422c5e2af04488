"""Shell: what netproxy puts on the host, all of it marked: routes of protocol 112, nft tables called pikube.

`local SERVICE_CIDR dev lo` makes every ClusterIP an address of this host (AnyIP). Its side effect, that
whatever listens on 0.0.0.0 would answer on every ClusterIP, is closed by an nft table that lets in only
the ports that are services'. Another nft table keeps pods' own addresses on the way to other pods, and hides them on
the way out. `leftovers.py` lists all this and takes it away.
"""

from __future__ import annotations

import ipaddress
import logging
import shutil
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

from pikube.netproxy.targets import ANY, Listener

log = logging.getLogger("pikube.netproxy")

GUARD, NAT = "pikube", "pikube-pods"
TABLES = (("inet", GUARD), ("ip", NAT))
PROTOCOL = 112  # an unassigned number of rtnetlink(7): routes that are ours to change and to remove
FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
FIREWALLD = Path("/run/firewalld.pid")  # decides on forwarding by zones, which Podman knows to tell it
MARK = "pikube"  # the comment of our rules in iptables' chain FORWARD
WAS_OFF = (
    "ip-forward-was-off"  # a file of this name in the agent's directory: who takes pikube away sets it back
)


class HostNetwork:
    """The host's side of the proxy, for one service range. Blocking calls: short, at start and on change."""

    def __init__(self, service_cidr: str, cluster_cidr: str, directory: Path) -> None:
        self._service_cidr = service_cidr
        self._cluster_cidr = cluster_cidr
        self._directory = directory
        self._services = ipaddress.ip_network(service_cidr)
        self._has_nft = shutil.which("nft") is not None
        self.carries_pods = (
            False  # whether pods reach the outside by what is made here, without Podman's rules
        )
        self._are_made = False  # the tables for pods: a kernel without nft's families has none to lose
        self._said: dict[str, str] = {}  # why nft refused the last time, by event
        self._lock = threading.Lock()  # of what is shown: worker threads call
        self._shown: frozenset[Listener] | None = None

    def set_up(self) -> None:
        """Route, forwarding, masquerade. Idempotent. Raises OSError when the route cannot be made."""
        if FORWARD.read_text().strip() == "0":
            (self._directory / WAS_OFF).touch()
            FORWARD.write_text("1\n")
        done = run("ip", "route", "replace", "local", self._service_cidr, "dev", "lo", "proto", str(PROTOCOL))
        if done.returncode:
            raise OSError(f"the route for Services cannot be made: {done.stderr.strip()}")
        if not self._has_nft:
            log.warning(
                "event=no_nft words='nft is not installed: what this board serves on 0.0.0.0 answers on every "
                "ClusterIP, and pods are seen by other boards under this board's address; apt install nftables'"
            )
            return
        self._set_up_for_pods()

    def _set_up_for_pods(self) -> None:
        done = run("nft", "-f", "-", text=render_nat(self._cluster_cidr))
        self._are_made = done.returncode == 0
        if not self._are_made:
            words = "pods reach the outside only as far as Podman lets them"
            self._say_once("no_masquerade", done.stderr.strip(), words)
            return
        self.carries_pods = not FIREWALLD.exists()
        if self.carries_pods:
            let_pods_through(self._cluster_cidr)

    def keep(self) -> None:
        """What a reload of the host's own firewall took away is made again (`flush ruleset` takes every table)."""
        if not self._has_nft:
            return
        if run("nft", "list", "table", "ip", NAT).returncode:
            if self._are_made:
                log.warning(
                    "event=nft_tables_lost words='something on this host removed them; they are made again'"
                )
            self._set_up_for_pods()
        elif self.carries_pods:
            let_pods_through(self._cluster_cidr)
        with self._lock:
            if self._shown is not None and run("nft", "list", "table", "inet", GUARD).returncode:
                shown, self._shown = self._shown, None
                self._show(shown)

    def allow_known(self, listeners: Iterable[Listener]) -> None:
        """Let in what is remembered from before a reboot. A guard that is there is of this boot and knows more than
        what was saved (the relay saves at leisure): narrowed, it would refuse what the relay goes on serving."""
        if run("nft", "list", "table", "inet", GUARD).returncode:
            self.allow(listeners)

    def allow(self, listeners: Iterable[Listener]) -> None:
        """Let in exactly these on the service range."""
        wanted = frozenset(
            listener
            for listener in listeners
            if listener.address != ANY and ipaddress.ip_address(listener.address) in self._services
        )
        if self._has_nft:
            with self._lock:
                if wanted != self._shown:
                    self._show(wanted)

    def _show(self, wanted: frozenset[Listener]) -> None:
        done = run("nft", "-f", "-", text=render_guard(self._service_cidr, wanted))
        if done.returncode:
            words = "what this board serves on 0.0.0.0 answers on every ClusterIP"
            self._say_once("nft_failed", done.stderr.strip(), words)
            return
        self._shown = wanted

    def _say_once(self, event: str, why: str, words: str) -> None:
        """Each minute's try finds the same again."""
        if self._said.get(event) != why:
            self._said[event] = why
            log.warning("event=%s why=%r words=%r", event, why, words)


def render_guard(service_cidr: str, listeners: Iterable[Listener]) -> str:
    """The nft script: replaces the whole table in one transaction."""
    doors = {(listener.address, listener.transport.lower(), listener.port) for listener in listeners}
    elements = ", ".join(f"{address} . {transport} . {port}" for address, transport, port in sorted(doors))
    content = f"    elements = {{ {elements} }}\n" if elements else ""
    return f"""\
add table inet {GUARD}
delete table inet {GUARD}
table inet {GUARD} {{
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


def render_nat(cluster_cidr: str) -> str:
    """The nft script for pods. It decides before Podman's rules do (priority srcnat), which would give a pod's
    traffic to pods of other boards this board's address: a translation to its own address ends the search."""
    return f"""\
add table ip {NAT}
delete table ip {NAT}
table ip {NAT} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat - 1; policy accept;
    ip saddr {cluster_cidr} ip daddr {cluster_cidr} snat to ip saddr
    ip saddr {cluster_cidr} ip daddr != 224.0.0.0/4 masquerade
  }}
}}
"""


def let_pods_through(cluster_cidr: str) -> None:
    """Where iptables says anything about forwarded packets (Docker and ufw drop them), pods' packets come first. An
    accept in a table of our own would not do: a packet that any table drops is dropped."""
    done = run("iptables", "-w", "5", "-S", "FORWARD")
    if done.returncode or done.stdout.split() == ["-P", "FORWARD", "ACCEPT"]:
        return
    for side in ("-s", "-d"):
        rule = ("FORWARD", side, cluster_cidr, "-m", "comment", "--comment", MARK, "-j", "ACCEPT")
        if run("iptables", "-w", "5", "-C", *rule).returncode:
            added = run("iptables", "-w", "5", "-I", *rule)
            if added.returncode:
                log.warning("event=iptables_failed why=%r", added.stderr.strip())


def forward_rules() -> list[list[str]]:
    """Our rules in iptables' chain FORWARD, each as the words after -A."""
    lines = run("iptables", "-w", "5", "-S", "FORWARD").stdout.splitlines()
    return [line.split()[1:] for line in lines if f"--comment {MARK} " in line]


def run(*argv: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """A command, ended; nobody is raised."""
    try:
        return subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(argv, 127, "", str(error))
