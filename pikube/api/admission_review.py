"""Pure: admission webhooks: which requests they are asked about, the question, and what the answer means.

Enter: webhooks as declared, the facts of a write. Leave: AdmissionReview documents, patched objects, refusals in
upstream's words. Called by the leader's webhook stage. Sources: kubernetes apiserver pkg/admission/plugin/webhook.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pikube.api.cel import CelError, compile_expression
from pikube.api.cel_authorizer import NAME, Asking
from pikube.api.errors import ApiError, InternalError
from pikube.api.json_patch import json_patch
from pikube.api.kinds.base import Names
from pikube.api.kinds.meta import LabelSelector
from pikube.api.selector import from_label_selector

VERSION = "admission.k8s.io/v1"
EXEMPT = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations", "validatingadmissionpolicies",
          "validatingadmissionpolicybindings", "mutatingadmissionpolicies",
          "mutatingadmissionpolicybindings")  # fmt: skip
"""Kinds of admissionregistration.k8s.io that no webhook is asked about: it could not be got rid of else."""


@dataclass(slots=True)
class Facts:
    """What a write is, as webhooks and policies see it. Documents are builtins, None where there is none."""

    operation: str
    names: Names
    subresource: str
    namespace: str
    name: str
    obj: dict[str, Any] | None
    old: dict[str, Any] | None
    user: dict[str, Any]
    is_dry_run: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    namespace_object: dict[str, Any] | None = None
    kind: str = ""
    """Of `obj`, where it is not the resource's: PodExecOptions."""
    requested: Names | None = None
    """Of the version that the request was made in, where `names` and the documents are another's."""
    asking: Asking | None = None
    """Who can say what else the user may do."""

    @property
    def is_exempt(self) -> bool:
        return self.names.group == "admissionregistration.k8s.io" and self.names.plural in EXEMPT


def applies(rules: Iterable[Any], facts: Facts) -> bool:
    """Whether one of some rules (RuleWithOperations, NamedRuleWithOperations) is about this write."""
    return any(_applies(rule, facts) for rule in rules)


def _applies(rule: Any, facts: Facts) -> bool:
    names = facts.names
    if not _has(rule.operations, facts.operation) or not _has(rule.api_groups, names.group):
        return False
    if not _has(rule.api_versions, names.version):
        return False
    if rule.scope not in (None, "", "*", "Namespaced" if names.namespaced else "Cluster"):
        return False
    wanted_names = getattr(rule, "resource_names", ())
    if wanted_names and facts.name not in wanted_names:
        return False
    if not facts.subresource:
        return any(word in ("*", "*/*", names.plural) for word in rule.resources)
    full = (f"{names.plural}/{facts.subresource}", f"{names.plural}/*", f"*/{facts.subresource}", "*/*")
    return any(word in full for word in rule.resources)


def _has(words: Iterable[str], wanted: str) -> bool:
    return any(word in ("*", wanted) for word in words)


def selects(
    namespace_selector: LabelSelector | None, object_selector: LabelSelector | None, facts: Facts
) -> bool:
    """Whether both selectors (None: everything) let the write through."""
    if namespace_selector is not None:
        is_namespace = facts.names.group == "" and facts.names.plural == "namespaces"
        where = (facts.obj or facts.old) if is_namespace else facts.namespace_object
        if where is not None and not from_label_selector(namespace_selector).matches(_labels(where)):
            return False
    if object_selector is None:
        return True
    selector = from_label_selector(object_selector)
    documents = [document for document in (facts.obj, facts.old) if document is not None]
    return any(selector.matches(_labels(document)) for document in documents)


def _labels(document: Mapping[str, Any]) -> Mapping[str, str]:
    labels: Mapping[str, str] = (document.get("metadata") or {}).get("labels") or {}
    return labels


def request_document(facts: Facts, uid: str = "") -> dict[str, Any]:
    """The request as webhooks and expressions see it."""
    names = facts.names
    kind = {"group": names.group, "version": names.version, "kind": facts.kind or names.kind}
    resource = {"group": names.group, "version": names.version, "resource": names.plural}
    asked = facts.requested or names
    document = {
        "uid": uid,
        "kind": kind,
        "resource": resource,
        "requestKind": {**kind, "group": asked.group, "version": asked.version},
        "requestResource": {**resource, "group": asked.group, "version": asked.version},
        "name": facts.name,
        "operation": facts.operation,
        "userInfo": facts.user,
        "object": facts.obj,
        "oldObject": facts.old,
        "dryRun": facts.is_dry_run,
        "options": facts.options or None,
    }
    if facts.subresource:
        document |= {"subResource": facts.subresource, "requestSubResource": facts.subresource}
    if facts.namespace:
        document["namespace"] = facts.namespace
    return document


def variables_of(facts: Facts) -> dict[str, Any]:
    """What expressions may name: object, oldObject, request, namespaceObject, authorizer."""
    request = request_document(facts)
    for name in ("object", "oldObject"):
        request.pop(name)
    asking = {NAME: facts.asking} if facts.asking is not None else {}
    return {
        **asking,
        "object": facts.obj,
        "oldObject": facts.old,
        "request": {"namespace": "", "subResource": "", **request},
        "namespaceObject": facts.namespace_object,
    }


def meets(conditions: Iterable[Any], facts: Facts) -> bool:
    """Whether every matchCondition holds. CelError if one cannot be evaluated and none is false."""
    variables: dict[str, Any] | None = None
    failure: CelError | None = None
    for condition in conditions:
        variables = variables or variables_of(facts)
        try:
            if not compile_expression(condition.expression).holds(variables):
                return False
        except CelError as error:
            failure = error
    if failure is not None:
        raise failure
    return True


def review(facts: Facts, uid: str) -> bytes:
    """The question."""
    return msgspec.json.encode(
        {"kind": "AdmissionReview", "apiVersion": VERSION, "request": request_document(facts, uid)}
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """A permitting answer: what it warns of, what it notes for the audit log, and the object it makes."""

    warnings: tuple[str, ...] = ()
    audit: Mapping[str, str] = field(default_factory=dict)
    patched: dict[str, Any] | None = None


class BadReply(Exception):
    """The webhook's answer cannot be used; the words say why."""


def reply_of(answer: bytes, uid: str, webhook: str, document: dict[str, Any] | None) -> Reply:
    """What an answer to `review` means. Raises Denied, BadReply."""
    try:
        response = msgspec.json.decode(answer).get("response")
    except (msgspec.DecodeError, AttributeError):
        raise BadReply("the answer is no AdmissionReview") from None
    if not isinstance(response, dict):
        raise BadReply("webhook response was absent")
    if response.get("uid") != uid:
        raise BadReply(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    warnings = tuple(str(word) for word in response.get("warnings") or ())
    if not response.get("allowed"):
        raise Denied(webhook, response.get("status") or {}, warnings)
    patched = None
    if response.get("patch"):
        if response.get("patchType") != "JSONPatch":
            raise BadReply(f'webhook returned an unknown patch type "{response.get("patchType", "")}"')
        patched = _patched(document, response["patch"])
    return Reply(warnings, response.get("auditAnnotations") or {}, patched)


def _patched(document: dict[str, Any] | None, patch: str) -> dict[str, Any]:
    try:
        operations = msgspec.json.decode(base64.b64decode(patch))
        after = json_patch(document or {}, operations)
    except (binascii.Error, ValueError, TypeError, msgspec.DecodeError) as error:
        raise BadReply(f"the patch cannot be read: {error}") from None
    except ApiError as error:
        raise BadReply(error.message) from None
    if not isinstance(after, dict):
        raise BadReply("the patch leaves no object")
    return after


class Denied(ApiError):
    """The webhook said no (webhook/errors/statuserror.go:ToStatusErr); its own code and reason are the answer's."""

    def __init__(self, webhook: str, status: Mapping[str, Any], warnings: tuple[str, ...] = ()) -> None:
        words = f'admission webhook "{webhook}" denied the request'
        if status.get("message"):
            words += f": {status['message']}"
        elif status.get("reason"):
            words += f": {status['reason']}"
        else:
            words += " without explanation"
        super().__init__(words)
        code = status.get("code")
        self.code = code if isinstance(code, int) and 400 <= code < 600 else 400  # type: ignore[misc]
        self.reason = str(status.get("reason") or "")  # type: ignore[misc]
        self._details = status.get("details")
        self.warnings = warnings

    def to_status(self) -> dict[str, Any]:
        status = super().to_status()
        if isinstance(self._details, dict):
            status["details"] = self._details
        return status


def call_failed(webhook: str, why: str) -> InternalError:
    """The webhook must be asked and could not be."""
    return InternalError.of(f'failed calling webhook "{webhook}": {why}')
