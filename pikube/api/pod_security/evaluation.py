"""Pure: a pod against a level.

Enter: the level and its version, a pod's metadata and spec. Leave: findings, and their words. Called by
leader/request/pod_security. Source: k8s.io/pod-security-admission policy/registry.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from pikube.api.kinds.core_pod import PodSpec
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.pod_security import baseline, restricted
from pikube.api.pod_security.finding import Finding
from pikube.api.pod_security.policy import LATEST, PRIVILEGED, RESTRICTED, LevelVersion

NEWEST = max(check.since for check in (*baseline.CHECKS, *restricted.CHECKS))


def evaluate(asked: LevelVersion, meta: ObjectMeta, spec: PodSpec) -> list[Finding]:
    """What the pod breaks: baseline's checks in order of their ids, then restricted's."""
    if asked.level == PRIVILEGED:
        return []
    minor = NEWEST if asked.version == LATEST else min(NEWEST, int(asked.version.removeprefix("v1.")))
    added = restricted.CHECKS if asked.level == RESTRICTED else ()
    mine = [check for check in added if check.since <= minor]
    replaced = {check.replaces for check in mine}
    basic = [check for check in baseline.CHECKS if check.since <= minor and check.id not in replaced]
    findings = (check.run(meta, spec, minor) for check in (*basic, *mine))
    return [finding for finding in findings if finding is not None]


def reasons(findings: Sequence[Finding]) -> str:
    """`host namespaces, privileged`."""
    return ", ".join(finding.reason for finding in findings)


def details(findings: Sequence[Finding]) -> str:
    """`privileged (container "c" must not …), runAsUser=0 (…)`."""
    return ", ".join(f"{f.reason} ({f.detail})" if f.detail else f.reason for f in findings)
