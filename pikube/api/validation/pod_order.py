"""Pure: the order in which kube-apiserver looks at a pod, for causes that were found in another one.

Enter: causes below a pod spec. Leave: the same, as upstream tells them: volumes, then each container from its name
to its probes, then the rest of the spec. Called by `pods`. Source: kubernetes
pkg/apis/core/validation/validation.go:ValidatePodSpec, validateContainerCommon, validateContainers.
"""

from __future__ import annotations

import re

from pikube.api.errors import Cause

SPEC = (
    "volumes", "resourceClaims", "containers", "initContainers", "ephemeralContainers", "resources", "hostPorts",
    "terminationGracePeriodSeconds", "restartPolicy", "dnsPolicy", "nodeSelector", "securityContext",
    "shareProcessNamespace", "imagePullSecrets", "affinity", "dnsConfig", "readinessGates", "schedulingGates",
    "topologySpreadConstraints", "hostNetwork", "HostPID", "HostIPC", "serviceAccountName", "nodeName",
    "activeDeadlineSeconds", "hostname", "subdomain", "tolerations", "hostAliases", "priorityClassName",
    "runtimeClassName", "preemptionPolicy", "overhead", "os",
)  # fmt: skip
CONTAINER = (
    "name", "image", "terminationMessagePolicy", "ports", "env", "envFrom", "volumeMounts", "volumeDevices",
    "imagePullPolicy", "resources", "resizePolicy", "securityContext", "another name", "lifecycle", "livenessProbe",
    "readinessProbe", "startupProbe", "restartPolicy", "restartPolicyRules",
)  # fmt: skip
CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
HOST_NETWORK = "must match `containerPort` when `hostNetwork` is true"
_PART = re.compile(r"([A-Za-z]+)(?:\[(\d+)\])?(?:\.([A-Za-z]+)(?:\[(\d+)\])?)?")
LAST = 1 << 30


def in_order(causes: list[Cause], path: str) -> list[Cause]:
    """Of a spec at `path`."""
    return sorted(causes, key=lambda cause: _place(cause, path))


def _place(cause: Cause, path: str) -> tuple[int, int, int, int]:
    part = _PART.match(cause.field.removeprefix(path).removeprefix("."))
    if part is None:
        return -1, 0, 0, 0
    first, index, second, item = part.groups()
    if first in CONTAINERS and cause.message.endswith(HOST_NETWORK):
        return SPEC.index("hostPorts"), int(index or 0), 0, 0
    is_twice = cause.reason == "FieldValueDuplicate"
    if first in CONTAINERS and is_twice and cause.field.endswith(".hostPort"):
        return SPEC.index(first), LAST, 0, 0  # looked at once all containers are
    if second == "name" and is_twice:
        second = "another name"
    inner = CONTAINER.index(second) if first in CONTAINERS and second in CONTAINER else 0
    rank = SPEC.index(first) if first in SPEC else len(SPEC)
    return rank, int(index or 0), inner, int(item or 0)
