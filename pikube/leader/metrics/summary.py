"""Pure: what kubelets measured, as metrics.k8s.io tells it.

Enter: a kubelet's /stats/summary. Leave: BoardUse, then NodeMetrics and PodMetrics. Called by BoardMetrics, by the
API and by the autoscaler. Source: metrics-server pkg/storage (a pod counts when all of its containers do).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from pikube.api.kinds.base import Quantity
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.kinds.metrics import ContainerMetrics, NodeMetrics, PodMetrics
from pikube.api.quantity import BINARY, from_nano
from pikube.api.times import parse_time, render_time

NANO = 10**9


class Cpu(msgspec.Struct, rename="camel"):
    usage_nano_cores: int | None = None
    window: str = ""
    time: str = ""


class Memory(msgspec.Struct, rename="camel"):
    working_set_bytes: int | None = None
    time: str = ""


class Measured(msgspec.Struct, rename="camel"):
    name: str = ""
    cpu: Cpu | None = None
    memory: Memory | None = None


class PodReference(msgspec.Struct, rename="camel"):
    uid: str = ""


class MeasuredPod(msgspec.Struct, rename="camel"):
    pod_ref: PodReference = msgspec.field(default_factory=PodReference)
    containers: tuple[Measured, ...] = ()


class Summary(msgspec.Struct, rename="camel"):
    """The parts of kubelet's Summary that are of use here."""

    node: Measured
    pods: tuple[MeasuredPod, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """Of one container or board; None is unknown. `at` is in seconds since 1970."""

    cpu_nanocores: int | None
    memory_bytes: int | None
    at: float
    window_s: float

    def usage(self) -> dict[str, Quantity]:
        """As a resource list, without what is unknown."""
        found: dict[str, Quantity] = {}
        if self.cpu_nanocores is not None:
            found["cpu"] = from_nano(self.cpu_nanocores)
        if self.memory_bytes is not None:
            found["memory"] = from_nano(self.memory_bytes * NANO, BINARY)
        return found


@dataclass(frozen=True, slots=True)
class BoardUse:
    """A board, and the containers of its pods: uid → container → use."""

    node: Use
    pods: Mapping[str, Mapping[str, Use]]


_decoder = msgspec.json.Decoder(Summary)


def read_summary(document: bytes) -> BoardUse:
    """Raises msgspec.MsgspecError for what is no Summary."""
    summary = _decoder.decode(document)
    pods = {
        pod.pod_ref.uid: {c.name: use for c in pod.containers if (use := _use(c)) is not None}
        for pod in summary.pods
    }
    return BoardUse(_use(summary.node) or Use(None, None, 0.0, 0.0), pods)


def _use(measured: Measured) -> Use | None:
    cpu = measured.cpu.usage_nano_cores if measured.cpu else None
    memory = measured.memory.working_set_bytes if measured.memory else None
    if cpu is None and memory is None:
        return None
    time = measured.cpu.time if measured.cpu else measured.memory.time if measured.memory else ""
    window = measured.cpu.window.removesuffix("s") if measured.cpu else ""
    return Use(cpu, memory, parse_time(time) if time else 0.0, float(window or 0))


def node_metrics(node: Node, board: BoardUse) -> NodeMetrics | None:
    """None when nothing is known of the board."""
    usage = board.node.usage()
    if not usage:
        return None
    return NodeMetrics(
        metadata=_meta(node.metadata, board.node.at),
        timestamp=render_time(board.node.at),
        window=render_window(board.node.window_s),
        usage=usage,
    )


def pod_metrics(pod: Pod, board: BoardUse) -> PodMetrics | None:
    """None unless every container of the running pod has been measured, and its CPU for a while: nothing would be
    shown as 0. Init containers count while they run."""
    measured = {
        n: use for n, use in board.pods.get(pod.metadata.uid, {}).items() if use.cpu_nanocores is not None
    }
    if pod.status.phase != "Running" or any(c.name not in measured for c in pod.spec.containers):
        return None
    first = min(use.at for use in measured.values())
    window_s = min(use.window_s for use in measured.values())
    return PodMetrics(
        metadata=_meta(pod.metadata, first),
        timestamp=render_time(first),
        window=render_window(window_s),
        containers=tuple(ContainerMetrics(name=name, usage=use.usage()) for name, use in measured.items()),
    )


def _meta(meta: ObjectMeta, at: float) -> ObjectMeta:
    return ObjectMeta(
        name=meta.name, namespace=meta.namespace, labels=meta.labels, creation_timestamp=render_time(at)
    )


def render_window(seconds: float) -> str:
    """Go's text of a duration, to the millisecond: `15.003s`, `0s`."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
