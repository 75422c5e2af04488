"""Pure: how long a node waits for the next pod of a DaemonSet whose last one failed: 1 s, doubling, up to 15 minutes.

Enter: failures as they are answered, on a monotonic clock. Leaves: what the DaemonSet's controller remembers. Another
generation begins anew. Source: kubernetes pkg/controller/daemon/daemon_controller.go (failedPodsBackoff), client-go
util/flowcontrol/backoff.go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from pikube.api.kinds.apps import DaemonSet

FIRST_S, MAX_S = 1.0, 15 * 60.0
FORGOTTEN_S = 2 * MAX_S  # a node that went so long without a failure is trusted again


class Failure(NamedTuple):
    """The last one of a node: when its pod was taken away, and how long the next failed one stays."""

    node: str
    at: float
    wait_s: float


@dataclass(frozen=True, slots=True)
class Failures:
    """By node, for one generation of one DaemonSet."""

    uid: str = ""
    generation: int = 0
    nodes: tuple[Failure, ...] = ()

    def of(self, daemon_set: DaemonSet, at: float) -> Failures:
        """What still counts for the DaemonSet as it is now."""
        meta = daemon_set.metadata
        if (self.uid, self.generation) != (meta.uid, meta.generation):
            return Failures(meta.uid, meta.generation)
        return replace(self, nodes=tuple(f for f in self.nodes if at - f.at <= FORGOTTEN_S))

    def left_s(self, node: str, at: float) -> float:
        """For how many more seconds a failed pod of the node stays."""
        return max((f.at + f.wait_s - at for f in self.nodes if f.node == node), default=0.0)

    def and_one_of(self, node: str, at: float) -> Failures:
        """A failed pod of the node is taken away now."""
        before = next((f.wait_s for f in self.nodes if f.node == node), 0.0)
        others = tuple(f for f in self.nodes if f.node != node)
        one = Failure(node, at, min(MAX_S, 2 * before) or FIRST_S)
        return replace(self, nodes=tuple(sorted((*others, one))))
