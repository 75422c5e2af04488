"""Pure: the labels `pod-security.kubernetes.io/*` of a namespace.

Enter: labels. Leave: a level and a version for each mode, and what is wrong with the labels. Called by
leader/request/pod_security. Source: k8s.io/pod-security-admission api/helpers.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pikube.api.errors import Cause
from pikube.api.validation.causes import invalid

PREFIX = "pod-security.kubernetes.io/"
PRIVILEGED, BASELINE, RESTRICTED = LEVELS = ("privileged", "baseline", "restricted")  # ever stricter
LATEST = "latest"
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class LevelVersion:
    """`restricted` as of `v1.25`, or as of `latest`."""

    level: str = PRIVILEGED
    version: str = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"

    @property
    def strictness(self) -> int:
        return LEVELS.index(self.level)


@dataclass(frozen=True, slots=True)
class Policy:
    enforce: LevelVersion = LevelVersion()
    audit: LevelVersion = LevelVersion()
    warn: LevelVersion = LevelVersion()

    @property
    def asks_nothing(self) -> bool:
        return {self.enforce.level, self.audit.level, self.warn.level} == {PRIVILEGED}


def policy_of(labels: Mapping[str, str]) -> tuple[Policy, list[Cause]]:
    """A label that cannot be read enforces `restricted`, and neither warns nor audits; who enforces and says
    nothing of warnings warns of the same."""
    causes: list[Cause] = []
    found = {}
    for mode, unread in (("enforce", RESTRICTED), ("audit", PRIVILEGED), ("warn", PRIVILEGED)):
        level = labels.get(PREFIX + mode, PRIVILEGED)
        if level not in LEVELS:
            words = f"must be one of {', '.join(LEVELS)}"
            causes.append(invalid(f"metadata.labels[{PREFIX}{mode}]", level, words))
            level = unread
        key = f"{PREFIX}{mode}-version"
        version = labels.get(key, LATEST)
        if version != LATEST and not _VERSION.fullmatch(version):
            causes.append(invalid(f"metadata.labels[{key}]", version, 'must be "latest" or "v1.x"'))
            version = LATEST
        found[mode] = LevelVersion(level, version)
    enforce, warn = found["enforce"], found["warn"]
    says_level, is_read = PREFIX + "warn" in labels, labels.get(PREFIX + "enforce") in LEVELS
    if is_read and not says_level and enforce.strictness > warn.strictness:
        says_version = f"{PREFIX}warn-version" in labels
        warn = LevelVersion(enforce.level, warn.version if says_version else enforce.version)
    return Policy(enforce, found["audit"], warn), causes
