"""Pure: what a pod's events say of its containers, in kubelet's words.

Enter: the pod, what was observed, what the worker remembers. Leave: reasons and messages. Called by the worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pikube.agent.pods.decision import Observed, backoff_s
from pikube.agent.pods.restarts import is_restarted
from pikube.api.kinds.core_pod import Pod

SANDBOX_CHANGED = "Pod sandbox changed, it will be killed and re-created."


def declared(pod: Pod, name: str) -> Any:
    """The declaration of a container of any kind, None if the pod has none of that name."""
    spec = pod.spec
    every: list[Any] = [*spec.init_containers, *spec.containers, *spec.ephemeral_containers]
    return next((container for container in every if container.name == name), None)


def has_begun(pod: Pod, attempts: Mapping[str, int]) -> bool:
    """Whether any container of it has been there."""
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    return bool(attempts) or any(status.container_id for status in statuses)


def field_path(pod: Pod, container: str) -> str:
    """Which part of the pod an event is about; '' for the whole."""
    if not container:
        return ""
    places: dict[str, Sequence[Any]] = {
        "ephemeralContainers": pod.spec.ephemeral_containers,
        "initContainers": pod.spec.init_containers,
    }
    for place, containers in places.items():
        if any(each.name == container for each in containers):
            return f"spec.{place}{{{container}}}"
    return f"spec.containers{{{container}}}"


def back_offs(
    pod: Pod,
    observed: Observed,
    waiting: Mapping[str, tuple[str, str]],
    failures: Mapping[str, int],
    crashes: Mapping[str, int],
    now: float,
) -> dict[str, tuple[str, str, str]]:
    """Which containers wait for their next try: (what tells this wait from another, event type, message)."""
    waits: dict[str, tuple[str, str, str]] = {}
    for name, (reason, _) in waiting.items():
        if reason == "ImagePullBackOff":
            image = getattr(declared(pod, name), "image", "")
            waits[name] = (str(failures.get(name)), "Normal", f'Back-off pulling image "{image}"')
    for name, attempts in observed.containers.items():
        newest, pause_s = attempts[-1], backoff_s(crashes.get(name, 0))
        container = declared(pod, name)
        is_due = container is not None and is_restarted(pod, container, newest.exit_code)
        is_waiting = newest.state == "exited" and now < newest.finished_at + pause_s
        if is_due and is_waiting and name not in waits:
            meta = pod.metadata
            whose = f"{meta.name}_{meta.namespace}({meta.uid})"
            waits[name] = (
                newest.id,
                "Warning",
                f"Back-off restarting failed container {name} in pod {whose}",
            )
    return waits


def failed_start(reason: str, message: str) -> list[str]:
    """The messages of the events `Failed` of one start."""
    if reason == "ErrImagePull":
        return [message[:1].upper() + message[1:], f"Error: {reason}"]  # a sentence, as kubelet's
    if reason in ("ErrImageNeverPull", "InvalidImageName"):  # of which another event tells
        return [f"Error: {reason}"]
    return [f"Error: {message}"]
