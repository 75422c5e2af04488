"""What happens when too much is asked at once, and what is written down of what was asked."""

import json

from request_api import Api

from pikube.leader.audit import AuditLog
from pikube.leader.request.counts import RequestCounts
from pikube.leader.request.route import Query, parse_route
from pikube.wire.messages import Peer

MAPS = "/api/v1/namespaces/default/configmaps"


async def test_beyond_the_limit_clients_are_told_to_come_again(api):
    api.plane.counts.limits["mutating"] = 0
    jane = Peer("127.0.0.1", 1, "jane")
    status, refused = await api("POST", MAPS, {"metadata": {"name": "a"}}, peer=jane)
    assert status == 429 and refused["details"]["retryAfterSeconds"] == 1
    assert refused["message"] == "Too many requests, please try again later."
    assert (await api("GET", MAPS, peer=jane))[0] == 403, "reads have a limit of their own"
    assert (await api("POST", MAPS, {"metadata": {"name": "a"}}))[0] == 201, "administrators pass"


async def test_what_is_over_makes_room(api):
    api.plane.counts.limits["readOnly"] = 1
    for _ in range(3):
        assert (await api("GET", MAPS, peer=Peer("127.0.0.1", 1, "jane")))[0] == 403


def test_one_user_leaves_half_of_the_places_to_others():
    counts = RequestCounts()
    counts.limits["mutating"] = 4
    write, read = parse_route("POST", MAPS, Query("")), parse_route("GET", MAPS, Query(""))
    assert [counts.seat(write, "noisy") for _ in range(3)] == [True, True, False]
    assert counts.seat(write, "quiet") and counts.seat(read, "noisy")
    counts.leave(write, "noisy")
    assert counts.seat(write, "noisy") and not counts.seat(write, "noisy")


async def test_writes_are_written_down_when_a_file_is_named(tmp_path):
    path = tmp_path / "logs" / "audit.log"
    api = Api(audit_log=str(path))
    await api.make_namespace()
    await api("GET", MAPS)
    await api("POST", MAPS, {"metadata": {"name": "a"}}, impersonate_user="bob", user_agent="kubectl/v1.33")
    await api("DELETE", f"{MAPS}/none?dryRun=All")
    create, delete = [json.loads(line) for line in path.read_text().splitlines()]
    assert create["verb"] == "create" and create["user"]["username"] == "bob"
    assert create["responseStatus"]["code"] == 403 and create["userAgent"] == "kubectl/v1.33"
    assert create["objectRef"] == {"resource": "configmaps", "namespace": "default", "apiVersion": "v1"}
    assert delete["responseStatus"]["code"] == 404 and delete["requestURI"] == f"{MAPS}/none?dryRun=All"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_file_is_set_aside(tmp_path):
    log = AuditLog(tmp_path / "audit.log", largest_bytes=10)

    class Asked:
        raw_path, query, headers, peer = "/x", "", {}, Peer("127.0.0.1", 1)

    route = parse_route("DELETE", f"{MAPS}/a", Query(""))
    for _ in range(3):
        log.record(Asked(), route, None, 200, 0.0, 1.0)
    assert len((tmp_path / "audit.log").read_text().splitlines()) == 1
    assert len((tmp_path / "audit.log.1").read_text().splitlines()) == 1


async def test_what_admission_notes_is_written_down(tmp_path):
    path = tmp_path / "audit.log"
    api = Api(audit_log=str(path))
    await api.make_namespace()
    base = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
    rules = [
        {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    ]
    spec = {
        "matchConstraints": {"resourceRules": rules},
        "validations": [{"expression": "true"}, {"expression": "size(object.data) < 1", "message": "much"}],
        "auditAnnotations": [{"key": "keys", "valueExpression": "'has ' + string(size(object.data))"}],
    }
    assert (await api("POST", f"{base}ies", {"metadata": {"name": "p"}, "spec": spec}))[0] == 201
    binding = {"policyName": "p", "validationActions": ["Audit"]}
    assert (await api("POST", f"{base}ybindings", {"metadata": {"name": "b"}, "spec": binding}))[0] == 201
    assert (await api("POST", MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}}))[0] == 201
    await api("DELETE", f"{MAPS}/a", impersonate_user="bob")
    *_, created, refused = [json.loads(line) for line in path.read_text().splitlines()]
    notes = created["annotations"]
    assert notes["authorization.k8s.io/decision"] == "allow" and notes["p/keys"] == "has 1"
    assert json.loads(notes["validation.policy.admission.k8s.io/validation_failure"]) == [
        {
            "message": "much",
            "policy": "p",
            "binding": "b",
            "expressionIndex": 1,
            "validationActions": ["Audit"],
        }
    ]
    assert refused["annotations"] == {"authorization.k8s.io/decision": "forbid"}
