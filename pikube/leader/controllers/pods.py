"""Pure: what controllers ask of pods: active, ready, available; pods from a template; who goes first.

Enter: pods and templates. Leave: facts and new pods. Called by every workload controller.
Source: kubernetes pkg/controller/controller_utils.go (ActivePodsWithRanks, FilterActivePods) and
pkg/api/v1/pod/util.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import structs

from pikube.api.kinds.core_pod import Pod, PodCondition, PodTemplateSpec
from pikube.api.kinds.meta import Object, ObjectMeta
from pikube.api.times import seconds_since
from pikube.leader.controllers.conditions import condition_of
from pikube.leader.controllers.ownership import owner_reference

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
ENDED = ("Succeeded", "Failed")


def is_active(pod: Pod) -> bool:
    """Neither ended nor going."""
    return pod.status.phase not in ENDED and not pod.metadata.deletion_timestamp


def is_terminating(pod: Pod) -> bool:
    """Going, but not yet ended."""
    return bool(pod.metadata.deletion_timestamp) and pod.status.phase not in ENDED


def ready_condition(pod: Pod) -> PodCondition | None:
    return condition_of(pod.status.conditions, "Ready")


def is_ready(pod: Pod) -> bool:
    condition = ready_condition(pod)
    return condition is not None and condition.status == "True"


def available_in(pod: Pod, min_ready_s: int, now: float) -> float | None:
    """Seconds until the pod counts as available; 0 if it does, None if it is not ready."""
    condition = ready_condition(pod)
    if condition is None or condition.status != "True":
        return None
    if min_ready_s <= 0:
        return 0.0
    ready_s = seconds_since(condition.last_transition_time, now)
    if ready_s is None:
        return float(min_ready_s)
    return min(
        float(min_ready_s), max(0.0, min_ready_s - ready_s)
    )  # a clock set back must not wait for years


def pod_from_template(template: PodTemplateSpec, owner: Object, *, name: str = "") -> Pod:
    """A new pod of an owner; without a name the API generates one."""
    meta = template.metadata
    return Pod(
        metadata=ObjectMeta(
            name=name,
            generate_name="" if name else f"{owner.metadata.name}-",
            namespace=owner.metadata.namespace,
            labels=meta.labels,
            annotations=meta.annotations,
            finalizers=meta.finalizers,
            owner_references=(owner_reference(owner),),
        ),
        spec=template.spec,
    )


def with_labels(template: PodTemplateSpec, labels: dict[str, str]) -> PodTemplateSpec:
    """The template with further labels."""
    meta = template.metadata
    return structs.replace(template, metadata=structs.replace(meta, labels={**meta.labels, **labels}))


def victims(pods: Sequence[Pod], count: int, crowded: Iterable[Pod] = ()) -> list[Pod]:
    """The `count` pods that go first: those not yet on a node, pending, not ready, cheap, crowded on their node
    (among `crowded`), young, often restarted; by name at last, so that the choice does not depend on order."""
    on_node = Counter(pod.spec.node_name for pod in crowded)

    def rank(pod: Pod) -> tuple[object, ...]:
        condition = ready_condition(pod)
        ready_since = condition.last_transition_time if condition and condition.status == "True" else ""
        return (
            bool(pod.spec.node_name),
            {"Pending": 0, "Unknown": 1}.get(pod.status.phase, 2),
            is_ready(pod),
            deletion_cost(pod),
            -on_node[pod.spec.node_name],
            _Newest(ready_since),
            -max((status.restart_count for status in pod.status.container_statuses), default=0),
            _Newest(pod.metadata.creation_timestamp),
            pod.metadata.name,
        )

    return sorted(pods, key=rank)[:count]


class _Newest(str):
    """Times in falling order: the newest sorts first."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


def deletion_cost(pod: Pod) -> int:
    """The annotation's number; 0 for none or nonsense."""
    text = pod.metadata.annotations.get(DELETION_COST, "0")
    return int(text) if text.lstrip("+-").isdigit() else 0
