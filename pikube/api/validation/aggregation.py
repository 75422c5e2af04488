"""Pure: APIServices: what is filled in, and what is wrong with them.

Source: kubernetes kube-aggregator pkg/apis/apiregistration/validation, pkg/controllers/status.
"""

from __future__ import annotations

import base64

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.apiregistration import APIService, APIServiceCondition, APIServiceStatus
from pikube.api.validation.causes import by_rule, invalid, not_supported, required

STATUSES = ("True", "False", "Unknown")
LOCAL = ("True", "Local", "Local APIServices are always available")


def default_api_service(obj: APIService) -> None:
    """What this server serves itself is available."""
    if obj.spec.service is not None:
        _default_service(obj)
        return
    status, reason, message = LOCAL
    condition = APIServiceCondition(
        type="Available",
        status=status,
        reason=reason,
        message=message,
        last_transition_time=obj.metadata.creation_timestamp,
    )
    obj.status = APIServiceStatus(conditions=(condition,))


def _default_service(obj: APIService) -> None:
    """The leader says how the Service is (leader/request/aggregation); it was ours before, or is new."""
    assert obj.spec.service is not None
    if obj.spec.service.port is None:
        obj.spec.service.port = 443
    obj.status = APIServiceStatus(conditions=tuple(c for c in obj.status.conditions if c.reason != LOCAL[1]))


def api_service_causes(obj: APIService) -> list[Cause]:
    spec = obj.spec
    wanted = f"{spec.version}.{spec.group}"
    causes: list[Cause] = []
    if obj.metadata.name != wanted:
        words = f'must be `spec.version+"."+spec.group`: "{wanted}"'
        causes.append(invalid("metadata.name", obj.metadata.name, words))
    if not spec.group and spec.version != "v1":
        words = "only v1 may have an empty group and it better be legacy kube"
        causes.append(required("spec.group", words))
    if spec.group:
        causes += by_rule("spec.group", spec.group, names.dns1123_subdomain)
    causes += by_rule("spec.version", spec.version, names.dns1035_label)
    if not 0 < spec.group_priority_minimum <= 20000:
        words = "must be positive and less than 20000"
        causes.append(invalid("spec.groupPriorityMinimum", spec.group_priority_minimum, words))
    if not 0 < spec.version_priority <= 1000:
        causes.append(
            invalid("spec.versionPriority", spec.version_priority, "must be positive and less than 1000")
        )
    service = spec.service
    if service is None:
        if spec.ca_bundle:
            size = f"{len(base64.b64decode(spec.ca_bundle))} bytes"
            causes.append(invalid("spec.caBundle", size, "local APIServices may not have a caBundle"))
        if spec.insecure_skip_tls_verify:
            words = "local APIServices may not have insecureSkipTLSVerify"
            causes.append(invalid("spec.insecureSkipTLSVerify", True, words))
        return causes
    causes += [
        required(f"spec.service.{name}")
        for name, value in (("namespace", service.namespace), ("name", service.name))
        if not value
    ]
    if spec.insecure_skip_tls_verify and spec.ca_bundle:
        words = "may not be true if caBundle is present"
        causes.append(invalid("spec.insecureSkipTLSVerify", True, words))
    return causes


def api_service_status_causes(new: APIService, old: APIService) -> list[Cause]:
    return [
        not_supported(f"status.conditions[{index}].status", one.status, STATUSES, is_sorted=False)
        for index, one in enumerate(new.status.conditions)
        if one.status not in STATUSES
    ]


def api_service_update_causes(new: APIService, old: APIService) -> list[Cause]:
    return [] if new.spec == old.spec else api_service_causes(new)
