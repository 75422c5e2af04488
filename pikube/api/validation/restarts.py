"""Pure: what is wrong with how a container says it is to be restarted, in Kubernetes' words.

Enter: a container. Leave: causes. Source: pkg/apis/core/validation/validation.go:validateContainerRestartPolicy.
"""

from __future__ import annotations

from pikube.api.errors import Cause
from pikube.api.kinds.core_container import Container, EphemeralContainer
from pikube.api.validation.causes import not_supported, required, too_many

POLICIES = ("Always", "Never", "OnFailure")
ACTIONS = ("Restart", "RestartAllContainers")
MOST_RULES, MOST_VALUES = 20, 255


def restart_causes(container: Container | EphemeralContainer, path: str) -> list[Cause]:
    """Rules count beside a policy of the container's own only."""
    causes: list[Cause] = []
    policy, rules = container.restart_policy, container.restart_policy_rules
    if policy is None and rules:
        causes.append(
            required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used")
        )
    elif policy is not None and policy not in POLICIES:
        causes.append(not_supported(f"{path}.restartPolicy", policy, POLICIES))
    if len(rules) > MOST_RULES:
        causes.append(too_many(f"{path}.restartPolicyRules", len(rules), MOST_RULES))
    for index, rule in enumerate(rules):
        here = f"{path}.restartPolicyRules[{index}]"
        if rule.action not in ACTIONS:
            causes.append(not_supported(f"{here}.action", rule.action, ACTIONS))
        codes = rule.exit_codes
        if codes is None:
            causes.append(required(f"{here}.exitCodes", "must be specified"))
            continue
        if codes.operator not in ("In", "NotIn"):
            causes.append(not_supported(f"{here}.exitCodes.operator", codes.operator, ("In", "NotIn")))
        if len(codes.values) > MOST_VALUES:
            causes.append(too_many(f"{here}.exitCodes.values", len(codes.values), MOST_VALUES))
    return causes
