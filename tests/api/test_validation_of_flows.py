"""FlowSchemas and priority levels: upstream's words, one case a line; what every cluster begins with is sound."""

import copy
import json

import msgspec
import pytest

from pikube.api.codec import from_builtins
from pikube.api.flow_defaults import default_level, default_schema, flow_schemas, priority_levels
from pikube.api.kinds.flowcontrol import FlowSchema, PriorityLevelConfiguration
from pikube.api.table import columns_of, render_table
from pikube.api.validation.flows import level_causes, schema_causes

RESOURCES = {"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments"], "namespaces": ["a"]}
PATHS = {"verbs": ["*"], "nonResourceURLs": ["/healthz", "/metrics/*"]}
SCHEMA = {"metadata": {"name": "x"}, "spec": {
    "matchingPrecedence": 9000, "priorityLevelConfiguration": {"name": "global-default"},
    "distinguisherMethod": {"type": "ByUser"},
    "rules": [{"subjects": [{"kind": "User", "user": {"name": "jane"}}], "resourceRules": [RESOURCES],
               "nonResourceRules": [PATHS]}],
}}  # fmt: skip
LEVEL = {"metadata": {"name": "x"}, "spec": {"type": "Limited", "limited": {
    "nominalConcurrencyShares": 2, "limitResponse": {
        "type": "Queue", "queuing": {"queues": 64, "handSize": 6, "queueLengthLimit": 50}},
}}}  # fmt: skip
BOTH_TYPES = "spec.type: Invalid value: \"Exempt\": must be 'Exempt' if and only if `name` is 'exempt'"
RULE = "spec.rules[0]"
QUEUING = "spec.limited.limitResponse.queuing"
SCHEMA_CASES = [
    ("spec.matchingPrecedence", -1, "spec.matchingPrecedence: Invalid value: -1: must be a positive value"),
    ("spec.matchingPrecedence", 10001, "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000"),
    ("spec.matchingPrecedence", 1,
     "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"),
    ("spec.distinguisherMethod.type", "X",
     'spec.distinguisherMethod.type: Unsupported value: {"type":"X"}: supported values: "ByNamespace", "ByUser"'),
    ("spec.priorityLevelConfiguration.name", "",
     "spec.priorityLevelConfiguration.name: Required value: must reference a priority level"),
    ("spec.rules.0.subjects", [],
     f"{RULE}.subjects: Required value: subjects must contain at least one value"),
    ("spec.rules.0.subjects.0.kind", "X",
     f'{RULE}.subjects[0].kind: Unsupported value: "X": supported values: "Group", "ServiceAccount", "User"'),
    ("spec.rules.0.subjects.0", {"kind": "Group"},
     f"{RULE}.subjects[0].group: Required value: group is required when subject kind is 'Group'"),
    ("spec.rules.0.subjects.0.group", {"name": "g"},
     f"{RULE}.subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'"),
    ("spec.rules.0.subjects.0", {"kind": "ServiceAccount", "serviceAccount": {"name": "*"}},
     f"{RULE}.subjects[0].serviceAccount.namespace: Required value: must specify namespace for service account"),
    ("spec.rules.0.resourceRules.0.verbs", ["*", "get"],
     f"{RULE}.resourceRules[0].verbs: Invalid value: [\"*\",\"get\"]: if '*' is present, must not specify other verbs"),
    ("spec.rules.0.resourceRules.0.verbs", ["sing"],
     f'{RULE}.resourceRules[0].verbs: Unsupported value: ["sing"]: supported values: "create", "delete", '
     '"deletecollection", "get", "list", "patch", "proxy", "update", "watch"'),
    ("spec.rules.0.resourceRules.0.namespaces", [],
     f"{RULE}.resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at "
     "least one namespace"),
    ("spec.rules.0.nonResourceRules.0.nonResourceURLs", ["/a*"],
     f'{RULE}.nonResourceRules[0].nonResourceURLs[0]: Invalid value: "/a*": wildcard can only do suffix matching'),
    ("metadata.name", "exempt", "spec: Invalid value:"),
]  # fmt: skip
LEVEL_CASES = [
    ("spec", {"type": "Exempt"}, BOTH_TYPES),
    ("spec", {"type": "Limited"}, "spec.limited: Required value: must not be empty when type is Limited"),
    ("spec.exempt", {}, "spec.exempt: Forbidden: must be nil if the type is Limited"),
    ("spec.type", "X", 'spec.type: Unsupported value: "X": supported values: "Exempt", "Limited"'),
    ("spec.limited.nominalConcurrencyShares", -1,
     "spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer"),
    ("spec.limited.lendablePercent", 101,
     "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive"),
    ("spec.limited.borrowingLimitPercent", -1,
     "spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer"),
    ("spec.limited.limitResponse.type", "Reject",
     f"{QUEUING}: Forbidden: must be nil if limited.limitResponse.type is not Limited"),
    (f"{QUEUING}.handSize", 65, f"{QUEUING}.handSize: Invalid value: 65: should not be greater than queues (64)"),
    (f"{QUEUING}.handSize", 11,
     f"{QUEUING}.handSize: Invalid value: 11: required entropy bits of deckSize 64 and handSize 11 should not be "
     "greater than 60"),
    ("metadata.name", "catch-all", "spec: Invalid value:"),
]  # fmt: skip


def changed(document, path, value):
    document = copy.deepcopy(document)
    *above, last = path.split(".")
    inner = document
    for step in above:
        inner = inner[int(step)] if step.isdigit() else inner[step]
    inner[int(last) if last.isdigit() else last] = value
    return document


def words(causes):
    return [f"{cause.field}: {cause.message}" for cause in causes]


@pytest.mark.parametrize(("path", "value", "expected"), SCHEMA_CASES)
def test_what_is_wrong_with_a_schema(path, value, expected):
    obj = from_builtins(changed(SCHEMA, path, value), FlowSchema)
    default_schema(obj)
    assert any(said.startswith(expected) for said in words(schema_causes(obj))), words(schema_causes(obj))


@pytest.mark.parametrize(("path", "value", "expected"), LEVEL_CASES)
def test_what_is_wrong_with_a_level(path, value, expected):
    obj = from_builtins(changed(LEVEL, path, value), PriorityLevelConfiguration)
    default_level(obj)
    assert any(said.startswith(expected) for said in words(level_causes(obj))), words(level_causes(obj))


def test_what_is_sound_and_what_every_cluster_begins_with():
    assert schema_causes(from_builtins(SCHEMA, FlowSchema)) == []
    assert level_causes(from_builtins(LEVEL, PriorityLevelConfiguration)) == []
    levels, schemas = priority_levels(), flow_schemas()
    assert [words(level_causes(level)) for level in levels] == [[]] * 8
    assert [words(schema_causes(schema)) for schema in schemas] == [[]] * 11
    named = {schema.spec.priority_level_configuration.name for schema in schemas}
    assert named == {level.metadata.name for level in levels}


def test_only_what_is_exempt_lends_of_the_fixed_levels():
    exempt = priority_levels()[0]
    exempt.spec.exempt.lendable_percent = 50
    assert level_causes(exempt) == []


def test_what_is_filled_in():
    limited = {"limitResponse": {"type": "Queue", "queuing": {}}}
    level = from_builtins({"spec": {"type": "Limited", "limited": limited}}, PriorityLevelConfiguration)
    default_level(level)
    queuing = level.spec.limited.limit_response.queuing
    assert (level.spec.limited.nominal_concurrency_shares, level.spec.limited.lendable_percent) == (30, 0)
    assert (queuing.queues, queuing.hand_size, queuing.queue_length_limit) == (64, 8, 50)
    schema = from_builtins({"spec": {"priorityLevelConfiguration": {"name": "x"}}}, FlowSchema)
    default_schema(schema)
    assert schema.spec.matching_precedence == 1000


def test_what_is_printed():
    rows = {schema.metadata.name: columns_of(FlowSchema).row(schema, 0)[:4] for schema in flow_schemas()}
    assert rows["probes"] == ["probes", "exempt", 2, "<none>"]
    level = columns_of(PriorityLevelConfiguration).row
    assert level(priority_levels()[0], 0)[:6] == ["exempt", "Exempt", "<none>", "<none>", "<none>", "<none>"]
    assert level(priority_levels()[4], 0)[:6] == ["leader-election", "Limited", 10, 16, 4, 50]


def test_schemas_are_printed_in_the_order_in_which_they_are_tried():
    values = [msgspec.json.encode(schema) for schema in flow_schemas()]
    table = json.loads(b"".join(render_table(FlowSchema, values, b"{}", 0)))
    found = [(row["cells"][2], row["cells"][0]) for row in table["rows"]]
    assert found == sorted(found) and found[0] == (1, "exempt")
