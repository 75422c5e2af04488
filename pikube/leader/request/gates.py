"""Pure: a pod with scheduling gates says from the beginning why it waits.

An admission plugin. Source: kubernetes pkg/registry/core/pod/strategy.go:applySchedulingGatedCondition.
"""

from __future__ import annotations

from pikube.api.kinds.core_pod import Pod, PodCondition
from pikube.api.times import render_time
from pikube.leader.controllers.conditions import condition_of
from pikube.leader.request.admission import Attributes


class Gates:
    """Implements admission.Plugin."""

    def admit(self, attributes: Attributes) -> None:
        """Adds the condition to new pods."""
        pod = attributes.obj
        if attributes.operation != "CREATE" or not isinstance(pod, Pod) or not pod.spec.scheduling_gates:
            return
        if condition_of(pod.status.conditions, "PodScheduled") is not None:
            return
        condition = PodCondition(
            type="PodScheduled",
            status="False",
            last_transition_time=render_time(attributes.context.now),
            reason="SchedulingGated",
            message="Scheduling is blocked due to non-empty scheduling gates",
        )
        pod.status.conditions = (*pod.status.conditions, condition)

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """Nothing was handed out."""
