"""Pure: what was measured, in kubelet's words: /stats/summary, /metrics/resource, /metrics/cadvisor.

Enter: samples, the board's pods with their containers. Leave: a document, or families of metrics. Called by the
kubelet API. Sources: kubernetes staging/src/k8s.io/kubelet/pkg/apis/stats/v1alpha1/types.go, pkg/kubelet/metrics/
collectors/resource_metrics.go. `window` in a document's cpu is ours: over how long usageNanoCores is true.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pikube.agent.runtime.contract import Container
from pikube.agent.usage.cgroups import MemoryUse
from pikube.agent.usage.disk_reports import FsUse, PodDisk, container_parts, pod_parts
from pikube.agent.usage.durations import BOUNDS, Durations
from pikube.agent.usage.samples import (
    ContainerTotals,
    Rate,
    Sample,
    board_rate,
    container_rate,
)
from pikube.api.kinds.core_pod import Pod
from pikube.api.times import render_time
from pikube.wire.prometheus import Family


@dataclass(frozen=True, slots=True)
class PodContainers:
    """A pod of this board and its containers that run."""

    pod: Pod
    running: tuple[Container, ...]


@dataclass(frozen=True, slots=True)
class BoardUse:
    """What is known of the board itself beside its samples: sizes in bytes, instants since 1970."""

    node_name: str
    booted_at: float
    disk_bytes: int
    disk_free_bytes: int
    inodes: int
    inodes_free: int
    received_bytes: int
    sent_bytes: int
    pid_limit: int = 0
    processes: int = 0


def summary(
    board: BoardUse,
    pods: Sequence[PodContainers],
    samples: Sequence[Sample],
    traffic: Mapping[str, tuple[int, int]],
    disks: Mapping[str, PodDisk],
    uses: Mapping[str, FsUse],
    *,
    only_cpu_and_memory: bool,
) -> dict[str, Any]:
    """The Summary of kubelet; `traffic` is (received, sent) by pod uid, `disks` where each pod's files are, `uses`
    what was measured there. What is unknown is absent."""
    last = samples[-1]
    time = render_time(last.wall_at)
    node: dict[str, Any] = {
        "nodeName": board.node_name,
        "startTime": render_time(board.booted_at),
        **_cpu(last.board_cpu_ns, board_rate(samples), time),
        **_memory(last.board_memory, time, last.available_bytes),
    }
    if not only_cpu_and_memory:
        node["network"] = _network(time, board.received_bytes, board.sent_bytes)
        node["rlimit"] = {"time": time, "maxpid": board.pid_limit, "curproc": board.processes}
        node["fs"] = {
            "time": time,
            "availableBytes": board.disk_free_bytes,
            "capacityBytes": board.disk_bytes,
            "usedBytes": board.disk_bytes - board.disk_free_bytes,
            "inodesFree": board.inodes_free,
            "inodes": board.inodes,
            "inodesUsed": board.inodes - board.inodes_free,
        }
        node["runtime"] = {"imageFs": node["fs"]}  # one disk holds both
    described = []
    for entry in pods:
        meta = entry.pod.metadata
        document, disk = _pod(entry, samples, time, traffic), disks.get(meta.uid, PodDisk())
        document |= pod_parts(disk, uses, meta.namespace, time)
        for container in document["containers"]:
            container |= container_parts(disk, uses, container["name"], time)
        described.append(document)
    return {"node": node, "pods": described}


def _network(time: str, received: int, sent: int) -> dict[str, Any]:
    """All interfaces together, and the one that a pod has."""
    return {"time": time, "name": "eth0", "rxBytes": received, "txBytes": sent}


def _pod(
    entry: PodContainers, samples: Sequence[Sample], time: str, traffic: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    meta = entry.pod.metadata
    measured = _measured(entry, samples[-1])
    containers = []
    for container, totals in measured:
        rate = container_rate(samples, container.id)
        containers.append(
            {
                "name": container.name,
                "startTime": render_time(container.started_at),
                **_cpu(totals.cpu_ns, rate, time),
                **_memory(totals.memory, time),
            }
        )
    document: dict[str, Any] = {
        "podRef": {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid},
        "startTime": entry.pod.status.start_time or meta.creation_timestamp,
        "containers": containers,
    }
    if measured:
        rates = [container_rate(samples, container.id) for container, _ in measured]
        whole = _sum_of_rates([rate for rate in rates if rate is not None], len(measured))
        document |= _cpu(_sum([totals.cpu_ns for _, totals in measured]), whole, time)
        document |= _memory(_sum_of_memory([totals.memory for _, totals in measured]), time)
        processes = _sum([totals.processes for _, totals in measured])
        if processes is not None:
            document["process_stats"] = {"process_count": processes}
    if meta.uid in traffic:
        document["network"] = _network(time, *traffic[meta.uid])
    return document


def _measured(entry: PodContainers, sample: Sample) -> list[tuple[Container, ContainerTotals]]:
    return [(c, sample.containers[c.id]) for c in entry.running if c.id in sample.containers]


def _cpu(used_ns: int | None, rate: Rate | None, time: str) -> dict[str, Any]:
    if used_ns is None:
        return {}
    document: dict[str, Any] = {"time": time, "usageCoreNanoSeconds": used_ns}
    if rate is not None:
        document |= {"usageNanoCores": rate.nanocores, "window": f"{rate.window_s:.3f}s"}
    return {"cpu": document}


def _memory(use: MemoryUse | None, time: str, available_bytes: int | None = None) -> dict[str, Any]:
    if use is None:
        return {}
    document: dict[str, Any] = {
        "time": time,
        "usageBytes": use.usage_bytes,
        "workingSetBytes": use.working_set_bytes,
        "rssBytes": use.rss_bytes,
        "pageFaults": use.page_faults,
        "majorPageFaults": use.major_page_faults,
    }
    if available_bytes is not None:
        document["availableBytes"] = available_bytes
    return {"memory": document}


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _sum_of_rates(rates: Sequence[Rate], count: int) -> Rate | None:
    if len(rates) < count:
        return None
    return Rate(sum(rate.nanocores for rate in rates), min(rate.window_s for rate in rates))


def _sum_of_memory(uses: Sequence[MemoryUse | None]) -> MemoryUse | None:
    known = [use for use in uses if use is not None]
    if len(known) < len(uses):
        return None
    return MemoryUse(
        sum(use.usage_bytes for use in known),
        sum(use.working_set_bytes for use in known),
        sum(use.rss_bytes for use in known),
        sum(use.page_faults for use in known),
        sum(use.major_page_faults for use in known),
    )


def resource_families(pods: Sequence[PodContainers], sample: Sample) -> list[Family]:
    """/metrics/resource, which metrics-server and Prometheus read."""
    at = int(sample.wall_at * 1000)
    node_cpu = Family("node_cpu_usage_seconds_total", "counter",
                      "[STABLE] Cumulative cpu time consumed by the node in core-seconds")  # fmt: skip
    node_memory = Family("node_memory_working_set_bytes", "gauge",
                         "[STABLE] Current working set of the node in bytes")  # fmt: skip
    cpu = Family("container_cpu_usage_seconds_total", "counter",
                 "[STABLE] Cumulative cpu time consumed by the container in core-seconds")  # fmt: skip
    memory = Family("container_memory_working_set_bytes", "gauge",
                    "[STABLE] Current working set of the container in bytes")  # fmt: skip
    started = Family("container_start_time_seconds", "gauge",
                     "[STABLE] Start time of the container since unix epoch in seconds")  # fmt: skip
    pod_cpu = Family("pod_cpu_usage_seconds_total", "counter",
                     "[STABLE] Cumulative cpu time consumed by the pod in core-seconds")  # fmt: skip
    pod_memory = Family("pod_memory_working_set_bytes", "gauge",
                        "[STABLE] Current working set of the pod in bytes")  # fmt: skip
    error = Family("resource_scrape_error", "gauge",
                   "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise")  # fmt: skip
    error.add(0)
    if sample.board_cpu_ns is not None:
        node_cpu.add(sample.board_cpu_ns / 1e9, at_ms=at)
    if sample.board_memory is not None:
        node_memory.add(sample.board_memory.working_set_bytes, at_ms=at)
    for entry in pods:
        meta = entry.pod.metadata
        measured = _measured(entry, sample)
        for container, totals in measured:
            labels = {"container": container.name, "namespace": meta.namespace, "pod": meta.name}
            started.add(container.started_at, labels)
            if totals.cpu_ns is not None:
                cpu.add(totals.cpu_ns / 1e9, labels, at_ms=at)
            if totals.memory is not None:
                memory.add(totals.memory.working_set_bytes, labels, at_ms=at)
        if measured:
            labels = {"namespace": meta.namespace, "pod": meta.name}
            used = _sum([totals.cpu_ns for _, totals in measured])
            held = _sum_of_memory([totals.memory for _, totals in measured])
            if used is not None:
                pod_cpu.add(used / 1e9, labels, at_ms=at)
            if held is not None:
                pod_memory.add(held.working_set_bytes, labels, at_ms=at)
    return [cpu, memory, started, node_cpu, node_memory, pod_cpu, pod_memory, error]


def cadvisor_families(
    pods: Sequence[PodContainers], sample: Sample, cpus: int, memory_bytes: int
) -> list[Family]:
    """/metrics/cadvisor: the names that dashboards for Kubernetes ask for."""
    cores = Family("machine_cpu_cores", "gauge", "Number of logical CPU cores.")
    machine = Family("machine_memory_bytes", "gauge", "Amount of memory installed on the machine.")
    cores.add(cpus)
    machine.add(memory_bytes)
    cpu = Family("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds.")
    usage = Family("container_memory_usage_bytes", "gauge", "Current memory usage in bytes.")
    working = Family("container_memory_working_set_bytes", "gauge", "Current working set in bytes.")
    rss = Family("container_memory_rss", "gauge", "Size of RSS in bytes.")
    started = Family("container_start_time_seconds", "gauge", "Start time since unix epoch in seconds.")
    for entry in pods:
        meta = entry.pod.metadata
        for container, totals in _measured(entry, sample):
            labels = {
                "container": container.name, "id": container.cgroup, "image": container.image,
                "name": container.id, "namespace": meta.namespace, "pod": meta.name,
            }  # fmt: skip
            started.add(container.started_at, labels)
            if totals.cpu_ns is not None:
                cpu.add(totals.cpu_ns / 1e9, {**labels, "cpu": "total"})
            if totals.memory is not None:
                usage.add(totals.memory.usage_bytes, labels)
                working.add(totals.memory.working_set_bytes, labels)
                rss.add(totals.memory.rss_bytes, labels)
    return [cores, machine, cpu, usage, working, rss, started]


class Probes(Protocol):
    """The probes of a pod."""

    @property
    def results(self) -> Mapping[tuple[str, str, str], int]:
        """How many of (container, kind) had which result."""
        ...

    @property
    def durations(self) -> Mapping[tuple[str, str], Durations]:
        """How long those of (container, kind) took that said something."""
        ...


def probe_families(pods: Iterable[tuple[Pod, Probes]]) -> list[Family]:
    """/metrics/probes (kubernetes pkg/kubelet/prober/{prober_manager,worker}.go)."""
    words = "[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result."
    total = Family("prober_probe_total", "counter", words)
    duration = Family(
        "prober_probe_duration_seconds", "histogram", "[ALPHA] Duration in seconds for a probe response."
    )
    for pod, probes in pods:
        meta = pod.metadata
        of_pod = {"namespace": meta.namespace, "pod": meta.name}
        for (container, kind, result), count in sorted(probes.results.items()):
            of_kind = {"pod_uid": meta.uid, "probe_type": kind.capitalize(), "result": result}
            total.add(count, {"container": container, **of_pod, **of_kind})
        for (container, kind), took in sorted(probes.durations.items()):
            labels = {"container": container, **of_pod, "probe_type": kind.capitalize()}
            duration.add_histogram(BOUNDS, took.counts, took.total_s, labels)
    return [total, duration]


def kubelet_families(
    node_name: str, pods: Sequence[PodContainers], count_by_state: Iterable[tuple[str, int]]
) -> list[Family]:
    """/metrics: what the agent says of its own work."""
    name = Family("kubelet_node_name", "gauge", "[ALPHA] The node's name. The count is always 1.")
    name.add(1, {"node": node_name})
    running = Family("kubelet_running_pods", "gauge",
                     "[ALPHA] Number of pods that have a running pod sandbox")  # fmt: skip
    running.add(sum(bool(entry.running) for entry in pods))
    containers = Family("kubelet_running_containers", "gauge",
                        "[ALPHA] Number of containers currently running")  # fmt: skip
    for state, count in count_by_state:
        containers.add(count, {"container_state": state})
    return [containers, name, running]
