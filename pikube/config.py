"""Declaration: every setting of pikube, once: name, type, default, and why; and the rule that joins their sources.

A flag counts before an environment variable (PIKUBE_…), before the configuration files, before the
default. Enter: texts. Leaves: `Settings`. Called by the command line; nothing here touches a file.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pikube.api.address_pool import parse_pool
from pikube.api.names import dns1123_subdomain, label_value, qualified_name
from pikube.api.quantity import parse


class BadSetting(Exception):
    """A setting that cannot be used; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `name` is the YAML key and the flag (with dashes), `read` makes the value from a text."""

    name: str
    read: Callable[[str], Any]
    default: Any
    words: str
    metavar: str = ""
    modes: tuple[str, ...] = ("leader", "agent")

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        return f"PIKUBE_{self.name.upper().replace('-', '_')}"

    @property
    def attribute(self) -> str:
        return self.name.replace("-", "_")

    @property
    def is_list(self) -> bool:
        return isinstance(self.default, tuple)

    @property
    def is_switch(self) -> bool:
        return isinstance(self.default, bool)


def _text(text: str) -> str:
    return text


def _path(text: str) -> str:
    return str(Path(text).expanduser().absolute()) if text else ""


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("it is a whole number") from None


def _port(text: str) -> int:
    number = _whole(text)
    if not 0 < number < 65536:
        raise ValueError("a port is a number from 1 to 65535")
    return number


def _number(text: str) -> int:
    number = _whole(text)
    if number < 0:
        raise ValueError("it cannot be negative")
    return number


def _percent(text: str) -> int:
    number = _whole(text)
    if not 0 <= number <= 100:
        raise ValueError("it is a number from 0 to 100")
    return number


def _grace(text: str) -> float:
    """Seconds from `40`, `40s` or `1m30s`."""
    parts = re.fullmatch(r"(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s?)?", text)
    if not text or parts is None:
        raise ValueError("it is written 40s")
    seconds = 60 * int(parts[1] or 0) + float(parts[2] or 0)
    if seconds < LEAST_GRACE_S:
        raise ValueError(f"boards say every 2.5 s that they live: {LEAST_GRACE_S:g}s at least")
    return seconds


def _size(text: str) -> int:
    """Bytes from a Kubernetes quantity: 10Mi."""
    count = parse(text).nano // 10**9
    if count <= 0:
        raise ValueError("a size is written 10Mi")
    return count


def _amounts(text: str) -> str:
    """memory=64Mi,cpu=100m"""
    for part in text.split(","):
        name, sign, amount = part.strip().partition("=")
        if not sign or name not in ("cpu", "memory", "ephemeral-storage"):
            raise ValueError("it is written memory=64Mi,cpu=100m,ephemeral-storage=1Gi")
        parse(amount)
    return text


def _thresholds(text: str) -> str:
    """memory.available<100Mi,nodefs.available<10%"""
    for part in text.split(","):
        signal, sign, value = part.strip().partition("<")
        if not sign or signal not in EVICTION_SIGNALS:
            raise ValueError(
                f"it is written memory.available<100Mi,…; signals are {', '.join(EVICTION_SIGNALS)}"
            )
        if value.endswith("%"):
            float(value[:-1])
        else:
            parse(value)
    return text


def _network(text: str) -> str:
    network = ipaddress.ip_network(text)
    if network.version != 4:
        raise ValueError("pods and Services have IPv4 addresses")
    return str(network)


def _pod_network(text: str) -> str:
    network = _network(text)
    if ipaddress.ip_network(network).prefixlen > 24:
        raise ValueError("each node gets a /24 of it")
    return network


def _service_network(text: str) -> str:
    """Between what holds cluster-dns and Kubernetes' largest (kube-apiserver: 20 bits)."""
    network = _network(text)
    if not 12 <= ipaddress.ip_network(network).prefixlen <= 28:
        raise ValueError("it is a /12 at most and a /28 at least")
    return network


def _address(text: str) -> str:
    return str(ipaddress.ip_address(text)) if text else ""


def _ports(text: str) -> str:
    low, _, high = text.partition("-")
    if not (low.isdecimal() and high.isdecimal() and 0 < int(low) <= int(high) < 65536):
        raise ValueError("a range is written 30000-32767")
    return text


def _pool(text: str) -> str:
    parse_pool([text])
    return text


def _switch(text: str) -> bool:
    word = text.lower()
    if word in ("true", "yes", "1", "on", ""):
        return True
    if word in ("false", "no", "0", "off"):
        return False
    raise ValueError("it is true or false")


def _level(text: str) -> str:
    if text.lower() not in ("debug", "info", "warning", "error"):
        raise ValueError("it is debug, info, warning or error")
    return text.lower()


def _label(text: str) -> str:
    key, _, value = text.partition("=")
    if problems := [*qualified_name(key), *label_value(value)]:
        raise ValueError(problems[0])
    return text


def _taint(text: str) -> str:
    rest, sign, effect = text.rpartition(":")
    if not sign or effect not in TAINT_EFFECTS:
        raise ValueError(f"it is written key=value:EFFECT; effects are {', '.join(TAINT_EFFECTS)}")
    _label(rest)
    return text


def _name(text: str) -> str:
    """A host name or domain; capitals are none, DNS does not tell them apart."""
    if text and (problems := dns1123_subdomain(text.lower())):
        raise ValueError(problems[0])
    return text


TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
EVICTION_SIGNALS = (
    "memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "pid.available",
)  # fmt: skip
LEAST_GRACE_S = 5.0
LEADER = ("leader",)
AGENT = ("agent",)

SETTINGS: tuple[Setting, ...] = (
    Setting("data-dir", _path, "/var/lib/pikube", "where pikube keeps everything it writes", "DIR"),
    Setting("node-name", _name, "", "this board's name in the cluster (default: its host name)", "NAME"),
    Setting("node-ip", _address, "", "the address that other boards reach this one by (default: found)", "IP"),
    Setting("node-label", _label, (), "a label of this node, key=value (may be given again)", "LABEL"),
    Setting("node-taint", _taint, (), "a taint of this node, key=value:effect (may be given again)", "TAINT"),
    Setting("max-pods", _number, 110, "pods that this board takes at most (Kubernetes' default)", "N"),
    Setting("bind-address", _address, "0.0.0.0", "the address that the API listens on", "IP", LEADER),
    Setting("https-listen-port", _port, 6443, "the port of the API", "PORT", LEADER),
    Setting("tls-san", _text, (), "a further name or address in the API's certificate", "NAME", LEADER),
    Setting("cluster-name", _text, "pikube", "what the cluster is called where several are seen", "NAME", LEADER),
    Setting("cluster-cidr", _pod_network, "10.42.0.0/16", "addresses of pods; each node gets a /24 (k3s' range)",
            "CIDR"),
    Setting("service-cidr", _service_network, "10.43.0.0/16", "addresses of Services (k3s' range)", "CIDR"),
    Setting("cluster-dns", _address, "", "the address of the cluster's DNS (default: the tenth of service-cidr)",
            "IP"),
    Setting("cluster-domain", _name, "cluster.local", "the DNS domain of the cluster", "DOMAIN"),
    Setting("service-node-port-range", _ports, "30000-32767", "ports for Services of type NodePort", "LOW-HIGH"),
    Setting("lb-pool", _pool, (), "addresses of the LAN for Services of type LoadBalancer, 192.168.1.240-250 or a "
            "CIDR (may be given again; default: the nodes' own addresses)", "RANGE", LEADER),
    Setting("kubelet-port", _port, 10250, "the port on which this board answers logs and exec", "PORT"),
    Setting("write-kubeconfig", _path, "", "where the administrator's kubeconfig goes (default: DATA-DIR/kubeconfig)",
            "FILE", LEADER),
    Setting("no-agent", _switch, False, "run no pods on this board", "", LEADER),
    Setting("server", _text, "", "URL of the leader, https://HOST:6443", "URL", AGENT),
    Setting("no-discovery", _switch, False, "do not announce this leader on the LAN by mDNS", "", LEADER),
    Setting("discovery-interface", _text, (), "an interface of the LAN for mDNS, as eth0 or en* (may be given again; "
            "default: the physical ones)", "NAME"),
    Setting("private-registry", _path, "/etc/pikube/registries.yaml",
            "mirrors, credentials and authorities of registries", "FILE"),
    Setting("podman-socket", _path, "", "a Podman API socket (default: pikube starts Podman's service)", "PATH"),
    Setting("podman-root", _path, "", "Podman's storage (default: Podman's own)", "DIR"),
    Setting("podman-runroot", _path, "", "Podman's volatile state (default: Podman's own)", "DIR"),
    Setting("podman-network-dir", _path, "", "Podman's network definitions (default: Podman's own)", "DIR"),
    Setting("pod-logs-dir", _path, "/var/log/pods", "where pods' logs are, with links in the directory containers "
            "beside it, as collectors expect (kubelet's podLogsDir; empty: in the data directory)", "DIR"),
    Setting("containers-conf", _path, "", "a containers.conf for Podman (default: the system's)", "FILE"),
    Setting("system-reserved", _amounts, "memory=64Mi", "what the system and pikube keep for themselves",
            "memory=64Mi,cpu=100m"),
    Setting("eviction-hard", _thresholds, "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,"
            "pid.available<5%", "when pods are evicted (kubelet's defaults, and process ids)", "THRESHOLDS"),
    Setting("eviction-pressure-transition-period", _number, 300, "a pressure condition of the node stays for so many "
            "seconds after it was last met (kubelet's default 5m0s)", "SECONDS"),
    Setting("image-gc-high-threshold", _percent, 85, "images that nobody uses go when so many percent of the disk "
            "are full (kubelet's default; 100: never)", "PERCENT"),
    Setting("image-gc-low-threshold", _percent, 80, "and until so many percent are (kubelet's default)", "PERCENT"),
    Setting("minimum-image-ttl-duration", _number, 120, "an image that nobody has used for so many seconds may go "
            "(kubelet's default 2m)", "SECONDS"),
    Setting("max-parallel-image-pulls", _number, 2, "images pulled at once (kubelet's flag; more of them only "
            "queue up on a card)", "N"),
    Setting("serialize-image-pulls", _switch, False, "pull one image at a time (kubelet's flag)"),
    Setting("pod-max-pids", _number, -1, "how many processes a container may have (kubelet's flag; -1: as many as "
            "Podman allows, 2048 by its default)", "N"),
    Setting("allowed-unsafe-sysctls", _text, "", "sysctls beyond the safe ones that pods may set (kubelet's flag); a "
            "star may end one", "net.core.somaxconn,kernel.msg*"),
    Setting("container-log-max-size", _size, 10 * 1024 * 1024, "a container's log begins a new file at this size "
            "(kubelet's default 10Mi)", "SIZE"),
    Setting("container-log-max-files", _number, 5, "files kept of a container's log (kubelet's default)", "N"),
    Setting("node-monitor-grace-period", _grace, 8.0, "a board that is silent for so many seconds is lost (three "
            "heartbeats of 2.5 s may be missing on a bad Wi-Fi; kube-controller-manager: 50s)", "SECONDS", LEADER),
    Setting("default-not-ready-toleration-seconds", _number, 5, "pods that do not say it leave a board that is not "
            "ready after so long (kube-apiserver: 300; at home a pulled plug is the usual reason)", "N", LEADER),
    Setting("default-unreachable-toleration-seconds", _number, 5, "pods that do not say it leave a board that is "
            "lost after so long (kube-apiserver: 300)", "N", LEADER),
    Setting("token-auth-file", _path, "", "a file of bearer tokens, as kube-apiserver's: lines of "
            '`token,user,uid,"group1,group2"`, read when the leader starts', "FILE", LEADER),
    Setting("anonymous-auth", _switch, True, "whether who shows neither certificate nor token is "
            "system:anonymous; false refuses him, probes of /readyz included", "BOOL", LEADER),
    Setting("encryption-provider-config", _path, "", "an EncryptionConfiguration, as kube-apiserver's: what of the "
            "store is encrypted, with which keys; read when the leader starts (default: nothing is)", "FILE", LEADER),
    Setting("audit-log", _path, "", "a file that gets a line for each write to the API (default: none; cards wear)",
            "FILE", LEADER),
    Setting("log-level", _level, "info", "debug, info, warning or error", "LEVEL"),
)  # fmt: skip

BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is in force. Attributes are the settings' names with underscores."""

    data_dir: str
    node_name: str
    node_ip: str
    node_label: tuple[str, ...]
    node_taint: tuple[str, ...]
    max_pods: int
    bind_address: str
    https_listen_port: int
    tls_san: tuple[str, ...]
    cluster_name: str
    cluster_cidr: str
    service_cidr: str
    cluster_dns: str
    cluster_domain: str
    service_node_port_range: str
    lb_pool: tuple[str, ...]
    kubelet_port: int
    write_kubeconfig: str
    no_agent: bool
    server: str
    no_discovery: bool
    discovery_interface: tuple[str, ...]
    private_registry: str
    podman_socket: str
    pod_logs_dir: str
    podman_root: str
    podman_runroot: str
    podman_network_dir: str
    containers_conf: str
    system_reserved: str
    eviction_hard: str
    eviction_pressure_transition_period: int
    image_gc_high_threshold: int
    image_gc_low_threshold: int
    minimum_image_ttl_duration: int
    max_parallel_image_pulls: int
    serialize_image_pulls: bool
    pod_max_pids: int
    allowed_unsafe_sysctls: str
    container_log_max_size: int
    container_log_max_files: int
    node_monitor_grace_period: float
    default_not_ready_toleration_seconds: int
    default_unreachable_toleration_seconds: int
    token_auth_file: str
    anonymous_auth: bool
    encryption_provider_config: str
    audit_log: str
    log_level: str

    @property
    def data(self) -> Path:
        return Path(self.data_dir)

    @property
    def certificates(self) -> Path:
        return self.data / "certs"

    @property
    def membership(self) -> Path:
        """What a board that joined keeps of its cluster."""
        return self.data / "agent" / "member"

    @property
    def database(self) -> Path:
        return self.data / "server" / "state.db"

    @property
    def pods(self) -> Path:
        return self.data / "pods"

    @property
    def logs(self) -> Path | None:
        """Of all pods; None: each pod's are in its own directory."""
        return Path(self.pod_logs_dir) if self.pod_logs_dir else None

    @property
    def kubeconfig(self) -> Path:
        return Path(self.write_kubeconfig) if self.write_kubeconfig else self.data / "kubeconfig"

    @property
    def node_ports(self) -> range:
        low, _, high = self.service_node_port_range.partition("-")
        return range(int(low), int(high) + 1)

    @property
    def kubernetes_service_ip(self) -> str:
        """The first address of the service range: the Service `kubernetes`."""
        return str(ipaddress.ip_network(self.service_cidr)[1])


@dataclass(frozen=True, slots=True)
class Found:
    """The value of a setting that is in force, and where it comes from: a flag, a variable, a file or the default."""

    setting: Setting
    value: Any
    source: str


def merge(
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    documents: Mapping[str, Mapping[str, Any]],
    *,
    host: str,
) -> Settings:
    """Join the sources. `flags` by name hold texts, lists of texts or None; `documents` are the parsed files by
    name, a later one counting before an earlier one.

    Raises: BadSetting.
    """
    values = {
        found.setting.attribute: found.value for found in resolve(flags, environment, documents, host=host)
    }
    assert set(values) == {field.name for field in fields(Settings)}
    return Settings(**values)


def resolve(
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    documents: Mapping[str, Mapping[str, Any]],
    *,
    host: str,
) -> list[Found]:
    """The same, each with its source. Raises: BadSetting."""
    for name, document in documents.items():
        for key in document:
            if key not in BY_NAME:
                near = difflib.get_close_matches(str(key), BY_NAME, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise BadSetting(f"{name} has an unknown setting {key}{hint}")
    found = {setting.name: _find(setting, flags, environment, documents) for setting in SETTINGS}
    found["node-name"] = _named(found["node-name"], host)
    found["cluster-dns"] = _of_services(found["cluster-dns"], found["service-cidr"])
    _check_networks(found)
    return list(found.values())


def _named(found: Found, host: str) -> Found:
    source = found.source if found.value else "host name"
    return Found(found.setting, (found.value or host).lower(), source)


def _of_services(dns: Found, services: Found) -> Found:
    """k3s' rule: who moves the Services moves their DNS with them."""
    if dns.value:
        return dns
    source = "default" if services.source == "default" else services.setting.name
    return Found(dns.setting, str(ipaddress.ip_network(services.value)[10]), source)


def _check_networks(found: Mapping[str, Found]) -> None:
    """Raises BadSetting: each is right by itself, and together they cannot be."""
    pods, services, dns = (found[name] for name in ("cluster-cidr", "service-cidr", "cluster-dns"))
    network = ipaddress.ip_network(services.value)
    if network.overlaps(ipaddress.ip_network(pods.value)):
        raise BadSetting(f"service-cidr {services.value} and cluster-cidr {pods.value} overlap")
    address = ipaddress.ip_address(dns.value)
    if address not in network:
        raise BadSetting(f"cluster-dns {dns.value} is not in service-cidr {services.value}")
    if address in (network[0], network[1], network[-1]):
        raise BadSetting(f"cluster-dns cannot be {dns.value}, which is the first or the last of service-cidr")


def _find(
    setting: Setting,
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    documents: Mapping[str, Mapping[str, Any]],
) -> Found:
    candidates = [
        (flags.get(setting.name), setting.flag),
        (environment.get(setting.variable), setting.variable),
        *((document.get(setting.name), name) for name, document in reversed(list(documents.items()))),
    ]
    for given, source in candidates:
        if given is not None:
            return Found(setting, _read(setting, given, source), source)
    return Found(setting, setting.default, "default")


def _read(setting: Setting, given: Any, source: str) -> Any:
    try:
        if setting.is_list:
            items = given if isinstance(given, list | tuple) else str(given).split(",")
            return tuple(setting.read(str(item)) for item in items)
        return setting.read(_as_text(given))
    except ValueError as error:
        where = source if source in (setting.flag, setting.variable) else f"{setting.name} in {source}"
        raise BadSetting(f"{where} cannot be {given!r}: {error}") from None


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
