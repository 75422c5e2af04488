"""Shell: the agent: everything that runs on one board, in the order in which it must begin and end.

    runtime → node registered → pod network → workers, heartbeats, kubelet API

Enter: a Client, settings. Called by run.py, embedded in a leader or alone.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import trio

from pikube.agent.cluster_memory import ClusterMemory
from pikube.agent.configz import configz
from pikube.agent.facts import (
    group_files,
    has_apparmor,
    has_selinux,
    loaded_profiles,
    lowest_oom_score,
    oci_runtimes,
    read_facts,
)
from pikube.agent.kubelet_api import KubeletApi
from pikube.agent.local_volumes import LocalVolumes
from pikube.agent.node import NodeAgent
from pikube.agent.pods.board import Board
from pikube.agent.pods.container_specs import DnsSettings
from pikube.agent.pods.image_pulls import ImagePulls
from pikube.agent.pods.log_rotation import LogLimits, LogRotation
from pikube.agent.pods.manager import PodManager
from pikube.agent.pods.node_admission import Enforced
from pikube.agent.pods.object_watch import FIRST_ANSWER_S, ObjectWatches
from pikube.agent.pods.references import References
from pikube.agent.pods.starting import Starter, StartSettings
from pikube.agent.pods.static_pods import StaticPods
from pikube.agent.pods.tokens import Tokens
from pikube.agent.pressure.images import Collection
from pikube.agent.pressure.keeper import Keeper, KeeperParts
from pikube.agent.pressure.signals import parse_thresholds
from pikube.agent.registry_files import place_registries
from pikube.agent.runtime.contract import RuntimeFailure, RuntimeMissing
from pikube.agent.runtime.podman import Podman
from pikube.agent.runtime.processes import OomWatch
from pikube.agent.runtime.service import PodmanPlace, open_podman
from pikube.agent.usage.api import UsageApi
from pikube.agent.usage.meter import Meter
from pikube.api.client import Client, ConnectionLost
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.meta import Object
from pikube.config import Settings
from pikube.informer.informer import Informer, Informers
from pikube.informer.recorder import Recorder
from pikube.wire.addresses import OwnAddress, mtu_towards

log = logging.getLogger("pikube.agent")

NETWORK = "pikube0"  # also the bridge's interface: at most 15 characters


@dataclass(frozen=True, slots=True)
class Agent:
    """A board at work. `record(regarding, type, reason, message)` records an event in its name."""

    kubelet: KubeletApi
    manager: PodManager
    pod_cidr: str
    pods: Informer[Pod]
    record: Callable[[Object, str, str, str], None]
    say_unreached: Callable[[str], None]


def podman_place(settings: Settings) -> PodmanPlace:
    """Where this board's Podman is, by its settings."""
    return PodmanPlace(
        socket=settings.podman_socket,
        run_dir=str(settings.data / "agent"),
        root=settings.podman_root,
        runroot=settings.podman_runroot,
        network_dir=settings.podman_network_dir,
        containers_conf=settings.containers_conf,
        instance=settings.node_name,
    )


def read_resolv_conf(path: str = "/etc/resolv.conf") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(nameservers, search domains) of the host."""
    servers: list[str] = []
    searches: list[str] = []
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return (), ()
    for line in lines:
        words = line.split("#", 1)[0].split()
        if len(words) > 1 and words[0] == "nameserver":
            servers.append(words[1])
        elif len(words) > 1 and words[0] == "search":
            searches = words[1:]
    return tuple(servers), tuple(searches)


@asynccontextmanager
async def open_agent(
    client: Client,
    informers: Informers,
    settings: Settings,
    address: OwnAddress,
    memory: ClusterMemory,
    are_pods_carried: Callable[[], Awaitable[bool]],
    *,
    is_leader: bool,
) -> AsyncIterator[Agent]:
    """A registered, Ready board; one whose leader is away, with what it remembers. `are_pods_carried` tells whether
    the host gives pods their way out without Podman's rules. Raises RuntimeMissing."""
    settings.pods.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = podman_place(settings)
    registries = place_registries(Path(settings.private_registry), Path(place.run_dir))
    place = replace(place, **registries)
    async with open_podman(place) as runtime, trio.open_nursery() as nursery:
        recorder = Recorder(client, host=settings.node_name)
        await nursery.start(recorder.run)
        known = await trio.to_thread.run_sync(memory.node, settings.node_name)
        node = NodeAgent(client, runtime, settings, address, is_leader=is_leader, remembered=known)
        address.subscribe(node.report_soon)
        registered = await node.register()
        recorder.record("kubelet", registered, "Normal", "Starting", "Starting kubelet.")
        if node.runtime_warning:
            recorder.record("kubelet", registered, "Warning", "SlowStorageDriver", node.runtime_warning)
        runtime.tell_restarts(
            lambda words: recorder.record("kubelet", node.node, "Warning", "ContainerRuntimeRestarted", words)
        )
        runtime.tell_health(node.report_soon)
        nodes = informers.of(Node)
        nodes.subscribe(node.seen)
        await nursery.start(memory.run, informers)
        pod_cidr = await _wait_pod_cidr(nodes, settings.node_name)
        await _prepare_network(runtime, pod_cidr, mtu_towards(address()), await are_pods_carried())
        informers.of(Service)
        pods = Informer(
            client, Pod, field_selector=f"spec.nodeName={settings.node_name}", reached=informers.reached
        )
        await _start_or_remember(nursery, pods, memory)
        servers, searches = read_resolv_conf()
        watches = ObjectWatches(client, memory.kept)
        await nursery.start(watches.run)
        tokens = Tokens(client, None if is_leader else settings.data / "agent" / "tokens")
        dns = DnsSettings(settings.cluster_dns, settings.cluster_domain, servers, searches)
        references = References(runtime, informers, watches, tokens, lambda: node.node.status.allocatable)
        at_once = 1 if settings.serialize_image_pulls else max(1, settings.max_parallel_image_pulls)
        images = ImagePulls(runtime, node.facts.architecture, at_once=at_once, pulled=node.image_pulled)
        seccomp_dir = str(settings.data / "seccomp")
        board = Board(
            client=client,
            runtime=runtime,
            recorder=recorder,
            references=references,
            starter=Starter(
                runtime,
                references,
                images,
                StartSettings(
                    dns,
                    node.facts.memory_bytes,
                    seccomp_dir,
                    has_selinux(),
                    max(0, settings.pod_max_pids),
                    lowest_oom_score(),
                    group_files(),
                    loaded_profiles,
                    settings.logs,
                ),
            ),
            oom=OomWatch(),
            network=NETWORK,
            dns=dns,
            pods_dir=settings.pods,
            host_ip=address,
            node=lambda: node.node,
            enforced=Enforced(
                [name.strip() for name in settings.allowed_unsafe_sysctls.split(",") if name.strip()],
                has_apparmor(),
                oci_runtimes(),
            ),
            pressures=lambda: node.pressures(),
        )
        manifests = settings.data / "agent" / "pod-manifests"
        static = StaticPods(manifests, lambda: node.node, client, time.time)
        manager = PodManager(board, pods, static, memory.kept)
        await nursery.start(manager.run)
        keeper = Keeper(
            KeeperParts(
                workers=manager.workers,
                runtime=runtime,
                meter=Meter(manager.running),
                facts=lambda: read_facts(settings.data),
                thresholds=parse_thresholds(settings.eviction_hard),
                transition_s=settings.eviction_pressure_transition_period,
                collection=Collection(
                    settings.image_gc_high_threshold,
                    settings.image_gc_low_threshold,
                    settings.minimum_image_ttl_duration,
                ),
                warn=lambda reason, words: recorder.record("kubelet", node.node, "Warning", reason, words),
            )
        )
        node.pressures = lambda: keeper.pressures
        await nursery.start(keeper.run)
        limits = LogLimits(settings.container_log_max_size, settings.container_log_max_files)
        await nursery.start(LogRotation(manager.open_logs, limits).run)
        await nursery.start(LocalVolumes(client, informers, settings.node_name).run)
        node.not_ready_because = ""
        with suppress(ConnectionLost):  # the leader is away: it is told when it is back
            await node.report()
        await nursery.start(node.run)
        log.info("event=node_ready node=%s pod_cidr=%s", settings.node_name, pod_cidr)
        usage = UsageApi(
            manager.containers, manager.probes, manager.disks, settings.node_name, Path(settings.data_dir)
        )
        record = partial(recorder.record, "kube-proxy")
        kubelet = KubeletApi(manager, runtime, usage, configz(settings, pod_cidr))
        yield Agent(kubelet, manager, pod_cidr, pods, record, node.say_unreached)
        nursery.cancel_scope.cancel()


async def _start_or_remember(nursery: trio.Nursery, pods: Informer[Pod], memory: ClusterMemory) -> None:
    """The pods of this board: the API's, or those that it had, if the API does not answer."""
    listing = trio.Event()

    async def run() -> None:
        async with trio.open_nursery() as inner:
            await inner.start(pods.run)
            listing.set()

    with trio.move_on_after(FIRST_ANSWER_S) as waiting:
        nursery.start_soon(run)
        await listing.wait()
    if waiting.cancelled_caught and not pods.is_synced:
        pods.seed(await trio.to_thread.run_sync(memory.kept.read_all, Pod))


async def _wait_pod_cidr(nodes: Informer[Node], name: str) -> str:
    """The range that the leader allocates to this node."""
    found = trio.Event()
    cidr = ""

    def changed(old: Node | None, new: Node | None) -> None:
        nonlocal cidr
        if new is not None and new.metadata.name == name and new.spec.pod_cidr:
            cidr = new.spec.pod_cidr
            found.set()

    nodes.subscribe(changed)
    await found.wait()
    return cidr


async def _prepare_network(runtime: Podman, pod_cidr: str, mtu: int, is_carried: bool) -> None:
    gateway = str(ipaddress.ip_network(pod_cidr)[1])
    try:
        await runtime.ensure_network(NETWORK, pod_cidr, gateway, mtu, is_internal=is_carried)
    except RuntimeFailure as failure:
        raise RuntimeMissing(
            f"the pod network {pod_cidr} of this board cannot be made: {failure.message}; "
            "remove what uses that range, or choose another --cluster-cidr"
        ) from None
