"""ValidatingAdmissionPolicies through the request path."""

import pytest

from pikube.api.cel import CelUnsupported, compile_expression
from pikube.api.kinds.admission import ValidatingAdmissionPolicy
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.policy_types import Subjects
from pikube.leader.controllers.policy_status import reconcile
from pikube.wire.messages import Peer

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
MAPS = "/api/v1/namespaces/default/configmaps"
RULES = [
    {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["configmaps"],
    }
]


@pytest.fixture
def put_in_force(api):
    async def put(validations, actions=("Deny",), binding=None, **spec):
        policy = {
            "metadata": {"name": "p"},
            "spec": {"matchConstraints": {"resourceRules": RULES}, "validations": validations, **spec},
        }
        status, made = await api("POST", POLICIES, policy)
        assert status == 201, made
        wanted = {"policyName": "p", "validationActions": list(actions), **(binding or {})}
        status, made = await api("POST", BINDINGS, {"metadata": {"name": "b"}, "spec": wanted})
        assert status == 201, made

    return put


def config_map(name="a", **data):
    return {"metadata": {"name": name}, "data": data}


async def test_a_violation_is_refused_in_upstreams_words(api, put_in_force):
    await put_in_force([{"expression": "size(object.data) < 2"}])
    assert (await api("POST", MAPS, config_map("fine", k="1")))[0] == 201
    status, refused = await api("POST", MAPS, config_map(k="1", l="2"))
    words = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: size(object.data) < 2"
    assert (status, refused["reason"]) == (422, "Invalid")
    assert refused["message"] == f'configmaps "a" is forbidden: {words}'
    assert refused["details"]["causes"] == [{"message": words}]


async def test_variables_parameters_and_messages(api, put_in_force):
    await api("POST", MAPS, config_map("limits", most="1"))
    await put_in_force(
        [{"expression": "variables.count <= int(params.data.most)", "reason": "Forbidden",
          "messageExpression": "'at most ' + params.data.most + ', not ' + string(variables.count)"}],
        {"Deny"}, {"paramRef": {"name": "limits", "namespace": "default", "parameterNotFoundAction": "Deny"}},
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        variables=[{"name": "count", "expression": "size(object.data)"}],
    )  # fmt: skip
    status, refused = await api("POST", MAPS, config_map(k="1", l="2"))
    assert status == 403 and refused["message"].endswith("denied request: at most 1, not 2")
    await api("DELETE", f"{MAPS}/limits")
    status, refused = await api("POST", MAPS, config_map(k="1"))
    assert status == 422 and "no params found" in refused["message"]


async def test_warn_lets_it_pass_with_a_warning(api, put_in_force):
    await put_in_force([{"expression": "false", "message": "think again"}], ("Warn",))
    assert (await api("POST", MAPS, config_map()))[0] == 201
    assert api.warnings == [
        "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': think again\""
    ]


async def test_match_conditions_and_the_failure_policy(api, put_in_force):
    await put_in_force(
        [{"expression": "object.data.missing == '1'"}],
        matchConditions=[{"name": "not-admin", "expression": "request.userInfo.username != 'admin'"}],
    )
    assert (await api("POST", MAPS, config_map("mine")))[0] == 201
    status, refused = await api(
        "POST", MAPS, config_map(k="1"), impersonate_user="bob", impersonate_group="system:masters"
    )
    assert status == 422 and "resulted in error" in refused["message"]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("object.data.size(", "Syntax error"),
        ("objekt.data.size() == 0", "ERROR: <input>:1:1: undeclared reference to 'objekt' (in container '')"),
        ("params.data.size() == 0", "undeclared reference to 'params' (in container '')"),
        ("request.user == 'a'", "ERROR: <input>:1:8: undefined field 'user'"),
        ("request.dryRun == 'a'", "found no matching overload for '_==_' applied to '(bool, string)'"),
    ],
)
async def test_what_cannot_be_read_is_refused(api, expression, words):
    spec = {"matchConstraints": {"resourceRules": RULES}, "validations": [{"expression": expression}]}
    status, refused = await api("POST", POLICIES, {"metadata": {"name": "p"}, "spec": spec})
    assert status == 422
    (cause,) = refused["details"]["causes"]
    assert cause["field"] == "spec.validations[0].expression"
    assert cause["message"].startswith(f'Invalid value: "{expression}": compilation failed: ')
    assert words in cause["message"]


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ({"validations": [{"expression": "object.data.a"}]}, "validations[0].expression", "bool but got dyn"),
        ({"matchConditions": [{"name": "a", "expression": "1"}]}, "matchConditions[0].expression", "bool but got int"),
        (
            {"validations": [{"expression": "true", "messageExpression": "object.data.size() > 1"}]},
            "validations[0].messageExpression",
            "string but got bool",
        ),
        (
            {"auditAnnotations": [{"key": "a", "valueExpression": "[1.5]"}]},
            "auditAnnotations[0].valueExpression",
            "one of [string null_type] but got list(double)",
        ),
    ],
)  # fmt: skip
async def test_an_expression_of_another_type_is_refused(api, spec, field, words):
    valid = {"matchConstraints": {"resourceRules": RULES}, "validations": [{"expression": "true"}]}
    status, refused = await api("POST", POLICIES, {"metadata": {"name": "p"}, "spec": {**valid, **spec}})
    assert status == 422
    (cause,) = refused["details"]["causes"]
    assert cause["field"] == f"spec.{field}" and cause["message"].endswith(f"must evaluate to {words}")


async def test_a_message_may_not_ask_the_authorizer(api):
    words = "string(authorizer.group('').resource('pods').check('get').allowed())"
    validation = {"expression": "true", "messageExpression": words}
    spec = {"matchConstraints": {"resourceRules": RULES}, "validations": [validation]}
    status, refused = await api("POST", POLICIES, {"metadata": {"name": "p"}, "spec": spec})
    assert status == 422 and "undeclared reference to 'authorizer'" in refused["message"]


async def test_parameters_of_a_kind_that_is_not_served_refuse(api, put_in_force):
    kind = {"apiVersion": "x.io/v1", "kind": "Drawer"}
    await put_in_force([{"expression": "true"}], paramKind=kind)
    status, refused = await api("POST", MAPS, config_map("a", k="v"))
    assert status == 422 and refused["message"].endswith(
        "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find resource "
        "referenced by paramKind: 'x.io/v1, Kind=Drawer'"
    )


async def test_optional_values_and_sets_are_understood(api, put_in_force):
    await put_in_force(
        [{"expression": "object.?data.optMap(d, sets.contains(['a', 'b'], d.map(k, k))).orValue(true)"}]
    )
    assert (await api("POST", MAPS, config_map("fine", a="1")))[0] == 201
    assert (await api("POST", MAPS, {"metadata": {"name": "none"}}))[0] == 201
    assert (await api("POST", MAPS, config_map(c="1")))[0] == 422


def test_a_policy_is_looked_at_once_for_each_generation():
    policy = ValidatingAdmissionPolicy(metadata=ObjectMeta(name="p", generation=3))
    (action,) = reconcile(policy, Subjects((), None), 0.0)
    assert action.subresource == "status"
    assert action.obj.status.observed_generation == 3 and action.obj.status.type_checking is not None
    assert policy.status.observed_generation == 0
    assert reconcile(action.obj, Subjects((), None), 1.0) == []


BOB = Peer("127.0.0.1", 1, "bob", ("system:authenticated",))
BOB_SUBJECT = {"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}
ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"


async def grant(api, name, resource, verbs):
    """A Role of that name for bob."""
    rule = {"apiGroups": [""], "resources": [resource], "verbs": verbs}
    assert (await api("POST", f"{ROLES}/roles", {"metadata": {"name": name}, "rules": [rule]}))[0] == 201
    ref = {"kind": "Role", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    body = {"metadata": {"name": name}, "subjects": [BOB_SUBJECT], "roleRef": ref}
    assert (await api("POST", f"{ROLES}/rolebindings", body))[0] == 201


ASKED = {
    "authorizer.group('').resource('secrets').namespace('default').check('list').allowed()": True,
    "authorizer.group('').resource('secrets').namespace('other').check('list').allowed()": False,
    "authorizer.group('').resource('secrets').namespace('default').name('x').check('delete').allowed()": False,
    "authorizer.group('').resource('secrets').subresource('x').namespace('default').check('list').allowed()": False,
    "authorizer.path('/healthz').check('get').allowed()": True,
    "authorizer.path('/metrics').check('get').allowed()": False,
    "authorizer.requestResource.check('create').allowed()": True,
    "authorizer.requestResource.check('custom').allowed()": False,
    "authorizer.serviceAccount('default', 'a').group('').resource('secrets').check('list').allowed()": False,
    "authorizer.requestResource.check('create').reason().startsWith('RBAC: allowed by RoleBinding')": True,
    "authorizer.requestResource.check('create').errored()": False,
}


@pytest.mark.parametrize("expression", ASKED)
async def test_expressions_ask_what_else_the_user_may(api, put_in_force, expression):
    await grant(api, "writes", "configmaps", ["create"])
    await grant(api, "reads", "secrets", ["list"])
    cluster = ROLES.rpartition("/namespaces")[0]
    rule = {"nonResourceURLs": ["/healthz"], "verbs": ["get"]}
    assert (await api("POST", f"{cluster}/clusterroles", {"metadata": {"name": "h"}, "rules": [rule]}))[
        0
    ] == 201
    ref = {"kind": "ClusterRole", "name": "h", "apiGroup": "rbac.authorization.k8s.io"}
    body = {"metadata": {"name": "h"}, "subjects": [BOB_SUBJECT], "roleRef": ref}
    assert (await api("POST", f"{cluster}/clusterrolebindings", body))[0] == 201
    await put_in_force([{"expression": expression}])
    status, answer = await api("POST", MAPS, config_map(k="1"), peer=BOB)
    assert status == (201 if ASKED[expression] else 422), answer


async def test_rules_of_custom_kinds_have_nobody_to_ask():
    with pytest.raises(CelUnsupported, match="undeclared reference to 'authorizer'"):
        compile_expression("authorizer.path('/x').check('get').allowed()").check_names(("self",))
