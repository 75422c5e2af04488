"""Pure: whether a container that has ended is started again.

Enter: the pod, one of its containers, an exit code. Leave: yes or no: its own rules come first, then its own policy,
then the pod's. Called by the decision and the status. Source: kubernetes pkg/api/v1/pod/util.go:
ContainerShouldRestart.
"""

from __future__ import annotations

from typing import Any

from pikube.agent.runtime.contract import Container
from pikube.api.kinds.core_pod import Pod

RESTART = "Restart"


def should_restart(pod: Pod, container: Any, exit_code: int) -> bool:
    """Of an init container or a usual one; whether an init container has done its part is not asked here."""
    if container.restart_policy:
        rules = (rule for rule in container.restart_policy_rules if _is_for(rule, exit_code))
        rule = next(rules, None)
        if rule is not None and rule.action == RESTART:
            return True
    policy = container.restart_policy or pod.spec.restart_policy
    return policy != "Never" and (policy != "OnFailure" or exit_code != 0)


def is_restarted(pod: Pod, container: Any, exit_code: int) -> bool:
    """Of a container of any kind, as long as its pod goes on: visitors run once, init containers until they have done
    their part, sidecars for ever."""
    if container in pod.spec.ephemeral_containers:
        return False
    if exit_code == 0 and container in pod.spec.init_containers and container.restart_policy != "Always":
        return False
    return should_restart(pod, container, exit_code)


def may_ever_restart(pod: Pod) -> bool:
    """Whether any container of the pod could be started a second time."""
    return any(
        (container.restart_policy or pod.spec.restart_policy) != "Never"
        or (container.restart_policy and any(r.action == RESTART for r in container.restart_policy_rules))
        for container in pod.spec.containers
    )


def end_code(pod: Pod, container: Any, newest: Container | None) -> int | None:
    """How a usual container has ended for good, None for one that has not: by the runtime, or by the status if that
    has lost it (the board was rebooted, the sandbox removed): what has done its part is not run again."""
    if newest is not None:
        code = newest.exit_code if newest.state == "exited" else None
    else:
        told = (
            status.state.terminated
            for status in pod.status.container_statuses
            if status.name == container.name
        )
        ended = next(told, None)
        code = ended.exit_code if ended is not None else None
    return None if code is None or should_restart(pod, container, code) else code


def _is_for(rule: Any, exit_code: int) -> bool:
    codes = rule.exit_codes
    return codes is not None and (exit_code in codes.values) == (codes.operator == "In")
