"""CustomResourceDefinitions as operators and Helm charts use them, with every kubectl."""

import json
import shutil

import pytest
import yaml
from board import wait_until
from test_walkthrough import kubectls

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd], categories: [all]}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
      additionalPrinterColumns:
        - {name: Size, type: integer, jsonPath: .spec.size}
        - {name: Color, type: string, jsonPath: .spec.color, priority: 1}
      schema:
        openAPIV3Schema:
          type: object
          description: A thing with a size.
          properties:
            spec:
              type: object
              required: [size]
              properties:
                size: {type: integer, minimum: 1, description: How large it is.}
                color: {type: string, default: red}
            status: {type: object, properties: {size: {type: integer}}}
"""
WIDGET = """\
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {size: 3}
"""


@pytest.fixture(autouse=True, scope="module")
def forgetful(board):
    """kubectl remembers for hours that the category `all` has widgets; the tests that follow share its memory."""
    yield
    for memory in board.directory.glob("cache-*"):
        shutil.rmtree(memory)


def define(board):
    board.kubectl("apply", "-f", "-", text_in=CRD)
    board.kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=10s")


def test_a_custom_kind_behaves_like_one_that_is_built_in(board, namespace):
    define(board)
    here = ("-n", namespace)
    for number, program in enumerate(kubectls()):
        text = WIDGET.replace("name: w", f"name: w{number}")
        board.kubectl(*here, "apply", "-f", "-", text_in=text, program=program)
        assert "size" in board.kubectl("explain", "widget.spec", program=program)
        strict = board.kubectl(
            *here, "create", "-f", "-", text_in=text.replace("size: 3", "size: 3, bogus: 1"), program=program,
            check=False,
        )  # fmt: skip
        assert 'unknown field "spec.bogus"' in strict.stderr or "ValidationError" in strict.stderr
    listed = board.kubectl(*here, "get", "wd", "-o", "wide")
    assert listed.splitlines()[0].split() == ["NAME", "SIZE", "COLOR"]
    assert "w0" in listed and "red" in listed
    assert "widget.example.com/w0" in board.kubectl(*here, "get", "all")
    board.kubectl(*here, "scale", "widget/w0", "--replicas=7")
    assert board.get("widget", "w0", *here)["spec"]["size"] == 7
    board.kubectl(*here, "autoscale", "widget", "w0", "--min=8", "--max=9")
    wait_until(lambda: board.get("widget", "w0", *here)["spec"]["size"] == 8, what="the autoscaler scales it")
    assert "Widget/w0" in board.kubectl(*here, "get", "hpa", "w0")
    board.kubectl(*here, "patch", "widget", "w0", "--type=merge", "-p", '{"spec":{"color":"blue"}}')
    bad = board.kubectl(
        *here, "patch", "widget", "w0", "--type=merge", "-p", '{"spec":{"size":0}}', check=False
    )
    assert bad.stderr.strip() == (
        'The Widget "w0" is invalid: spec.size: Invalid value: 0: spec.size in body should be greater than or '
        "equal to 1"
    )
    board.kubectl(*here, "apply", "--server-side", "-f", "-", text_in=WIDGET)
    assert "Size:" in board.kubectl(*here, "describe", "widget", "w")
    owner = board.get("widget", "w", *here)["metadata"]["uid"]
    owned = {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "owned", "ownerReferences": [
            {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w", "uid": owner}]},
    }  # fmt: skip
    board.kubectl(*here, "create", "-f", "-", text_in=json.dumps(owned))
    board.kubectl(*here, "delete", "widget", "w")
    gone = ("get", "configmap", "owned", "--ignore-not-found", "-o", "name")
    wait_until(lambda: not board.kubectl(*here, *gone), what="the garbage collection of what a widget owns")


def test_a_definition_takes_its_objects_along(board, namespace):
    define(board)
    held = yaml.safe_load(WIDGET)
    held["metadata"]["finalizers"] = ["example.com/held"]
    board.kubectl("-n", namespace, "create", "-f", "-", text_in=json.dumps(held))
    board.kubectl("delete", "crd", "widgets.example.com", "--wait=false")

    def conditions():
        crd = board.get("crd", "widgets.example.com")
        return {c["type"]: c["reason"] for c in crd["status"]["conditions"]}

    wait_until(lambda: conditions().get("Terminating") == "InstanceDeletionInProgress")
    release = ("patch", "widget", "w", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    board.kubectl("-n", namespace, *release)
    board.kubectl("wait", "--for=delete", "crd/widgets.example.com", "--timeout=20s")
    wait_until(lambda: "example.com" not in board.kubectl("api-versions"))


def test_a_namespace_takes_its_custom_objects_along(board):
    define(board)
    board.kubectl("create", "namespace", "widgetry")
    board.kubectl("-n", "widgetry", "apply", "-f", "-", text_in=WIDGET)
    board.kubectl("delete", "namespace", "widgetry", "--timeout=20s")
    board.kubectl("create", "namespace", "widgetry")
    assert not board.kubectl("-n", "widgetry", "get", "widgets", "-o", "name")
    board.kubectl("delete", "namespace", "widgetry", "--wait=false")
    board.kubectl("delete", "crd", "widgets.example.com", "--timeout=20s")


POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: widgets-have-sizes}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [widgets]}
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}
  validations:
    - {expression: object.spec.size > 1}
"""


def test_a_policy_says_which_kinds_its_expressions_do_not_fit(board):
    define(board)
    board.kubectl("apply", "-f", "-", text_in=POLICY)

    def seen():
        return board.get("validatingadmissionpolicy", "widgets-have-sizes").get("status", {})

    wait_until(lambda: seen().get("observedGeneration") == 1, what="the policy is looked at")
    assert seen()["typeChecking"]["expressionWarnings"] == [
        {
            "fieldRef": "spec.validations[0].expression",
            "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'size'\n"
            " | object.spec.size > 1\n | ...........^\n",
        }
    ]
    board.kubectl("delete", "validatingadmissionpolicy", "widgets-have-sizes")
