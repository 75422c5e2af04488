"""Pure: which attempt of a container a request for logs means.

Enter: the attempts that the runtime has, the container's status. Leave: the attempt's number. Source: kubernetes
pkg/kubelet/kubelet_pods.go:validateContainerLogStatus: while a container waits for its restart, its last end is
both its newest and its previous log.
"""

from __future__ import annotations

from collections.abc import Sequence

from pikube.agent.runtime.contract import Container
from pikube.api.kinds.core_container import ContainerStatus


def chosen_attempt(
    attempts: Sequence[Container], status: ContainerStatus | None, *, previous: bool
) -> int | None:
    """The attempt whose log is meant; None if there is none."""
    begun = [c for c in attempts if c.state != "created"]
    if not begun:
        lost = status is not None and status.container_id
        return status.restart_count if status is not None and lost else None
    if not previous:
        return begun[-1].attempt
    if begun[-1].state == "exited" and status is not None and status.state.waiting is not None:
        return begun[-1].attempt
    if len(begun) > 1:
        return begun[-2].attempt
    return begun[-1].attempt - 1 if begun[-1].attempt > 0 else None
