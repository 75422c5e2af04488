"""Certificate requests: approved for nodes that ask for themselves, signed when approved, gone when done."""

import base64

import pytest
from laws import check_laws

from pikube.api.kinds.certificates import (
    CertificateSigningRequest,
    CertificateSigningRequestCondition,
    CertificateSigningRequestSpec,
    CertificateSigningRequestStatus,
)
from pikube.api.kinds.core_node import Node, NodeAddress, NodeStatus
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.times import render_time
from pikube.certs.authority import RequestFacts
from pikube.certs.enrolment import KEY_ANNOTATION
from pikube.informer.actions import Delete, RequeueAfter, Update
from pikube.leader.controllers.certificate_signing import (
    CLIENT,
    KUBELET_CLIENT,
    KUBELET_SERVING,
    Answer,
    is_own,
    life_s,
    problem_of,
    profile_of,
    reconcile,
)

NOW = 1_800_000_000.0
NODE_GROUPS = ("system:nodes", "system:authenticated")
CLIENT_USAGES = ("digital signature", "client auth")


def request(*decisions, certificate="", age_s=10, signer=CLIENT):
    conditions = tuple(
        CertificateSigningRequestCondition(type=t, status="True", last_update_time=render_time(NOW - age_s))
        for t in decisions
    )
    return CertificateSigningRequest(
        metadata=ObjectMeta(name="r", uid="u", creation_timestamp=render_time(NOW - age_s)),
        spec=CertificateSigningRequestSpec(signer_name=signer),
        status=CertificateSigningRequestStatus(conditions=conditions, certificate=certificate),
    )


def decide(obj, answer):
    return check_laws(reconcile, obj, answer, NOW)


def conditions(action):
    return [condition.type for condition in action.obj.status.conditions]


def test_nobodys_request_waits_for_a_person():
    assert decide(request(), Answer(is_own=False)) == [RequeueAfter(24 * 3600 - 10)]


def test_a_node_that_asks_for_itself_is_approved_and_then_signed():
    first, _ = decide(request(), Answer(is_own=True))
    assert isinstance(first, Update) and first.subresource == "approval" and conditions(first) == ["Approved"]
    second, _ = decide(first.obj, Answer(is_own=True, certificate=b"PEM"))
    assert second.subresource == "status" and base64.b64decode(second.obj.status.certificate) == b"PEM"
    assert not any(isinstance(a, Update) for a in decide(second.obj, Answer(is_own=True)))


def test_what_a_person_approved_is_signed_or_fails_with_the_reason():
    signed, _ = decide(request("Approved"), Answer(is_own=False, certificate=b"PEM"))
    assert signed.obj.status.certificate
    failed, _ = decide(request("Approved"), Answer(is_own=False, problem="usages must be …"))
    assert conditions(failed) == ["Approved", "Failed"]
    assert failed.obj.status.conditions[1].message == "usages must be …"


@pytest.mark.parametrize("decisions", [("Denied",), ("Approved", "Failed"), ("Approved", "Denied")])
def test_what_is_denied_or_failed_is_never_signed(decisions):
    assert not any(
        isinstance(a, Update) for a in decide(request(*decisions), Answer(False, certificate=b"PEM"))
    )


@pytest.mark.parametrize(
    ("obj", "goes"),
    [
        (request(age_s=24 * 3600), True),
        (request(age_s=24 * 3600 - 5), False),
        (request("Denied", age_s=3600), True),
        (request("Approved", "Failed", age_s=3600), True),
        (request("Approved", certificate="UEVN", age_s=3600), True),
        (request("Approved", certificate="UEVN", age_s=3500), False),
        (request("Approved", age_s=3600, signer="example.com/other"), False),
    ],
)
def test_what_is_done_goes(obj, goes):
    assert any(isinstance(action, Delete) for action in decide(obj, Answer(is_own=False))) is goes


def facts(cn="ann", orgs=(), names=(), others=False, key="k"):
    return RequestFacts(cn, tuple(orgs), frozenset(names), others, key)


NODE_FACTS = facts("system:node:b2", ["system:nodes"])
SERVING_FACTS = facts("system:node:b2", ["system:nodes"], ["b2", "192.0.2.2"])


@pytest.mark.parametrize(
    ("signer", "usages", "asked", "words"),
    [
        (CLIENT, CLIENT_USAGES, facts(), ""),
        (CLIENT, ("client auth",), facts(orgs=["team"], names=["x"]), ""),
        (CLIENT, ("server auth",), facts(), "usages must be"),
        (CLIENT, ("client auth", "server auth"), facts(), "usages must be"),
        (CLIENT, CLIENT_USAGES, facts(cn=""), "common name"),
        (KUBELET_CLIENT, CLIENT_USAGES, NODE_FACTS, ""),
        (KUBELET_CLIENT, CLIENT_USAGES, facts("b2", ["system:nodes"]), "must begin with system:node:"),
        (KUBELET_CLIENT, CLIENT_USAGES, facts("system:node:b2", ["system:nodes", "x"]), "organization"),
        (KUBELET_CLIENT, CLIENT_USAGES, SERVING_FACTS, "no alternative names"),
        (KUBELET_SERVING, ("server auth", "digital signature"), SERVING_FACTS, ""),
        (KUBELET_SERVING, ("server auth", "digital signature"), NODE_FACTS, "DNS names or IP addresses"),
        (KUBELET_SERVING, CLIENT_USAGES, SERVING_FACTS, "usages must be"),
    ],
)
def test_what_each_signer_signs(signer, usages, asked, words):
    found = problem_of(CertificateSigningRequestSpec(signer_name=signer, usages=usages), asked)
    assert (words in found) if words else found == ""


def own(signer=KUBELET_SERVING, asked=SERVING_FACTS, username="system:node:b2", groups=NODE_GROUPS, key="k"):
    node = Node(
        metadata=ObjectMeta(name="b2", annotations={KEY_ANNOTATION: key}),
        status=NodeStatus(addresses=(NodeAddress(type="InternalIP", address="192.0.2.2"),)),
    )
    return is_own(
        CertificateSigningRequestSpec(signer_name=signer, username=username, groups=groups), asked, node
    )


def test_only_a_node_itself_with_its_own_key_and_addresses_needs_nobody():
    assert own() and own(KUBELET_CLIENT, NODE_FACTS)
    assert not own(CLIENT)
    assert not own(username="system:node:b3")
    assert not own(groups=("system:authenticated",))
    assert not own(key="another")
    assert not own(asked=facts("system:node:b2", ["system:nodes"], ["b2", "192.0.2.1"]))
    assert not is_own(CertificateSigningRequestSpec(signer_name=KUBELET_SERVING), SERVING_FACTS, None)


def test_a_certificate_lives_as_long_as_asked_and_a_year_at_most():
    def spec(seconds):
        return CertificateSigningRequestSpec(signer_name=CLIENT, expiration_seconds=seconds)

    assert life_s(spec(3600)) == 3600 and life_s(spec(None)) == life_s(spec(10**9)) == 365 * 86400
    profile = profile_of(spec(3600))
    assert profile.is_client and not profile.is_server and profile.life_days * 24 == 1
