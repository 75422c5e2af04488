"""Pure: the tables of who may do what, and of what extends the API (printers.go)."""

from __future__ import annotations

from typing import Any

from pikube.api.columns.column import (
    AGE,
    CREATED,
    NAME,
    NONE,
    NUMBER,
    UNKNOWN,
    UNSET,
    Column,
    Columns,
    age,
    human_duration,
    selector_text,
    wide,
)
from pikube.api.kinds.flowcontrol import FlowSchema, PriorityLevelConfiguration


def service_account_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, len(obj.secrets), age(obj.metadata.creation_timestamp, now)]


def role_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.metadata.creation_timestamp]


def binding_row(obj: Any, now: float) -> list[Any]:
    def of(kind: str) -> str:
        return ", ".join(
            f"{s.namespace}/{s.name}" if kind == "ServiceAccount" else s.name
            for s in obj.subjects
            if s.kind == kind
        )

    role = f"{obj.role_ref.kind}/{obj.role_ref.name}"
    since = age(obj.metadata.creation_timestamp, now)
    return [obj.metadata.name, role, since, of("User"), of("Group"), of("ServiceAccount")]


def signing_request_row(obj: Any, now: float) -> list[Any]:
    types = [c.type for c in obj.status.conditions]
    words = next((w for w in ("Denied", "Approved") if w in types), "Pending")
    if "Failed" in types:
        words += ",Failed"
    if obj.status.certificate:
        words += ",Issued"
    expiration = obj.spec.expiration_seconds
    return [
        obj.metadata.name,
        age(obj.metadata.creation_timestamp, now),
        obj.spec.signer_name or NONE,
        obj.spec.username,
        NONE if expiration is None else human_duration(expiration),
        words,
    ]


def crd_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.metadata.creation_timestamp]


def webhooks_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, len(obj.webhooks), age(obj.metadata.creation_timestamp, now)]


def api_service_row(obj: Any, now: float) -> list[Any]:
    service = obj.spec.service
    found = next((c for c in obj.status.conditions if c.type == "Available"), None)
    available = UNKNOWN if found is None else found.status
    if found is not None and found.status != "True":
        available += f" ({found.reason})"
    where = "Local" if service is None else f"{service.namespace}/{service.name}"
    return [obj.metadata.name, where, available, age(obj.metadata.creation_timestamp, now)]


def policy_row(obj: Any, now: float) -> list[Any]:
    return _policy_row(obj, len(obj.spec.validations), now)


def mutating_policy_row(obj: Any, now: float) -> list[Any]:
    return _policy_row(obj, len(obj.spec.mutations), now)


def _policy_row(obj: Any, rules: int, now: float) -> list[Any]:
    kind = obj.spec.param_kind
    shown = UNSET if kind is None else f"{kind.api_version}/{kind.kind}"
    return [obj.metadata.name, rules, shown, age(obj.metadata.creation_timestamp, now)]


def policy_binding_row(obj: Any, now: float) -> list[Any]:
    ref = obj.spec.param_ref
    shown = UNSET
    if ref is not None and ref.name:
        shown = f"{ref.namespace or '*'}/{ref.name}"
    elif ref is not None and ref.selector is not None:
        shown = selector_text(ref.selector)
    return [obj.metadata.name, obj.spec.policy_name, shown, age(obj.metadata.creation_timestamp, now)]


def flow_schema_row(obj: FlowSchema, now: float) -> list[Any]:
    spec = obj.spec
    method = spec.distinguisher_method.type if spec.distinguisher_method is not None else NONE
    dangling = next((c.status for c in obj.status.conditions if c.type == "Dangling"), "?")
    level, made = spec.priority_level_configuration.name, age(obj.metadata.creation_timestamp, now)
    return [obj.metadata.name, level, spec.matching_precedence, method, made, dangling]


def priority_level_row(obj: PriorityLevelConfiguration, now: float) -> list[Any]:
    limited = obj.spec.limited
    queuing = limited.limit_response.queuing if limited is not None else None
    queues = (
        (queuing.queues, queuing.hand_size, queuing.queue_length_limit)
        if queuing is not None
        else (NONE,) * 3
    )
    shares = limited.nominal_concurrency_shares if limited is not None else NONE
    made = age(obj.metadata.creation_timestamp, now)
    return [obj.metadata.name, obj.spec.type, shares, *queues, made]


TABLES = {
    "ServiceAccount": Columns((NAME, Column("Secrets"), AGE), service_account_row),
    "Role": Columns((NAME, CREATED), role_row),
    "ClusterRole": Columns((NAME, CREATED), role_row),
    "RoleBinding": Columns(
        (NAME, Column("Role"), AGE, wide("Users"), wide("Groups"), wide("ServiceAccounts")), binding_row
    ),
    "ClusterRoleBinding": Columns(
        (NAME, Column("Role"), AGE, wide("Users"), wide("Groups"), wide("ServiceAccounts")), binding_row
    ),
    "CertificateSigningRequest": Columns(
        (NAME, AGE, Column("SignerName"), Column("Requestor"), Column("RequestedDuration"),
         Column("Condition")),
        signing_request_row,
    ),
    "CustomResourceDefinition": Columns((NAME, CREATED), crd_row),
    "APIService": Columns((NAME, Column("Service"), Column("Available"), AGE), api_service_row),
    "ValidatingWebhookConfiguration": Columns((NAME, Column("Webhooks", NUMBER), AGE), webhooks_row),
    "ValidatingAdmissionPolicy": Columns(
        (NAME, Column("Validations", NUMBER), Column("ParamKind"), AGE), policy_row
    ),
    "MutatingAdmissionPolicy": Columns(
        (NAME, Column("Mutations", NUMBER), Column("ParamKind"), AGE), mutating_policy_row
    ),
    "MutatingAdmissionPolicyBinding": Columns(
        (NAME, Column("PolicyName"), Column("ParamRef"), AGE), policy_binding_row
    ),
    "ValidatingAdmissionPolicyBinding": Columns(
        (NAME, Column("PolicyName"), Column("ParamRef"), AGE), policy_binding_row
    ),
    "FlowSchema": Columns(
        (NAME, Column("PriorityLevel"), Column("MatchingPrecedence"), Column("DistinguisherMethod"), AGE,
         Column("MissingPL")),
        flow_schema_row,
        order=lambda obj: (obj.spec.matching_precedence, obj.metadata.name),
    ),
    "PriorityLevelConfiguration": Columns(
        (NAME, Column("Type"), Column("NominalConcurrencyShares"), Column("Queues"), Column("HandSize"),
         Column("QueueLengthLimit"), AGE),
        priority_level_row,
    ),
    "MutatingWebhookConfiguration": Columns((NAME, Column("Webhooks", NUMBER), AGE), webhooks_row),
}  # fmt: skip
