"""MutatingAdmissionPolicies through the request path."""

import pytest
from custom_kinds import establish

from pikube.api.cel import CelUnsupported, compile_expression
from pikube.api.cel_made import as_maps

GROUP = "/apis/admissionregistration.k8s.io/v1"
POLICIES, BINDINGS = f"{GROUP}/mutatingadmissionpolicies", f"{GROUP}/mutatingadmissionpolicybindings"
MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def rules(group, resource, operations=("CREATE", "UPDATE")):
    return [
        {"apiGroups": [group], "apiVersions": ["v1"], "operations": list(operations), "resources": [resource]}
    ]


def policy(*mutations, name="p", about=("", "configmaps"), **spec):
    return {
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": rules(*about)},
            "mutations": list(mutations),
            "reinvocationPolicy": "Never",
            **spec,
        },
    }


def applying(expression):
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def patching(expression):
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


@pytest.fixture
def put_in_force(api):
    async def put(*mutations, name="p", binding=None, **settings):
        status, made = await api("POST", POLICIES, policy(*mutations, name=name, **settings))
        assert status == 201, made
        assert made["spec"]["failurePolicy"] == settings.get("failurePolicy", "Fail")
        wanted = {"metadata": {"name": f"{name}-b"}, "spec": {"policyName": name, **(binding or {})}}
        status, made = await api("POST", BINDINGS, wanted)
        assert status == 201, made

    return put


def config_map(name="a", **data):
    return {"metadata": {"name": name}, "data": data}


async def test_an_apply_configuration_is_laid_over_the_object(api, put_in_force):
    expression = (
        'Object{metadata: Object.metadata{labels: {"team": "a" + request.operation}},'
        ' data: object.data.map(k, k)[0] == "k" ? {"seen": "yes"} : {"seen": "no"}}'
    )
    await put_in_force(applying(expression))
    status, made = await api("POST", MAPS, config_map(k="v"))
    assert status == 201, made
    assert made["data"] == {"k": "v", "seen": "yes"} and made["metadata"]["labels"] == {"team": "aCREATE"}
    made["data"]["more"] = "1"
    status, made = await api("PUT", f"{MAPS}/a", made)
    assert status == 200 and made["metadata"]["labels"] == {"team": "aUPDATE"}


async def test_a_sidecar_is_put_into_every_pod(api, put_in_force):
    expression = """Object{spec: Object.spec{
        initContainers: [Object.spec.initContainers{
            name: "mesh", image: "mesh/proxy:v1", restartPolicy: "Always", args: ["proxy"]}]}}"""
    atomic = expression.replace(', args: ["proxy"]', "")
    about = ("", "pods")
    await put_in_force(
        applying(atomic), name="mesh", about=about,
        matchConditions=[{"name": "once", "expression": '!object.spec.?initContainers.hasValue()'}],
    )  # fmt: skip
    pod = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    status, made = await api("POST", PODS, pod)
    assert status == 201, made
    (sidecar,) = made["spec"]["initContainers"]
    assert (sidecar["name"], sidecar["restartPolicy"]) == ("mesh", "Always")
    assert (
        sidecar["imagePullPolicy"] == "IfNotPresent" and sidecar["volumeMounts"]
    )  # defaults, service account
    await api("DELETE", f"{POLICIES}/mesh")
    await put_in_force(applying(expression), name="whole", about=about)
    status, refused = await api("POST", PODS, {**pod, "metadata": {"name": "b"}})
    assert (status, refused["reason"]) == (403, "Invalid")
    assert refused["message"] == (
        "policy 'whole' with binding 'whole-b' denied request: error applying patch: invalid ApplyConfiguration: "
        "may not mutate atomic arrays, maps or structs: .spec.initContainers[0].args"
    )
    assert refused["details"]["causes"] == [{"message": refused["message"]}]


async def test_a_json_patch_and_its_tests(api, put_in_force):
    add = (
        '[JSONPatch{op: "test", path: "/data/k", value: "v"}, JSONPatch{op: "add", path: "/metadata/labels", '
        'value: {}}, JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("x.io/y~z"), value: "1"}]'
    )
    await put_in_force(patching(add))
    _, made = await api("POST", MAPS, config_map(k="v"))
    assert "x.io/y~z" not in made["metadata"].get("labels", {})  # no label may be called so: refused below
    assert made["code"] == 422
    await api("DELETE", f"{POLICIES}/p")
    await api("DELETE", f"{BINDINGS}/p-b")
    await put_in_force(patching(add.replace("y~z", "y")))
    _, made = await api("POST", MAPS, config_map(k="v"))
    assert made["metadata"]["labels"] == {"x.io/y": "1"}
    _, made = await api("POST", MAPS, config_map("b", k="other"))
    assert "labels" not in made["metadata"]


async def test_variables_and_parameters(api, put_in_force):
    await api("POST", MAPS, config_map("defaults", replicas="3"))
    await put_in_force(
        applying("Object{spec: variables.wanted}"), about=("apps", "deployments"),
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        variables=[{"name": "wanted", "expression": "Object.spec{replicas: int(params.data.replicas)}"}],
        binding={"paramRef": {"name": "defaults", "namespace": "default", "parameterNotFoundAction": "Deny"}},
    )  # fmt: skip
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    wanted = {
        "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }
    status, made = await api("POST", DEPLOYMENTS, wanted)
    assert (status, made["spec"]["replicas"]) == (201, 3)
    await api("DELETE", f"{MAPS}/defaults")
    status, refused = await api("POST", DEPLOYMENTS, {**wanted, "metadata": {"name": "e"}})
    assert status == 403 and "failed to configure binding: no params found" in refused["message"]


async def test_parameters_of_a_kind_that_is_not_served(api, put_in_force):
    kind = {"apiVersion": "x.io/v1", "kind": "Drawer"}
    ref = {"paramRef": {"name": "d", "parameterNotFoundAction": "Allow"}}
    expression = 'Object{data: {"x": "1"}}'
    await put_in_force(applying(expression), paramKind=kind, binding=ref, failurePolicy="Ignore")
    _, made = await api("POST", MAPS, config_map(k="v"))
    assert made["data"] == {"k": "v"}
    await put_in_force(applying(expression), name="strict", paramKind=kind, binding=ref)
    status, refused = await api("POST", MAPS, config_map("b", k="v"))
    assert (status, refused["message"]) == (
        403,
        'policy "strict" denied request: failed to configure policy: '
        "failed to find resource referenced by paramKind: 'x.io/v1, Kind=Drawer'",
    )


async def test_what_fails_refuses_or_is_passed_over(api, put_in_force):
    broken = 'Object{data: {"x": object.data.nothing}}'
    await put_in_force(applying(broken), applying('Object{data: {"y": "1"}}'), failurePolicy="Ignore")
    _, made = await api("POST", MAPS, config_map(k="v"))
    assert made["data"] == {"k": "v", "y": "1"}
    await put_in_force(applying(broken), name="strict")
    status, refused = await api("POST", MAPS, config_map("b", k="v"))
    assert status == 403 and refused["message"] == (
        "policy 'strict' with binding 'strict-b' denied request: no such key: nothing"
    )


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ('Object{nothing: "1"}', ".nothing: field not declared in schema"),
        ("Object{metadata: Object.spec{}}", 'unexpected type name "Object.spec", expected "Object.metadata"'),
    ],
)
async def test_configurations_that_are_none(api, put_in_force, expression, words):
    await put_in_force(applying(expression))
    status, refused = await api("POST", MAPS, config_map(k="v"))
    assert status == 403 and words in refused["message"]


async def test_policies_that_want_it_see_what_others_made(api, put_in_force):
    count = 'Object{data: {"count": string(size(object.data))}}'
    await put_in_force(applying(count), name="a", reinvocationPolicy="IfNeeded")
    await put_in_force(applying(count.replace('"count"', '"once"')), name="b")
    _, made = await api("POST", MAPS, config_map(k="v"))
    assert made["data"] == {"k": "v", "count": "3", "once": "2"}


async def test_custom_objects_are_changed_too(api, put_in_force):
    spec = {"type": "object", "properties": {"size": {"type": "integer"}}}
    version = {"name": "v1", "served": True, "storage": True}
    version["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    names = {"plural": "drawers", "singular": "drawer", "kind": "Drawer"}
    definition = {"group": "x.io", "scope": "Namespaced", "names": names, "versions": [version]}
    await establish(api, {"metadata": {"name": "drawers.x.io"}, "spec": definition})
    await put_in_force(applying("Object{spec: Object.spec{size: 5}}"), about=("x.io", "drawers"))
    drawer = {"apiVersion": "x.io/v1", "kind": "Drawer", "metadata": {"name": "a"}}
    status, made = await api("POST", "/apis/x.io/v1/namespaces/default/drawers", drawer)
    assert (status, made["spec"]) == (201, {"size": 5})


async def test_what_a_policy_may_not_say(api):
    wrong = policy(
        {"patchType": "JSONPatch", "applyConfiguration": {"expression": "Object{}"}},
        {"patchType": "Merge"},
        applying(" "),
        applying("Object{a: nobody}"),
        about=("", "configmaps", ("DELETE",)),
        reinvocationPolicy="Sometimes",
        failurePolicy="Perhaps",
    )
    status, refused = await api("POST", POLICIES, wrong)
    assert status == 422
    assert [(c["field"], c["reason"]) for c in refused["details"]["causes"]] == [
        ("spec.failurePolicy", "FieldValueNotSupported"),
        ("spec.matchConstraints.resourceRules.operations", "FieldValueNotSupported"),
        ("spec.mutations[0].applyConfiguration", "FieldValueInvalid"),
        ("spec.mutations[0].jsonPatch", "FieldValueRequired"),
        ("spec.mutations[1].patchType", "FieldValueNotSupported"),
        ("spec.mutations[2].applyConfiguration.expression", "FieldValueRequired"),
        ("spec.mutations[3].applyConfiguration.expression", "FieldValueInvalid"),
        ("spec.reinvocationPolicy", "FieldValueNotSupported"),
    ]
    status, refused = await api("POST", POLICIES, {"metadata": {"name": "p"}, "spec": {}})
    assert [c["field"] for c in refused["details"]["causes"]] == [
        "spec.matchConstraints", "spec.mutations", "spec.reinvocationPolicy",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mutation", "words"),
    [
        (
            applying('{"data": {"a": "b"}}'),
            "must evaluate to Object but got map(string, map(string, string))",
        ),
        (applying("object"), "must evaluate to Object but got dyn"),
        (applying("Object.spec{}"), "must evaluate to Object but got Object.spec"),
        (patching("[{}]"), "must evaluate to list(JSONPatch) but got list(map(dyn, dyn))"),
        (
            patching('JSONPatch{op: "remove", path: "/a"}'),
            "must evaluate to list(JSONPatch) but got JSONPatch",
        ),
        (patching('[JSONPatch{op: "remove", where: "/a"}]'), "undefined field 'where'"),
        (applying('Object{data: {"a": request.user}}'), "undefined field 'user'"),
    ],
)
async def test_what_gives_something_else_is_refused_where_it_is_defined(api, mutation, words):
    status, refused = await api("POST", POLICIES, policy(mutation))
    assert status == 422
    (cause,) = refused["details"]["causes"]
    assert cause["field"].endswith(".expression") and words in cause["message"]


async def test_optional_fields_are_there_if_they_have_a_value(api, put_in_force):
    expression = """Object{
        ?metadata: has(object.data) ? optional.of(Object.metadata{labels: {"seen": "yes"}}) : optional.none(),
        data: {"own": "1"}, ?immutable: object.?data.?lock.optMap(l, l == "yes")
    }"""
    await put_in_force(applying(expression))
    _, made = await api("POST", MAPS, config_map(lock="yes"))
    assert made["metadata"]["labels"] == {"seen": "yes"} and made["immutable"] is True
    _, made = await api("POST", MAPS, {"metadata": {"name": "b"}})
    assert "labels" not in made["metadata"] and "immutable" not in made and made["data"] == {"own": "1"}


def test_only_mutations_make_objects():
    with pytest.raises(CelUnsupported, match="undeclared reference to 'Object'"):
        compile_expression("Object{}.x == 1")
    compile_expression("'Object{x: 1}' == 'a'")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Object{}", '{"@type": "Object"}'),
        ("Object { a : 1 }", '{"@type": "Object", "a": 1 }'),
        ("{Object.a: 1}", "{Object.a: 1}"),
        ("my.Object{a: 1}", "my.Object{a: 1}"),
        ("Object{a: {b: c}, __if__: 'x, y: {'}", '{"@type": "Object", "a": {b: c},"if": \'x, y: {\'}'),
        (
            "Object.l{a: [c ? 1 : 2, f(x, y)]} // Object{b: 1}",
            '{"@type": "Object.l", "a": [c ? 1 : 2, f(x, y)]} // Object{b: 1}',
        ),
        (r"Object{a: 'it\'s {', b: 2}", '{"@type": "Object", "a": \'it\\\'s {\',"b": 2}'),
    ],
)
def test_objects_as_maps(text, words):
    assert as_maps(text) == words
