"""Pure: CertificateSigningRequests: nodes' own are approved, what is approved is signed, what is done goes.

    asked → approved (by a person; here, when a node asks for itself) → signed, or Failed with the reason → deleted

Enter: a request, what the authority would answer to it, the time. Leaves: its approval, its certificate, its
deletion. `observe` reads the request and has it signed once it is approved. Sources: kubernetes
pkg/controller/certificates/{approver,signer,cleaner} and the signers of certificates.k8s.io's documentation.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

from msgspec import structs

from pikube.api.kinds.certificates import (
    CertificateSigningRequest,
    CertificateSigningRequestCondition,
    CertificateSigningRequestSpec,
)
from pikube.api.kinds.core_node import Node
from pikube.api.times import render_time, seconds_since
from pikube.certs.authority import RequestFacts, read_request
from pikube.certs.enrolment import KEY_ANNOTATION
from pikube.certs.profiles import NODE_PREFIX, NODES, Profile
from pikube.informer.actions import Action, Delete, RequeueAfter, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself

Sign = Callable[[Profile, bytes], bytes]
"""A PEM certificate for the subject and names of a PEM request; ValueError."""

DOMAIN = "kubernetes.io/"
CLIENT = f"{DOMAIN}kube-apiserver-client"
KUBELET_CLIENT = f"{DOMAIN}kube-apiserver-client-kubelet"
KUBELET_SERVING = f"{DOMAIN}kubelet-serving"
USAGES = {
    CLIENT: ("client auth", {"digital signature", "key encipherment"}),
    KUBELET_CLIENT: ("client auth", {"digital signature", "key encipherment"}),
    KUBELET_SERVING: ("server auth", {"digital signature", "key encipherment"}),
}
"""By signer: the usage that must be there, and what else may be."""

LIFE_S = 365 * 86400.0
DONE_S, PENDING_S = 3600.0, 24 * 3600.0  # certificates/cleaner: approved, denied or failed; nobody decided


@dataclass(frozen=True, slots=True)
class Answer:
    """`problem` says why it cannot be signed; `certificate` is PEM once it was."""

    is_own: bool
    problem: str = ""
    certificate: bytes = b""


def reconcile(desired: CertificateSigningRequest, observed: Answer, now: float) -> list[Action]:
    """One step of the request's life."""
    decided = {c.type: c for c in desired.status.conditions if c.status == "True"}
    at = max((c.last_update_time for c in decided.values()), default="")
    age_s = seconds_since(at or desired.metadata.creation_timestamp, now) or 0.0
    left_s = (DONE_S if decided else PENDING_S) - age_s
    if left_s <= 0 and ("Approved" not in decided or desired.status.certificate or "Failed" in decided):
        return [Delete(CertificateSigningRequest, key_of(desired), desired.metadata.uid)]
    later = RequeueAfter(max(1.0, left_s))
    if not decided and observed.is_own and not observed.problem:
        approved = _with(desired, "Approved", "AutoApproved", "The node asks for its own certificate.", now)
        return [Update(approved, subresource="approval"), later]
    is_signed = bool(desired.status.certificate)
    if "Approved" not in decided or "Denied" in decided or "Failed" in decided or is_signed:
        return [later]
    if observed.problem:
        failed = _with(desired, "Failed", "SignerValidationFailure", observed.problem, now)
        return [Update(failed, subresource="status"), later]
    if observed.certificate:
        encoded = base64.b64encode(observed.certificate).decode()
        status = structs.replace(desired.status, certificate=encoded)
        return [Update(structs.replace(desired, status=status), subresource="status"), later]
    return [later]


def problem_of(spec: CertificateSigningRequestSpec, facts: RequestFacts) -> str:
    """Why one of our signers would not sign it; '' when it would."""
    needed, allowed = USAGES[spec.signer_name]
    usages = set(spec.usages)
    if needed not in usages or usages - allowed - {needed}:
        return f"usages must be {needed!r}, and beside it only {', '.join(sorted(allowed))}".replace("'", '"')
    if spec.signer_name == CLIENT:
        return "" if facts.common_name else "the subject needs a common name: it is the user's name"
    if facts.organizations != (NODES,):
        return f"the subject's organization must be {NODES} and nothing else"
    if not facts.common_name.startswith(NODE_PREFIX):
        return f"the subject's common name must begin with {NODE_PREFIX}"
    if spec.signer_name == KUBELET_CLIENT and (facts.names or facts.has_other_names):
        return "a client certificate of a node has no alternative names"
    if spec.signer_name == KUBELET_SERVING and (not facts.names or facts.has_other_names):
        return "a serving certificate of a node has DNS names or IP addresses, and no other alternative names"
    return ""


def is_own(spec: CertificateSigningRequestSpec, facts: RequestFacts, node: Node | None) -> bool:
    """Whether a node asks for itself: with its own key, for its own name and addresses."""
    if spec.signer_name not in (KUBELET_CLIENT, KUBELET_SERVING) or NODES not in spec.groups or node is None:
        return False
    name = facts.common_name.removeprefix(NODE_PREFIX)
    if spec.username != facts.common_name or name != node.metadata.name:
        return False
    if facts.key_hash != node.metadata.annotations.get(KEY_ANNOTATION):
        return False
    known = {name, *(address.address for address in node.status.addresses)}
    return facts.names <= known


def life_s(spec: CertificateSigningRequestSpec) -> float:
    """What is asked for, and a year at most."""
    return min(LIFE_S, float(spec.expiration_seconds or LIFE_S))


def certificate_controller(sign: Sign) -> Controller[CertificateSigningRequest, Answer]:
    """With the cluster's authority."""

    def observe(lister: Lister, key: ObjectKey) -> tuple[CertificateSigningRequest, Answer] | None:
        request = lister.cache(CertificateSigningRequest).get(key)
        if request is None or request.metadata.deletion_timestamp:
            return None
        if request.spec.signer_name not in USAGES:
            return request, Answer(is_own=False)  # somebody else's, who signs it himself
        try:
            pem = base64.b64decode(request.spec.request)
            facts = read_request(pem)
        except (ValueError, binascii.Error) as error:
            return request, Answer(is_own=False, problem=str(error))
        name = facts.common_name.removeprefix(NODE_PREFIX)
        own = is_own(request.spec, facts, lister.cache(Node).get(ObjectKey("", name)))
        problem = problem_of(request.spec, facts)
        is_approved = any(c.type == "Approved" and c.status == "True" for c in request.status.conditions)
        if problem or not is_approved or request.status.certificate:
            return request, Answer(own, problem)
        try:
            return request, Answer(own, "", sign(profile_of(request.spec), pem))
        except ValueError as error:
            return request, Answer(own, str(error))

    return Controller(
        name="certificate-controller",
        watches=(Watch(CertificateSigningRequest, itself),),
        observe=observe,
        reconcile=reconcile,
        workers=1,
    )


def profile_of(spec: CertificateSigningRequestSpec) -> Profile:
    """Purposes and life; the subject is the request's."""
    is_server = spec.signer_name == KUBELET_SERVING
    return Profile("", "", is_server=is_server, is_client=not is_server, life_days=life_s(spec) / 86400)


def _with(
    request: CertificateSigningRequest, type_: str, reason: str, message: str, now: float
) -> CertificateSigningRequest:
    condition = CertificateSigningRequestCondition(
        type=type_, status="True", reason=reason, message=message,
        last_update_time=render_time(now), last_transition_time=render_time(now),
    )  # fmt: skip
    status = structs.replace(request.status, conditions=(*request.status.conditions, condition))
    return structs.replace(request, status=status)
