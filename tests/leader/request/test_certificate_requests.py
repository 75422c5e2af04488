"""certificates.k8s.io: the server says who asked, and only those who may approve."""

import base64

import pytest

from pikube.certs.authority import make_ca, make_key, make_request
from pikube.certs.profiles import RESERVED_NAMES
from pikube.wire.messages import Peer

URL = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
CLIENT = "kubernetes.io/kube-apiserver-client"
ANN = Peer("192.0.2.9", 1, "ann", ("team",))


def request(name="ann", cn="ann", groups=(), **spec):
    pem = make_request(make_key(), cn, groups)
    return {
        "metadata": {"name": name},
        "spec": {
            "request": base64.b64encode(pem).decode(), "signerName": CLIENT, "usages": ["client auth"],
            "username": "root", "groups": ["system:masters"], **spec,
        },
    }  # fmt: skip


def with_condition(document, type_, status="True"):
    return {
        **document,
        "status": {**document.get("status", {}), "conditions": [{"type": type_, "status": status}]},
    }


async def test_the_server_says_who_asked(api):
    status, made = await api("POST", URL, request())
    assert status == 201
    assert (made["spec"]["username"] != "root" and "status" not in made) or not made["status"].get(
        "conditions"
    )


async def test_an_approval_is_stamped_and_the_request_itself_never_changes(api):
    _, made = await api("POST", URL, request())
    changed = with_condition(made, "Approved")
    changed["spec"] = {**made["spec"], "signerName": "example.com/other"}
    status, approved = await api("PUT", f"{URL}/ann/approval", changed)
    assert status == 200, approved
    [condition] = approved["status"]["conditions"]
    assert condition["lastUpdateTime"] and condition["lastTransitionTime"]
    assert approved["spec"] == made["spec"]
    status, answer = await api("PUT", f"{URL}/ann/approval", with_condition(approved, "Denied"))
    assert status == 422 and 'may not remove a condition of type "Approved"' in answer["message"]


async def test_a_status_cannot_approve(api):
    _, made = await api("POST", URL, request())
    status, answer = await api("PUT", f"{URL}/ann/status", with_condition(made, "Approved"))
    assert status == 422 and 'may not add a condition of type "Approved"' in answer["message"]


async def test_who_may_write_requests_may_not_therefore_approve_them(api):
    rule = {"apiGroups": ["certificates.k8s.io"], "resources": ["*"], "verbs": ["*"]}
    subject = {"kind": "User", "name": "ann", "apiGroup": "rbac.authorization.k8s.io"}
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    allowed = {**rule, "resources": ["certificatesigningrequests", "certificatesigningrequests/approval"]}
    await api("POST", f"{rbac}/clusterroles", {"metadata": {"name": "asks"}, "rules": [allowed]})
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "asks"}
    binding = {"metadata": {"name": "asks"}, "roleRef": ref, "subjects": [subject]}
    await api("POST", f"{rbac}/clusterrolebindings", binding)
    status, made = await api("POST", URL, request(), peer=ANN)
    assert status == 201 and made["spec"]["username"] == "ann" and "team" in made["spec"]["groups"]
    status, answer = await api("PUT", f"{URL}/ann/approval", with_condition(made, "Approved"), peer=ANN)
    assert status == 403
    assert answer["message"] == (
        'certificatesigningrequests.certificates.k8s.io "ann" is forbidden: user not permitted to approve requests '
        f'with signerName "{CLIENT}"'
    )


async def test_nobody_becomes_an_administrator_by_a_request(api):
    status, answer = await api("POST", URL, request(groups=["system:masters"]))
    assert status == 403 and "signer with system:masters group is not allowed" in answer["message"]


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
async def test_nobody_passes_for_the_leader_by_a_request(api, name):
    status, answer = await api("POST", URL, request(cn=name))
    assert status == 403 and f"signer with the name {name} is not allowed" in answer["message"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"request": base64.b64encode(b"no pem").decode()}, "spec.request: Invalid value"),
        ({"usages": []}, "spec.usages: Required value"),
        ({"usages": ["client auth", "client auth"]}, 'spec.usages[1]: Duplicate value: "client auth"'),
        ({"signerName": "nonsense"}, "must be a fully qualified domain and path"),
        ({"signerName": "local/x"}, "at least two segments"),
        ({"signerName": "kubernetes.io/legacy-unknown"}, "the legacy signerName is not allowed"),
        ({"expirationSeconds": 60}, "may not specify a duration less than 600 seconds (10 minutes)"),
    ],
)
async def test_a_wrong_request_is_told(api, spec, words):
    status, answer = await api("POST", URL, request(**spec))
    assert status == 422 and words in answer["message"]


CERTIFICATE = base64.b64encode(make_ca("lab", 0.0).certificate).decode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no pem", "must contain at least one CERTIFICATE PEM block"),
        (
            make_request(make_key(), "x"),
            'only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"',
        ),
        (
            b"-----BEGIN CERTIFICATE-----\nA: b\n\nMIIB\n-----END CERTIFICATE-----\n",
            "no PEM block headers are permitted",
        ),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "x509: malformed certificate"),
    ],
)
async def test_a_signer_issues_certificates_and_nothing_else(api, content, words):
    _, made = await api("POST", URL, request())
    made["status"] = {"certificate": base64.b64encode(content).decode()}
    status, answer = await api("PUT", f"{URL}/ann/status", made)
    assert status == 422
    assert f'status.certificate: Invalid value: "<certificate data>": {words}' in answer["message"]


async def test_a_certificate_is_issued_once(api):
    _, made = await api("POST", URL, request(signerName="example.com/own"))
    made["status"] = {"certificate": CERTIFICATE}
    status, issued = await api("PUT", f"{URL}/ann/status", made)
    assert status == 200 and issued["status"]["certificate"] == CERTIFICATE
    issued["status"]["certificate"] = base64.b64encode(make_ca("lab", 0.0).certificate).decode()
    status, answer = await api("PUT", f"{URL}/ann/status", issued)
    assert status == 422 and "updates may not modify existing certificate content" in answer["message"]
