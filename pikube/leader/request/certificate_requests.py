"""Shell: an admission plugin: who asks for certificates, who approves them, who signs them.

Enter: writes of CertificateSigningRequests. Sources: kubernetes pkg/registry/certificates/certificates/strategy.go,
pkg/apis/certificates/validation and plugin/pkg/admission/certificates/{approval,signing,subjectrestriction}.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator

from pikube.api.errors import Cause, Forbidden, Invalid
from pikube.api.kinds.certificates import CertificateSigningRequest, CertificateSigningRequestCondition
from pikube.api.names import SUBDOMAIN_MAX_CHARS, dns1123_label, dns1123_subdomain, quoted
from pikube.api.times import render_time
from pikube.api.validation.causes import duplicate, forbidden, invalid, not_supported, required, too_long
from pikube.certs.authority import RequestFacts, certificates_problem, read_request
from pikube.certs.profiles import RESERVED_NAMES
from pikube.leader.request.admission import Attributes
from pikube.leader.request.context import MASTERS
from pikube.leader.request.rbac import Rbac
from pikube.leader.request.route import Route

GROUP = "certificates.k8s.io"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
MIN_LIFE_S = 600
PEM_HEAD = b"-----BEGIN CERTIFICATE REQUEST-----"
USAGES = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment",
    "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel",
    "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime",
    "server auth", "signing", "timestamping",
)  # fmt: skip
"""kubernetes pkg/apis/certificates/validation:allValidUsages."""
SIGNER_PATH_CHARS = SUBDOMAIN_MAX_CHARS + 63 + 1
DECISIONS = ("Approved", "Denied", "Failed")


class CertificateRequests:
    """Implements admission.Plugin."""

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac

    def admit(self, attributes: Attributes) -> None:
        """Sets who asked; Invalid, Forbidden."""
        obj = attributes.obj
        if not isinstance(obj, CertificateSigningRequest) or attributes.operation == "DELETE":
            return
        if attributes.operation == "CREATE":
            self._create(attributes, obj)
            return
        old = attributes.old
        assert isinstance(old, CertificateSigningRequest)
        obj.spec = old.spec  # nothing of it may change; upstream drops what is sent, too
        if attributes.subresource == "approval":
            self._confirm(attributes, "approve", old.spec.signer_name)
            obj.status.certificate = old.status.certificate
        elif attributes.subresource == "status" and obj.status.certificate != old.status.certificate:
            self._confirm(attributes, "sign", old.spec.signer_name)
        if attributes.subresource:
            _stamp(obj, old, attributes.context.now)
            _raise(attributes, condition_causes(obj, old, attributes.subresource))

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """Nothing was handed out."""

    def _create(self, attributes: Attributes, obj: CertificateSigningRequest) -> None:
        user = attributes.context.user
        obj.spec.username, obj.spec.groups, obj.spec.uid = user.name, user.groups, user.uid
        obj.spec.extra = dict(user.extra)
        facts, causes = spec_causes(obj)
        _raise(attributes, causes)
        if facts is None or obj.spec.signer_name != CLIENT_SIGNER:
            return
        what = f"{MASTERS} group" if MASTERS in facts.organizations else ""
        if facts.common_name in RESERVED_NAMES:
            what = f"the name {facts.common_name}"
        if what:
            words = f"use of {CLIENT_SIGNER} signer with {what} is not allowed"
            raise Forbidden.of(attributes.info.resource, attributes.name, words)

    def _confirm(self, attributes: Attributes, verb: str, signer: str) -> None:
        """Forbidden unless the user may approve or sign for this signer, or for its domain."""
        user = attributes.context.user
        for name in (signer, f"{signer.partition('/')[0]}/*"):
            if self._rbac.may(user, Route(verb, "", True, GROUP, "*", "", "signers", name)):
                return
        words = "approve" if verb == "approve" else "sign"
        raise Forbidden.of(
            attributes.info.resource,
            attributes.name,
            f'user not permitted to {words} requests with signerName "{signer}"',
        )


def spec_causes(obj: CertificateSigningRequest) -> tuple[RequestFacts | None, list[Cause]]:
    """What the request asks for, and what is wrong with its spec."""
    spec, causes = obj.spec, []
    facts: RequestFacts | None = None
    try:
        pem = base64.b64decode(spec.request, validate=True)
        if PEM_HEAD not in pem:
            raise ValueError("PEM block type must be CERTIFICATE REQUEST")
        facts = read_request(pem)
    except (ValueError, binascii.Error) as error:
        causes.append(invalid("spec.request", spec.request, str(error)))
    if not spec.usages:
        causes.append(required("spec.usages"))
    usages = [(f"spec.usages[{index}]", usage) for index, usage in enumerate(spec.usages)]
    causes += [not_supported(field, usage, USAGES) for field, usage in usages if usage not in USAGES]
    for index, (field, usage) in enumerate(usages):
        if usage in spec.usages[:index]:
            causes.append(duplicate(field, usage))
    causes += signer_causes(spec.signer_name)
    if spec.expiration_seconds is not None and spec.expiration_seconds < MIN_LIFE_S:
        causes.append(
            invalid(
                "spec.expirationSeconds",
                spec.expiration_seconds,
                "may not specify a duration less than 600 seconds (10 minutes)",
            )
        )
    return facts, causes


def signer_causes(name: str) -> list[Cause]:
    """A domain, a slash, a path (core/validation:ValidateSignerName)."""
    field = "spec.signerName"
    if name == "kubernetes.io/legacy-unknown":
        return [invalid(field, name, "the legacy signerName is not allowed via this API version")]
    causes = [] if name else [required(field)]
    if name.count("/") != 1:
        words = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [*causes, invalid(field, name, words)]
    domain, _, path = name.partition("/")
    if len(domain) > SUBDOMAIN_MAX_CHARS:
        causes.append(too_long(field, SUBDOMAIN_MAX_CHARS))
    causes += _label_causes(field, domain, dns1123_label)
    if "." not in domain:
        words = "should be a domain with at least two segments separated by dots"
        causes.append(invalid(field, domain, words))
    causes += _label_causes(field, path, dns1123_subdomain)
    if len(path) > SIGNER_PATH_CHARS:
        causes.append(too_long(field, SIGNER_PATH_CHARS))
    return causes


def _label_causes(field: str, text: str, rule: Callable[[str], list[str]]) -> list[Cause]:
    """Of the first label that is none: the others would say the same."""
    for label in text.split("."):
        if wrong := rule(label):
            return [invalid(field, text, f"validating label {quoted(label)}: {word}") for word in wrong]
    return []


def condition_causes(
    obj: CertificateSigningRequest, old: CertificateSigningRequest, subresource: str
) -> list[Cause]:
    """Decisions are made once: Approved and Denied stay, and exclude each other."""
    field = "status.conditions"
    causes = list(_each_condition_causes(obj, field))
    found = {condition.type for condition in obj.status.conditions}
    for condition in old.status.conditions:
        if condition.type in DECISIONS and condition.type not in found:
            words = f"updates may not remove a condition of type {quoted(condition.type)}"
            causes.append(forbidden(field, words))
    if subresource == "status":
        for type_ in ("Approved", "Denied"):
            if (type_ in found) != any(c.type == type_ for c in old.status.conditions):
                causes.append(forbidden(field, f'updates may not add a condition of type "{type_}"'))
    causes += _certificate_causes(obj.status.certificate, old.status.certificate)
    return causes


def _each_condition_causes(obj: CertificateSigningRequest, field: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, condition in enumerate(obj.status.conditions):
        here, type_ = f"{field}[{index}]", condition.type
        if not type_:
            yield required(f"{here}.type")
        allowed = ("True",) if type_ in DECISIONS else ("False", "True", "Unknown")
        if not condition.status:
            yield required(f"{here}.status")
        elif condition.status not in allowed:
            yield not_supported(f"{here}.status", condition.status, allowed)
        if {"Approved": "Denied", "Denied": "Approved"}.get(type_) in seen:
            yield invalid(field, type_, "Approved and Denied conditions are mutually exclusive")
        if type_ in seen:
            yield duplicate(f"{here}.type", type_)
        seen.add(type_)


def _certificate_causes(certificate: str, old: str) -> list[Cause]:
    """What signers may issue, once (kubernetes apis/certificates/validation: validateCertificate)."""
    if certificate == old:
        return []
    if old:
        return [forbidden("status.certificate", "updates may not modify existing certificate content")]
    problem = certificates_problem(base64.b64decode(certificate))
    return [invalid("status.certificate", "<certificate data>", problem)] if problem else []


def _stamp(obj: CertificateSigningRequest, old: CertificateSigningRequest, now: float) -> None:
    """Times that the writer left out (populateConditionTimestamps)."""
    before = {c.type: c for c in old.status.conditions}

    def stamped(condition: CertificateSigningRequestCondition) -> CertificateSigningRequestCondition:
        known = before.get(condition.type)
        if not condition.last_update_time:
            condition.last_update_time = render_time(now)
        if not condition.last_transition_time:
            is_old = known is not None and known.status == condition.status
            condition.last_transition_time = (
                known.last_transition_time if known and is_old else render_time(now)
            )
        return condition

    obj.status.conditions = tuple(stamped(condition) for condition in obj.status.conditions)


def _raise(attributes: Attributes, causes: list[Cause]) -> None:
    if causes:
        raise Invalid.of("CertificateSigningRequest", GROUP, attributes.name, causes)
