"""Declaration: what the preflight knows of a board before pikube runs on it. None and '' stand for unknown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Podman:
    """`problem` is why nothing else is known."""

    problem: str = ""
    version: str = ""
    graph_driver: str = ""
    runtime: str = ""
    missing_helpers: tuple[str, ...] = ()
    trial: str = ""
    """Why one real container did not run; '' when it ran, or when it was not tried."""
    is_tried: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    number: int
    use: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Bytes, milliseconds and texts as the kernel writes them."""

    is_root: bool
    machine: str
    userland_bits: int
    page_bytes: int
    cgroup_version: str
    """v1, v2, hybrid or '' (none)."""
    has_memory_cgroup: bool
    boot_file: str = ""
    """The cmdline.txt of the firmware, where there is one."""
    boot_line: str = ""
    memory_bytes: int
    data_dir: str
    disk_free_bytes: int
    fsync_ms: float | None = None
    """The slowest of twenty; None when the directory cannot be written."""
    podman: Podman = field(default_factory=Podman)
    ports: tuple[Port, ...] = ()
    year: int
    is_time_synchronized: bool | None = None
    power_saving: tuple[str, ...] = ()
    """Wi-Fi interfaces whose power saving is on."""
    throttled: int | None = None
    """The firmware's flags (get_throttled)."""
    lan: tuple[tuple[str, str], ...] = ()
    """(interface, network) of every address of the host's that is not pikube's or a container's."""
    forward_policy: str = ""
    """iptables' policy of the chain FORWARD."""
    is_forwarding: bool | None = None
    cluster_cidr: str
    service_cidr: str
