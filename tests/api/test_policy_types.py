"""Which kinds a policy's expressions are held to, and what its status warns of."""

import msgspec
import pytest

from pikube.api.custom.kinds import custom_kind
from pikube.api.kinds.admission import ValidatingAdmissionPolicy
from pikube.api.kinds.extensions import CustomResourceDefinition
from pikube.api.policy_types import subjects, warnings
from pikube.api.scheme import Scheme
from pikube.api.served import SERVED


@pytest.fixture
def served():
    return Scheme(SERVED)


def rule(groups, versions, *resources):
    return {
        "apiGroups": groups,
        "apiVersions": versions,
        "resources": list(resources),
        "operations": ["CREATE"],
    }


DEPLOYMENTS = rule(["apps"], ["v1"], "deployments")


def policy(*expressions, rules=(DEPLOYMENTS,), **spec):
    validations = [{"expression": text} for text in expressions]
    constraints = {"resourceRules": list(rules)}
    document = {"spec": {"matchConstraints": constraints, "validations": validations, **spec}}
    return msgspec.convert(document, ValidatingAdmissionPolicy)


def warned(served, asked):
    return [(w.field_ref, w.warning) for w in warnings(asked, subjects(asked, served))]


def labels(served, *rules):
    return [subject.label for subject in subjects(policy(rules=rules), served).objects]


def test_each_kind_that_does_not_fit_is_named(served):
    asked = policy("object.replicas > 1", rules=[rule(["apps"], ["v1"], "replicasets", "deployments")])
    assert warned(served, asked) == [
        (
            "spec.validations[0].expression",
            "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n"
            " | object.replicas > 1\n | ......^\n\n"
            "apps/v1, Kind=ReplicaSet: ERROR: <input>:1:7: undefined field 'replicas'\n"
            " | object.replicas > 1\n | ......^\n",
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        "object.spec.replicas <= params.data.size() || object.metadata.namespace == 'a'",
        "object.metadata.__namespace__ == namespaceObject.metadata.name",
        "object.metadata.labels.app == 'x' && object.metadata.creationTimestamp < timestamp('2030-01-01T00:00:00Z')",
        "object.spec.template.spec.containers.all(c, c.ports.all(p, p.containerPort > 1024))",
        "object.spec.template.spec.containers.all(c, quantity(c.resources.limits['cpu']).isLessThan(quantity('1')))",
        "object.spec.strategy.rollingUpdate.maxSurge == 1 || object.spec.strategy.rollingUpdate.maxSurge == '10%'",
        "oldObject == null || request.userInfo.groups.exists(g, g == 'a') || request.namespace == 'a'",
        "variables.few && variables.names.all(n, n != '') && variables.spec.anything",
        "authorizer.group('apps').resource('deployments').check('scale').allowed()",
    ],
)
def test_what_fits_is_not_warned_of(served, text):
    variables = [
        {"name": "few", "expression": "object.spec.replicas < 3"},
        {"name": "names", "expression": "object.spec.template.spec.containers.map(c, c.name)"},
        {"name": "spec", "expression": "object.spec"},
        {"name": "wrong", "expression": "object.wrong"},
    ]
    params = {"apiVersion": "v1", "kind": "ConfigMap"}
    assert warned(served, policy(text, variables=variables, paramKind=params)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("params.size() > 1", "undeclared reference to 'params' (in container '')"),
        ("variables.few == 1", "'_==_' applied to '(bool, int)'"),
        ("variables.none", "undefined field 'none'"),
        ("object.spec.template.spec.containers.all(c, c.nam == '')", "undefined field 'nam'"),
        ("request.user", "undefined field 'user'"),
        ("object.spec.replicas + 'a' == ''", "'_+_' applied to '(int, string)'"),
        ("object.spec == object.spec.template", "'(Deployment.spec, Deployment.spec.template)'"),
    ],
)
def test_what_does_not_fit_is_warned_of(served, text, words):
    variables = [{"name": "few", "expression": "object.spec.replicas < 3"}]
    [(where, warning)] = warned(served, policy("true", text, variables=variables))
    assert where == "spec.validations[1].expression"
    assert words in warning


def test_words_of_a_message_are_looked_at(served):
    asked = policy(validations=[{"expression": "true", "messageExpression": "object.foo + 1"}])
    [(where, _)] = warned(served, asked)
    assert where == "spec.validations[0].messageExpression"


def test_wildcards_and_subresources_are_not_looked_at(served):
    assert labels(served, rule(["*"], ["v1"], "deployments"), rule(["apps"], ["*"], "deployments")) == []
    assert labels(served, rule(["apps"], ["v1"], "*", "deployments/scale", "deployments/*")) == []
    assert labels(served, rule(["", "apps"], ["v1"], "pods", "deployments", "nothing")) == [
        "/v1, Kind=Pod",
        "apps/v1, Kind=Deployment",
    ]


def test_a_rule_of_many_kinds_is_the_last_one(served):
    many = ["pods", "services", "secrets", "configmaps", "nodes", "namespaces", "events", "endpoints",
            "serviceaccounts", "limitranges", "resourcequotas"]  # fmt: skip
    assert len(labels(served, rule([""], ["v1"], *many), DEPLOYMENTS)) == 10
    assert len(labels(served, rule([""], ["v1"], *many[:9]), DEPLOYMENTS)) == 10


def test_custom_kinds_are_held_to_their_schema(served):
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "size": {"type": "integer"},
                    "port": {"x-kubernetes-int-or-string": True},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "tags": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            }
        },
    }
    names = {"plural": "webs", "singular": "web", "kind": "Web", "listKind": "WebList"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition = {"group": "a.example", "names": names, "scope": "Namespaced", "versions": [version]}
    document = {"metadata": {"name": "webs.a.example"}, "spec": definition}
    custom = custom_kind(msgspec.convert(document, CustomResourceDefinition))
    served.serve_custom(custom.infos, {})
    about = [rule(["a.example"], ["v1"], "webs")]
    right = policy(
        "object.spec.size > object.spec.port && object.metadata.labels == object.spec.tags", rules=about
    )
    assert warned(served, right) == []
    for text in ("object.spec.size == 'a'", "object.status", "object.spec.free.anything == 1"):
        [(_, warning)] = warned(served, policy(text, rules=about))
        assert warning.startswith("a.example/v1, Kind=Web: ERROR: ")
