"""Shell: the paths of the kubelet API that tell what the board uses: /stats/summary and /metrics.

Enter: a path. Leaves: an answer, None for paths that are not ours. Called by the kubelet API.
"""

from __future__ import annotations

import collections
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs

import msgspec
import trio

from pikube.agent.facts import read_facts
from pikube.agent.runtime.contract import Container
from pikube.agent.usage import cgroups, reports
from pikube.agent.usage.disk import DiskMeter
from pikube.agent.usage.disk_reports import PodDisk, volume_families
from pikube.agent.usage.meter import Meter, read_text
from pikube.agent.usage.reports import BoardUse, PodContainers, Probes
from pikube.api.kinds.core_pod import Pod
from pikube.wire.messages import Response
from pikube.wire.process import process_families
from pikube.wire.prometheus import CONTENT_TYPE, Family, render

PodsOfBoard = Callable[[], Iterable[tuple[Pod, Mapping[str, list[Container]]]]]
"""The board's pods, each with its containers' attempts by name, the newest last."""
ProbesOfBoard = Callable[[], Iterable[tuple[Pod, Probes]]]
DisksOfBoard = Callable[[], Sequence[tuple[Pod, PodDisk]]]
"""The board's pods, each with where its files are."""


class UsageApi:
    """Answers from a Meter."""

    def __init__(
        self, pods: PodsOfBoard, probes: ProbesOfBoard, disks: DisksOfBoard, node_name: str, data_dir: Path
    ) -> None:
        self._pods = pods
        self._disks = disks
        self._disk = DiskMeter()
        self._probes = probes
        self._node_name = node_name
        self._data_dir = data_dir
        self._meter = Meter(lambda: [c for entry in self._entries() for c in entry.running])

    async def answer(self, path: str, query: str) -> Response | None:
        """One document."""
        match path.strip("/").split("/"):
            case ["stats", "summary"]:
                only = parse_qs(query).get("only_cpu_and_memory", [""])[-1] in ("true", "1")
                return await self._summary(only)
            case ["metrics", "resource"]:
                sample = await self._meter.latest()
                return _text(reports.resource_families(self._entries(), sample))
            case ["metrics", "cadvisor"]:
                sample = await self._meter.latest()
                memory = cgroups.keyed((read_text("/proc/meminfo") or "").replace(":", " ")).get(
                    "MemTotal", 0
                )
                families = reports.cadvisor_families(
                    self._entries(), sample, os.cpu_count() or 1, memory * 1024
                )
                return _text(families)
            case ["metrics", "probes"]:
                return _text(reports.probe_families(self._probes()))
            case ["metrics"]:
                return _text(await self._own())
        return None

    async def _summary(self, only_cpu_and_memory: bool) -> Response:
        samples = await self._meter.samples()
        entries = self._entries()
        traffic = {} if only_cpu_and_memory else await trio.to_thread.run_sync(read_traffic, entries)
        board = await trio.to_thread.run_sync(read_board, self._node_name, self._data_dir)
        disks = {} if only_cpu_and_memory else {pod.metadata.uid: disk for pod, disk in self._disks()}
        uses = await self._disk.of(path for disk in disks.values() for path in disk.paths())
        if not only_cpu_and_memory:
            self._disk.forget_others(uses)
        document = reports.summary(
            board, entries, samples, traffic, disks, uses, only_cpu_and_memory=only_cpu_and_memory
        )
        return Response(200, (("Content-Type", "application/json"),), (msgspec.json.encode(document),))

    async def _own(self) -> list[Family]:
        states = collections.Counter(
            attempts[-1].state
            for _, containers in self._pods()
            for attempts in containers.values()
            if attempts
        )
        own = reports.kubelet_families(self._node_name, self._entries(), sorted(states.items()))
        disks = self._disks()
        claimed = (volume.path for _, disk in disks for volume in disk.volumes if volume.claim)
        return [*own, *volume_families(disks, await self._disk.of(claimed)), *process_families()]

    def _entries(self) -> list[PodContainers]:
        return [
            PodContainers(
                pod,
                tuple(
                    attempts[-1]
                    for attempts in containers.values()
                    if attempts and attempts[-1].state == "running"
                ),
            )
            for pod, containers in self._pods()
        ]


def read_board(node_name: str, data_dir: Path) -> BoardUse:
    """The board's disk, network and age."""
    disk = os.statvfs(data_dir)
    received, sent = cgroups.network_bytes(read_text("/proc/net/dev") or "")
    facts = read_facts(data_dir)
    up_s = float((read_text("/proc/uptime") or "0").split()[0])
    return BoardUse(
        node_name=node_name,
        booted_at=time.time() - up_s,
        disk_bytes=disk.f_blocks * disk.f_frsize,
        disk_free_bytes=disk.f_bavail * disk.f_frsize,
        inodes=disk.f_files,
        inodes_free=disk.f_ffree,
        received_bytes=received,
        sent_bytes=sent,
        pid_limit=facts.pid_limit,
        processes=facts.processes,
    )


def read_traffic(entries: Iterable[PodContainers]) -> dict[str, tuple[int, int]]:
    """(received, sent) bytes by pod uid, of pods that have a network of their own."""
    found = {}
    for entry in entries:
        if entry.running and not entry.pod.spec.host_network:
            dev = read_text(f"/proc/{entry.running[0].pid}/net/dev")
            if dev is not None:
                found[entry.pod.metadata.uid] = cgroups.network_bytes(dev)
    return found


def _text(families: list[Family]) -> Response:
    return Response(200, (("Content-Type", CONTENT_TYPE),), (render(families),))
