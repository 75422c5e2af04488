"""Custom resources through the whole request path: discovery, validation, pruning, versions, subresources."""

import copy

import pytest
import trio
from custom_kinds import CRDS, establish
from request_api import Api

from pikube.api.custom.rule_cost import steps_of
from pikube.api.kinds.extensions import CustomResourceDefinition

CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["all"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {
                    "status": {},
                    "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"},
                },
                "additionalPrinterColumns": [
                    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                    {"name": "Ready", "type": "string",
                     "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                ],
                "selectableFields": [{"jsonPath": ".spec.color"}],
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["size"],
                                "properties": {
                                    "size": {"type": "integer", "minimum": 1, "maximum": 10},
                                    "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
                                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                    "port": {"x-kubernetes-int-or-string": True},
                                    "parts": {
                                        "type": "array",
                                        "x-kubernetes-list-type": "map",
                                        "x-kubernetes-list-map-keys": ["name"],
                                        "items": {
                                            "type": "object",
                                            "required": ["name"],
                                            "properties": {
                                                "name": {"type": "string"}, "weight": {"type": "integer"},
                                            },
                                        },
                                    },
                                },
                            },
                            "status": {
                                "type": "object",
                                "properties": {
                                    "size": {"type": "integer"},
                                    "conditions": {"type": "array", "items": {
                                        "type": "object",
                                        "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
                                    }},
                                },
                            },
                        },
                    }
                },
            }
        ],
    },
}  # fmt: skip
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


def widget(name="w", **spec):
    return {
        "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name},
        "spec": {"size": 3, **spec},
    }  # fmt: skip


@pytest.fixture
async def widgets(api: Api):
    await establish(api, CRD)
    return api


async def test_a_definition_gets_its_defaults_and_is_established(api):
    made = await establish(api, CRD)
    names = made["spec"]["names"]
    assert (names["singular"], names["listKind"]) == ("widget", "WidgetList")
    assert made["spec"]["conversion"] == {"strategy": "None"}
    assert made["status"]["storedVersions"] == ["v1"]
    _, crd = await api("GET", f"{CRDS}/widgets.example.com")
    assert [(c["type"], c["status"]) for c in crd["status"]["conditions"]] == [
        ("NamesAccepted", "True"), ("Established", "True"),
    ]  # fmt: skip
    assert crd["status"]["acceptedNames"]["kind"] == "Widget"


async def test_discovery_shows_the_kind(widgets):
    _, document = await widgets("GET", "/apis/example.com/v1")
    by_name = {resource["name"]: resource for resource in document["resources"]}
    assert set(by_name) == {"widgets", "widgets/status", "widgets/scale"}
    assert by_name["widgets"]["shortNames"] == ["wd"] and by_name["widgets"]["categories"] == ["all"]
    _, groups = await widgets("GET", "/apis")
    assert groups["groups"][-1]["name"] == "example.com"
    _, v3 = await widgets("GET", "/openapi/v3/apis/example.com/v1")
    schema = v3["components"]["schemas"]["com.example.v1.Widget"]
    assert schema["properties"]["spec"]["properties"]["size"]["maximum"] == 10
    assert schema["x-kubernetes-group-version-kind"][0]["kind"] == "Widget"


async def test_an_object_is_defaulted_pruned_and_warned_about(widgets):
    body = widget(bogus=1, free={"any": {"thing": [1]}}, port="http")
    status, made = await widgets("POST", WIDGETS, body)
    assert status == 201, made
    assert made["spec"] == {"size": 3, "free": {"any": {"thing": [1]}}, "port": "http", "color": "red"}
    assert made["metadata"]["generation"] == 1 and made["metadata"]["managedFields"]
    assert widgets.warnings == ['299 - "unknown field \\"spec.bogus\\""']
    status, refused = await widgets("POST", f"{WIDGETS}?fieldValidation=Strict", body)
    assert status == 400
    assert refused["message"] == (
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.bogus"'
    )


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"size": "3"}, 'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'),
        ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ({"size": 11}, "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"),
        ({"color": "blue"}, 'spec.color: Unsupported value: "blue": supported values: "red", "green"'),
        ({"parts": [{"name": "a"}, {"name": "a"}]}, 'spec.parts[1]: Duplicate value: {"name":"a"}'),
        ({"parts": [{}]}, "spec.parts[0].name: Required value"),
    ],
)  # fmt: skip
async def test_what_the_schema_forbids_is_refused_in_upstreams_words(widgets, spec, words):
    status, refused = await widgets("POST", WIDGETS, widget(**spec))
    assert status == 422
    assert refused["message"] == f'Widget.example.com "w" is invalid: {words}'


async def test_status_and_spec_have_their_own_doors(widgets):
    await widgets("POST", WIDGETS, {**widget(), "status": {"size": 9}})
    _, made = await widgets("GET", f"{WIDGETS}/w")
    assert "status" not in made
    _, after = await widgets("PATCH", f"{WIDGETS}/w/status", {"status": {"size": 2}, "spec": {"size": 9}},
                             content_type=MERGE)  # fmt: skip
    assert after["status"] == {"size": 2} and after["spec"]["size"] == 3
    assert after["metadata"]["generation"] == 1
    _, after = await widgets("PATCH", f"{WIDGETS}/w", {"status": {"size": 7}, "spec": {"size": 4}},
                             content_type=MERGE)  # fmt: skip
    assert after["status"] == {"size": 2} and after["spec"]["size"] == 4
    assert after["metadata"]["generation"] == 2


async def test_scale_shows_and_sets_the_replicas(widgets):
    await widgets("POST", WIDGETS, widget())
    _, scale = await widgets("GET", f"{WIDGETS}/w/scale")
    assert scale["spec"]["replicas"] == 3 and scale["kind"] == "Scale"
    scale["spec"]["replicas"] = 5
    status, _ = await widgets("PUT", f"{WIDGETS}/w/scale", scale)
    _, made = await widgets("GET", f"{WIDGETS}/w")
    assert status == 200 and made["spec"]["size"] == 5


async def test_apply_merges_keyed_lists(widgets):
    first = {**widget(parts=[{"name": "a", "weight": 1}])}
    second = {**widget(parts=[{"name": "b", "weight": 2}])}
    await widgets("PATCH", f"{WIDGETS}/w?fieldManager=one", first, content_type=APPLY)
    status, made = await widgets("PATCH", f"{WIDGETS}/w?fieldManager=two", second, content_type=APPLY)
    assert status == 200, made
    assert [part["name"] for part in made["spec"]["parts"]] == ["a", "b"]
    changed = {**widget(size=7, parts=[{"name": "b", "weight": 2}])}
    status, refused = await widgets("PATCH", f"{WIDGETS}/w?fieldManager=two", changed, content_type=APPLY)
    assert status == 409 and 'conflict with "one"' in refused["message"]


async def test_strategic_merge_is_not_for_custom_objects(widgets):
    await widgets("POST", WIDGETS, widget())
    status, _ = await widgets(
        "PATCH", f"{WIDGETS}/w", {"spec": {"size": 4}}, content_type="application/strategic-merge-patch+json"
    )
    assert status == 415


async def test_the_table_shows_the_printer_columns(widgets):
    await widgets("POST", WIDGETS, widget())
    status = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    await widgets("PATCH", f"{WIDGETS}/w/status", status, content_type=MERGE)
    widgets.now += 65
    accept = "application/json;as=Table;g=meta.k8s.io;v=v1"
    _, table = await widgets("GET", WIDGETS, accept=accept)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size", "Ready", "Age"]
    assert table["rows"][0]["cells"] == ["w", 3, "True", "65s"]


async def test_selectable_fields_select(widgets):
    await widgets("POST", WIDGETS, widget("a"))
    await widgets("POST", WIDGETS, widget("b", color="green"))
    _, listed = await widgets("GET", f"{WIDGETS}?fieldSelector=spec.color=green")
    assert [item["metadata"]["name"] for item in listed["items"]] == ["b"]
    assert listed["kind"] == "WidgetList"
    status, _ = await widgets("GET", f"{WIDGETS}?fieldSelector=spec.size=3")
    assert status == 400


async def test_versions_without_conversion_differ_in_their_name_and_schema_only(api):
    crd = copy.deepcopy(CRD)
    beta = copy.deepcopy(crd["spec"]["versions"][0])
    beta |= {"name": "v1beta1", "storage": False, "deprecated": True}
    crd["spec"]["versions"].insert(0, beta)
    await establish(api, crd)
    await api("POST", WIDGETS, widget())
    old = WIDGETS.replace("/v1/", "/v1beta1/")
    _, seen = await api("GET", f"{old}/w")
    assert seen["apiVersion"] == "example.com/v1beta1" and seen["spec"]["size"] == 3
    assert api.warnings == ['299 - "example.com/v1beta1 Widget is deprecated"']
    seen["spec"]["size"] = 8
    status, _ = await api("PUT", f"{old}/w", seen)
    _, new = await api("GET", f"{WIDGETS}/w")
    assert status == 200 and new["apiVersion"] == "example.com/v1" and new["spec"]["size"] == 8
    _, group = await api("GET", "/apis/example.com")
    assert group["preferredVersion"]["version"] == "v1"


async def test_a_schema_that_keeps_everything_keeps_everything(api):
    crd = copy.deepcopy(CRD)
    crd["spec"]["versions"][0] = {
        "name": "v1", "served": True, "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }  # fmt: skip
    await establish(api, crd)
    body = {**widget(), "data": {"x": [1, {"y": None}]}, "status": {"phase": "new"}}
    status, made = await api("POST", WIDGETS, body)
    assert status == 201 and made["data"] == {"x": [1, {"y": None}]} and made["status"] == {"phase": "new"}


async def test_a_definition_that_is_going_takes_no_new_objects(widgets):
    await widgets("POST", WIDGETS, widget())
    await widgets("DELETE", f"{CRDS}/widgets.example.com")
    definition = await widgets.plane.client.get(CustomResourceDefinition, "widgets.example.com")
    assert definition.metadata.finalizers == ("customresourcecleanup.apiextensions.k8s.io",)
    widgets.plane.custom_kinds.changed(definition, definition)
    old = CustomResourceDefinition(metadata=type(definition.metadata)(name="widgets.example.com"))
    widgets.plane.custom_kinds.changed(old, definition)
    status, _ = await widgets("POST", WIDGETS, widget("other"))
    assert status == 405
    status, _ = await widgets("DELETE", f"{WIDGETS}/w")
    assert status == 200


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("metadata", "name"), "x.example.com", 'metadata.name: Invalid value: "x.example.com": must be spec.names.plural+"."+spec.group'),
        (("spec", "scope"), "Galaxy", 'spec.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced"'),
        (("spec", "versions", 0, "schema"), None, "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required"),
        (("spec", "versions", 0, "schema", "openAPIV3Schema", "properties", "spec", "type"), "",
         "spec.versions[0].schema.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields"),
    ],
)  # fmt: skip
async def test_a_bad_definition_is_refused(api, path, value, words):
    crd = copy.deepcopy(CRD)
    here = crd
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    status, refused = await api("POST", CRDS, crd)
    assert status == 422 and words in refused["message"], refused["message"]


def ruled(rules, **spec):
    crd = copy.deepcopy(CRD)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["x-kubernetes-validations"] = rules
    schema["properties"]["spec"]["properties"] |= spec
    return crd


async def test_rules_in_cel_hold(api):
    rules = [
        {"rule": "self.size < 5 || has(self.free)", "message": "large ones must be free"},
        {"rule": "self.color == oldSelf.color", "message": "color is for ever", "fieldPath": ".color"},
        {
            "rule": "self.parts.all(p, p.name.startsWith('p'))",
            "messageExpression": "'size ' + string(self.size)",
        },
        {"rule": "self.rate * 2.0 < 3.0"},
    ]
    await establish(api, ruled(rules, rate={"type": "number"}))
    fine = {"parts": [], "rate": 1}
    status, refused = await api("POST", WIDGETS, widget(**fine, size=7))
    assert status == 422
    assert refused["message"].endswith('spec: Invalid value: "object": large ones must be free')
    status, refused = await api("POST", WIDGETS, widget(rate=2, parts=[{"name": "x"}]))
    assert 'spec: Invalid value: "object": size 3' in refused["message"]
    assert 'spec: Invalid value: "object": failed rule: self.rate * 2.0 < 3.0' in refused["message"]
    assert (await api("POST", WIDGETS, widget(**fine)))[0] == 201
    status, refused = await api("PATCH", f"{WIDGETS}/w", {"spec": {"color": "green"}}, content_type=MERGE)
    assert refused["message"].endswith('spec.color: Invalid value: "object": color is for ever')


async def test_rules_speak_beside_a_schema_that_does_not_block_them(api):
    """As Gateway API's own tests of its definitions expect it."""
    unchecked = (
        "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
    )
    short, ruled_out = "tag in body should be at least 1 chars long", 'spec: Invalid value: "object": no tags'
    rules = [{"rule": "!has(self.tag)", "message": "no tags"}]
    await establish(api, ruled(rules, tag={"type": "string", "minLength": 1}))
    status, refused = await api("POST", WIDGETS, widget(tag=""))
    assert status == 422 and short in refused["message"] and ruled_out in refused["message"], refused
    status, refused = await api("POST", WIDGETS, widget(tag=1))
    assert status == 422 and unchecked in refused["message"] and ruled_out not in refused["message"], refused


async def test_what_an_update_leaves_invalid_blocks_no_rules(api):
    await establish(api, ruled([{"rule": "self.size < 5"}]))
    assert (await api("POST", WIDGETS, widget(size=1)))[0] == 201
    tightened = ruled([{"rule": "self.size < 5"}], color={"type": "string", "maxLength": 1})
    status, _ = await api(
        "PATCH", f"{CRDS}/widgets.example.com", {"spec": tightened["spec"]}, content_type=MERGE
    )
    assert status == 200
    status, answer = await api("PATCH", f"{WIDGETS}/w", {"spec": {"size": 2}}, content_type=MERGE)
    assert status == 200, answer
    status, answer = await api("PATCH", f"{WIDGETS}/w", {"spec": {"size": 7}}, content_type=MERGE)
    assert status == 422 and "failed rule: self.size < 5" in answer["message"], answer
    assert "not checked" not in answer["message"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("self.size ==", "Syntax error"),
        ("slef.size == 1", "ERROR: <input>:1:1: undeclared reference to 'slef' (in container '')"),
        ("self.sise == 1", "ERROR: <input>:1:5: undefined field 'sise'"),
        ("self.parts.all(p, p.name == q)", "undeclared reference to 'q' (in container '')"),
        ("authorizer.path('/x').check('get').allowed()", "undeclared reference to 'authorizer'"),
    ],
)
async def test_a_rule_that_cannot_be_read_is_refused_where_it_is_defined(api, rule, words):
    status, refused = await api("POST", CRDS, ruled([{"rule": "true"}, {"rule": rule}]))
    assert status == 422
    (cause,) = refused["details"]["causes"]
    path = "spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[1].rule"
    assert cause["field"] == path
    assert f'Invalid value: "{rule}": compilation failed: ' in cause["message"] and words in cause["message"]


async def test_an_object_that_names_no_members_has_none(api):
    definition = ruled([{"rule": "self.empty.any > 1"}], empty={"type": "object"})
    status, refused = await api("POST", CRDS, definition)
    assert status == 422 and "ERROR: <input>:1:11: undefined field 'any'" in refused["message"], refused


async def test_rules_may_name_whatever_the_schema_has(api):
    rules = [
        "self.?color.optMap(c, c == 'red').orValue(true)",
        "sets.contains(['red', 'green'], [self.color])",
        "self.free.what.ever == 1 || self.port == 'x.self.y'",
        "self.parts.all(p, p.name.startsWith('p') && type(p.name) == string)",
        "!has(self.color) || self.color.size() > oldSelf.color.size()",
    ]
    await establish(api, ruled([{"rule": rule} for rule in rules]))
    assert (await api("POST", WIDGETS, widget(color="green", parts=[], free={"what": {"ever": 1}})))[0] == 422
    fine = widget(parts=[], free={"what": {"ever": 1}})
    assert (await api("POST", WIDGETS, fine))[0] == 201


async def test_caches_go_on_when_a_definition_is_gone(widgets):
    """The informer of a custom kind reads the last events of its objects after the definition went."""
    await widgets("POST", WIDGETS, widget())
    client, kinds = widgets.plane.client, widgets.plane.custom_kinds
    definition = await client.get(CustomResourceDefinition, "widgets.example.com")
    head = kinds.head_of("widgets.example.com")
    async with client.watch(head, resource_version=str(widgets.store.revision)) as events:
        await widgets("DELETE", f"{WIDGETS}/w")
        kinds.changed(definition, None)
        event = await anext(events)
    assert event.type == "DELETED" and event.object.metadata.name == "w"
    assert kinds.head_of("widgets.example.com") is None
    assert (await widgets("GET", WIDGETS))[0] == 404


async def test_without_a_status_subresource_status_is_a_member_like_others(api):
    crd = copy.deepcopy(CRD)
    del crd["spec"]["versions"][0]["subresources"]
    await establish(api, crd)
    wanted = {**widget(), "status": {"size": 4}}
    status, made = await api("PATCH", f"{WIDGETS}/w?fieldManager=one", wanted, content_type=APPLY)
    assert status == 201 and made["status"] == {"size": 4}, made
    assert "f:status" in made["metadata"]["managedFields"][0]["fieldsV1"]
    made["status"]["size"] = 5
    _, made = await api("PUT", f"{WIDGETS}/w", made)
    assert made["status"]["size"] == 5 and made["metadata"]["generation"] == 2


async def test_numbers_of_a_schema_stay_as_they_were_written(api):
    await establish(api, CRD)
    _, crd = await api("GET", f"{CRDS}/widgets.example.com")
    size = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["size"]
    assert repr(size["minimum"]) == "1"


async def test_applying_the_same_again_writes_nothing(api):
    """Generated manifests say `creationTimestamp: null`, and an empty status."""
    crd = {**copy.deepcopy(CRD), "status": {"acceptedNames": {"kind": "", "plural": ""}, "conditions": None}}
    crd["metadata"]["creationTimestamp"] = None
    url = f"{CRDS}/widgets.example.com?fieldManager=one&force=true"
    _, first = await api("PATCH", url, crd, content_type=APPLY)
    api.now += 60
    _, second = await api("PATCH", url, crd, content_type=APPLY)
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert second == first
    crd["spec"]["names"]["shortNames"] = ["wi"]
    _, third = await api("PATCH", url, crd, content_type=APPLY)
    assert third["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]
    assert third["metadata"]["managedFields"][0]["time"] != first["metadata"]["managedFields"][0]["time"]


async def redefine(api, crd):
    """Store a definition anew and let the leader hear of it, as its informer does."""
    name = crd["metadata"]["name"]
    old = await api.plane.client.get(CustomResourceDefinition, name)
    patch = {"spec": {"versions": crd["spec"]["versions"]}}
    status, made = await api("PATCH", f"{CRDS}/{name}", patch, content_type=MERGE)
    assert status == 200, made
    api.plane.custom_kinds.changed(old, await api.plane.client.get(CustomResourceDefinition, name))


async def test_what_was_stored_before_a_schema_changed_shows_what_it_says_today(widgets):
    api = widgets
    status, made = await api("POST", WIDGETS, widget("old", size=3))
    assert status == 201, made
    crd = copy.deepcopy(CRD)
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    spec["shape"] = {"type": "string", "default": "round"}
    del spec["color"]
    del crd["spec"]["versions"][0]["selectableFields"]
    await redefine(api, crd)
    _, got = await api("GET", f"{WIDGETS}/old")
    assert got["spec"] == {"size": 3, "shape": "round"}
    assert got["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    _, listed = await api("GET", WIDGETS)
    assert listed["items"][0]["spec"] == {"size": 3, "shape": "round"}
    patch = {"spec": {"size": 4}}
    await api("PATCH", f"{WIDGETS}/old", patch, content_type=MERGE)
    _, got = await api("GET", f"{WIDGETS}/old")
    assert got["spec"] == {"size": 4, "shape": "round"}


async def test_who_watches_a_kind_is_sent_away_when_its_definition_changes_or_goes(widgets, autojump_clock):
    api = widgets
    async with api.watching(f"{WIDGETS}?watch=1") as events:
        await api("POST", WIDGETS, widget("a", size=3))
        assert (await events.receive())["type"] == "ADDED"
        crd = copy.deepcopy(CRD)
        crd["spec"]["versions"][0]["additionalPrinterColumns"] = []
        await redefine(api, crd)
        with pytest.raises(trio.EndOfChannel):
            await events.receive()
    async with api.watching(f"{WIDGETS}?watch=1") as events:
        assert (await events.receive())["type"] == "ADDED"
        await api("DELETE", f"{WIDGETS}/a")
        gone = await api.plane.client.get(CustomResourceDefinition, "widgets.example.com")
        api.plane.custom_kinds.changed(gone, None)
        assert (await events.receive())["type"] == "DELETED"
        with pytest.raises(trio.EndOfChannel):
            await events.receive()
    assert (await api("GET", f"{WIDGETS}?watch=1"))[0] == 404


async def test_who_replaces_an_object_names_the_version_that_he_replaces(widgets):
    assert (await widgets("PUT", f"{WIDGETS}/w", widget()))[0] == 404
    _, made = await widgets("POST", WIDGETS, widget())
    status, refused = await widgets("PUT", f"{WIDGETS}/w", widget(size=4))
    assert (status, refused["message"]) == (
        422,
        'widgets.example.com "w" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an '
        "update",
    )
    made["spec"]["size"] = 4
    assert (await widgets("PUT", f"{WIDGETS}/w", made))[0] == 200
    assert (await widgets("PUT", f"{WIDGETS}/w", made))[0] == 409


NESTED = "self.parts.all(p, self.parts.exists(q, q.name == p.name))"


async def test_a_rule_that_could_hold_up_the_leader_is_refused(api):
    status, refused = await api("POST", CRDS, ruled([{"rule": NESTED}]))
    assert status == 422
    (cause,) = refused["details"]["causes"]
    assert cause["reason"] == "FieldValueForbidden"
    words = (
        "Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule"
    )
    assert cause["message"].startswith(words)


async def test_loops_within_loops_are_fine_where_lists_are_bounded(api):
    crd = ruled([{"rule": NESTED}])
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["parts"]["maxItems"] = 100
    await establish(api, crd)
    assert (await api("POST", WIDGETS, widget(parts=[{"name": "a"}])))[0] == 201


@pytest.mark.parametrize(
    ("rule", "steps"),
    [
        ("self.x > 1 && self.y", 1),
        ("self.list.all(i, i > 1)", 1 + 10),
        ("self.list.all(i, i > 1) && self.list.exists(i, i == 'x.all(y,')", 1 + 10 + 10),
        ("self.list.all(i, self.list.all(j, i != j))", 1 + 10 * (1 + 10)),
        ("self.deep.all(d, d.list.all(i, i > 0))", 1 + 10 * (1 + 5)),
        ("[1, 2].exists(i, i == self.x)", 1 + 16),
        ("self.map.all(k, self.map[k] > 1)", 1 + 7),
    ],
)
def test_steps_are_multiplied_by_what_lists_may_hold(rule, steps):
    numbers = {"type": "array", "items": {"type": "integer"}}
    item = {"type": "object", "properties": {"list": {**numbers, "maxItems": 5}}}
    properties = {
        "list": {**numbers, "maxItems": 10},
        "deep": {"type": "array", "maxItems": 10, "items": item},
        "map": {"type": "object", "maxProperties": 7, "additionalProperties": {"type": "integer"}},
    }
    assert steps_of(rule, {"type": "object", "properties": properties}) == steps
