"""Admission policies, nodes, CSI objects, service addresses: upstream's words, one case a line."""

import copy
import json

import pytest

from pikube.api.codec import from_builtins
from pikube.api.kinds.admission import (
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    ValidatingWebhookConfiguration,
)
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.extensions import CustomResourceDefinition
from pikube.api.kinds.networking import IPAddress, ServiceCIDR
from pikube.api.kinds.storage import (
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    VolumeAttachment,
    VolumeAttributesClass,
)
from pikube.api.scheme import Scheme
from pikube.api.served import SERVED

SCHEME = Scheme(SERVED)
META = {"metadata": {"name": "x"}}
RULE = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
HOOK = {
    "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "rules": [RULE],
    "clientConfig": {"url": "https://example.com/x"},
    "matchConditions": [{"name": "c", "expression": "request.name != 'x'"}],
}  # fmt: skip
SERVICE = {
    "service": {"namespace": "default", "name": "hook", "path": ""}
}  # a path that says nothing is one, too
TAINT = {"key": "a/b", "value": "c", "effect": "NoSchedule"}
SOUND = {
    Node: {**META, "spec": {"taints": [TAINT, {"key": "a/b", "effect": "NoExecute"}], "podCIDR": "10.0.0.0/24",
                            "providerID": "x://y"}},
    ValidatingAdmissionPolicy: {**META, "spec": {
        "matchConstraints": {"resourceRules": [RULE]},
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "variables": [{"name": "n", "expression": "object.metadata.name"}],
        "validations": [{"expression": "variables.n != params.data.no", "messageExpression": "'no ' + variables.n"}],
        "auditAnnotations": [{"key": "k", "valueExpression": "'v'"}],
        "matchConditions": [{"name": "c", "expression": "request.operation == 'CREATE'"}],
    }},
    ValidatingAdmissionPolicyBinding: {**META, "spec": {
        "policyName": "p", "validationActions": ["Deny", "Audit"],
        "paramRef": {"name": "limits", "parameterNotFoundAction": "Deny"},
        "matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}},
    }},
    ValidatingWebhookConfiguration: {**META, "webhooks": [HOOK, {**HOOK, "name": "b.example.com", "clientConfig": SERVICE}]},
    CustomResourceDefinition: {"metadata": {"name": "doors.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "doors", "kind": "Door"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}],
        "conversion": {"strategy": "Webhook", "webhook": {
            "clientConfig": SERVICE, "conversionReviewVersions": ["v1", "v1beta1"]}},
    }},
    CSIDriver: {**META, "spec": {"tokenRequests": [{"audience": "a", "expirationSeconds": 600}]}},
    CSINode: {**META, "spec": {"drivers": [{"name": "d", "nodeID": "n", "topologyKeys": ["zone"]}]}},
    CSIStorageCapacity: {"metadata": {"name": "x", "namespace": "default"}, "storageClassName": "c", "capacity": "1Gi"},
    VolumeAttachment: {**META, "spec": {"attacher": "d", "nodeName": "n", "source": {"persistentVolumeName": "v"}}},
    VolumeAttributesClass: {**META, "driverName": "d", "parameters": {"iops": "1"}},
    IPAddress: {"metadata": {"name": "10.0.0.1"}, "spec": {"parentRef": {"resource": "services", "name": "s"}}},
    ServiceCIDR: {**META, "spec": {"cidrs": ["10.0.0.0/24", "2001:db8::/64"]}},
}  # fmt: skip
EITHER = "validations or auditAnnotations must be non-empty; at least one must be specified"
BOTH = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the API response "
    "and headers serves no purpose)"
)
BROKEN = [
    (Node, "spec.taints.0.key", "a b", 'metadata.taints[0].key: Invalid value: "a b": '),
    (Node, "spec.taints.0.effect", "", "metadata.taints[0].effect: Required value"),
    (Node, "spec.taints.0.effect", "Never",
     'metadata.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", '
     '"PreferNoSchedule", "NoExecute"'),
    (Node, "spec.taints.1", TAINT, "metadata.taints[1]: Duplicate value: "),
    (Node, "spec.podCIDR", "bad", 'spec.podCIDRs[0]: Invalid value: "bad": '),
    (Node, "spec.podCIDRs", ["10.0.0.0/24", "10.1.0.0/24"],
     "may specify no more than one CIDR for each IP family"),
    (ValidatingAdmissionPolicy, "spec.failurePolicy", "Never",
     'spec.failurePolicy: Unsupported value: "Never": supported values: "Fail", "Ignore"'),
    (ValidatingAdmissionPolicy, "spec.matchConstraints", None, "spec.matchConstraints: Required value"),
    (ValidatingAdmissionPolicy, "spec.matchConstraints.resourceRules", [],
     "spec.matchConstraints.resourceRules: Required value"),
    (ValidatingAdmissionPolicy, "spec.matchConstraints.resourceRules.0.operations", ["READ"],
     'spec.matchConstraints.resourceRules[0].operations[0]: Unsupported value: "READ": supported values: "*", '
     '"CONNECT", "CREATE", "DELETE", "UPDATE"'),
    (ValidatingAdmissionPolicy, "spec.paramKind.kind", "", "spec.paramKind.kind: Required value"),
    (ValidatingAdmissionPolicy, "spec.paramKind.apiVersion", "a/b/c",
     'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'),
    (ValidatingAdmissionPolicy, "spec.variables.0.name", "a-b",
     'spec.variables[0].name: Invalid value: "a-b": name is not a valid CEL identifier'),
    (ValidatingAdmissionPolicy, "spec.validations.0.expression", " ",
     "spec.validations[0].expression: Required value: expression is not specified"),
    (ValidatingAdmissionPolicy, "spec.validations.0.reason", "Why",
     'spec.validations[0].reason: Unsupported value: "Why": supported values: "Forbidden", "Invalid", '
     '"RequestEntityTooLarge", "Unauthorized"'),
    (ValidatingAdmissionPolicy, "spec.validations.0.message", "a\nb",
     'spec.validations[0].message: Invalid value: "a\\nb": message must not contain line breaks'),
    (ValidatingAdmissionPolicy, "spec.validations.0.messageExpression", " ",
     'spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified'),
    (ValidatingAdmissionPolicy, "spec.matchConditions.0.name", "", "spec.matchConditions[0].name: Required value"),
    (ValidatingAdmissionPolicy, "spec.auditAnnotations.0.valueExpression", "",
     "spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified"),
    (ValidatingAdmissionPolicyBinding, "spec.policyName", "", "spec.policyName: Required value"),
    (ValidatingAdmissionPolicyBinding, "spec.validationActions", [],
     "spec.validationActions: Required value: at least one validation action is required"),
    (ValidatingAdmissionPolicyBinding, "spec.validationActions", ["Deny", "Warn"],
     f'spec.validationActions: Invalid value: ["Deny","Warn"]: {BOTH}'),
    (ValidatingAdmissionPolicyBinding, "spec.validationActions", ["Deny", "Deny"],
     'spec.validationActions[1]: Duplicate value: "Deny"'),
    (ValidatingAdmissionPolicyBinding, "spec.paramRef.selector", {},
     "spec.paramRef.name: Forbidden: name and selector are mutually exclusive"),
    (ValidatingAdmissionPolicyBinding, "spec.paramRef.name", None,
     "spec.paramRef: Required value: one of name or selector must be specified"),
    (ValidatingAdmissionPolicyBinding, "spec.paramRef.parameterNotFoundAction", None,
     "spec.paramRef.parameterNotFoundAction: Required value"),
    (ValidatingWebhookConfiguration, "webhooks.0.matchConditions.0.name", "a b",
     'webhooks[0].matchConditions[0].name: Invalid value: "a b": '),
    (ValidatingWebhookConfiguration, "webhooks.0.matchConditions.0.expression", "oops == 1",
     'webhooks[0].matchConditions[0].expression: Invalid value: "oops == 1": compilation failed: ERROR: <input>:1:1: '
     "undeclared reference to 'oops' (in container '')"),
    (ValidatingWebhookConfiguration, "webhooks.0.clientConfig", {"url": "http://x"},
     "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; "),
    (ValidatingWebhookConfiguration, "webhooks.0.clientConfig", SERVICE | {"url": "https://x"},
     "webhooks[0].clientConfig: Required value: exactly one of url or service is required"),
    *((ValidatingWebhookConfiguration, "webhooks.0.clientConfig", {"service": SERVICE["service"] | {"path": path}},
       f"webhooks[0].clientConfig.service.path: Invalid value: {json.dumps(path)}: {words}")
      for path, words in (("a", "must start with a '/'"), ("//", "segment[0] may not be empty"),
                          ("/a//b", "segment[1] may not be empty"), ("/A", "segment[0]: a lowercase RFC 1123"))),
    (ValidatingWebhookConfiguration, "webhooks.0.clientConfig", {"service": SERVICE["service"] | {"port": 70000}},
     "webhooks[0].clientConfig.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, "),
    (CustomResourceDefinition, "spec.conversion.webhook.clientConfig", {},
     "spec.conversion.webhookClientConfig: Required value: exactly one of url or service is required"),
    (CustomResourceDefinition, "spec.conversion.webhook.clientConfig", None,
     "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook"),
    (CustomResourceDefinition, "spec.conversion.webhook.conversionReviewVersions", ["v2", "v2"],
     'spec.conversion.conversionReviewVersions[1]: Invalid value: "v2": duplicate version'),
    (CustomResourceDefinition, "spec.conversion.webhook.conversionReviewVersions", ["v2"],
     'spec.conversion.conversionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1'),
    (CustomResourceDefinition, "spec.conversion.strategy", "None",
     "spec.conversion.webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook"),
    (CSIDriver, "spec.fsGroupPolicy", "Maybe",
     'spec.fsGroupPolicy: Unsupported value: "Maybe": supported values: "File", "None", "ReadWriteOnceWithFSType"'),
    (CSIDriver, "spec.volumeLifecycleModes", ["Brief"],
     'spec.volumeLifecycleModes: Unsupported value: "Brief": supported values: "Persistent", "Ephemeral"'),
    (CSIDriver, "spec.tokenRequests.0.expirationSeconds", 5,
     "spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes"),
    (CSINode, "spec.drivers.0.nodeID", "", "spec.drivers[0].nodeID: Required value"),
    (CSINode, "spec.drivers.0.topologyKeys", ["a", "a"], 'spec.drivers[0]: Duplicate value: "a"'),
    (CSIStorageCapacity, "capacity", "-1", 'capacity: Invalid value: "-1": must be greater than or equal to 0'),
    (VolumeAttachment, "spec.attacher", "", "spec.attacher: Required value"),
    (VolumeAttachment, "spec.source", {},
     "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"),
    (VolumeAttachment, "spec.source.persistentVolumeName", "",
     "spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName"),
    (VolumeAttributesClass, "parameters", {}, "parameters: Required value: must contain at least one key/value pair"),
    (IPAddress, "spec.parentRef", None, "spec.parentRef: Required value"),
    (IPAddress, "spec.parentRef.resource", "", "spec.parentRef.resource: Required value"),
    (ServiceCIDR, "spec.cidrs", [], "spec.cidrs: Required value: at least one CIDR required"),
    (ServiceCIDR, "spec.cidrs", ["10.0.0.0/8", "11.0.0.0/8"], "may specify no more than one IP for each IP family"),
    (ServiceCIDR, "spec.cidrs", ["10.0.0.0"], 'spec.cidrs[0]: Invalid value: "10.0.0.0": '),
]  # fmt: skip
UPDATES = [
    (Node, "spec.podCIDR", "10.9.0.0/24",
     'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'),
    (Node, "spec.providerID", "x://z",
     'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid'),
    (CSIDriver, "spec.attachRequired", False, "spec.attachedRequired: Invalid value: false: field is immutable"),
    (VolumeAttachment, "spec.nodeName", "m", "field is immutable"),
    (VolumeAttributesClass, "parameters", {"iops": "2"}, "parameters: Forbidden: updates to parameters are forbidden."),
    (IPAddress, "spec.parentRef.name", "t", "field is immutable"),
    (ServiceCIDR, "spec.cidrs", ["10.1.0.0/24"], 'spec.cidrs: Invalid value: ["10.1.0.0/24"]: field is immutable'),
]  # fmt: skip


def changed(cls, path, value):
    document = copy.deepcopy(SOUND[cls])
    *steps, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    here = document
    for step in steps:
        here = here[step]
    if value is None:
        here.pop(last)
    else:
        here[last] = value
    return document


def made(cls, document):
    obj = from_builtins(document, cls)
    SCHEME.by_class(cls).default(obj)
    return obj


def said(causes):
    return [f"{cause.field}: {cause.message}" for cause in causes]


@pytest.mark.parametrize("cls", SOUND, ids=lambda cls: cls.__name__)
def test_a_sound_object_is_accepted_and_may_stay_as_it_is(cls):
    info = SCHEME.by_class(cls)
    assert said(info.validate(made(cls, SOUND[cls]))) == []
    assert said(info.validate_update(made(cls, SOUND[cls]), made(cls, SOUND[cls]))) == []


@pytest.mark.parametrize(
    ("cls", "path", "value", "words"), BROKEN, ids=[f"{c.__name__}-{p}-{v}"[:60] for c, p, v, _ in BROKEN]
)
def test_a_broken_object_is_told_what_is_wrong(cls, path, value, words):
    found = said(SCHEME.by_class(cls).validate(made(cls, changed(cls, path, value))))
    assert any(words in complaint for complaint in found), found


@pytest.mark.parametrize(("cls", "path", "value", "words"), UPDATES, ids=[c.__name__ for c, *_ in UPDATES])
def test_what_may_not_change_does_not(cls, path, value, words):
    new, old = made(cls, changed(cls, path, value)), made(cls, SOUND[cls])
    found = said(SCHEME.by_class(cls).validate_update(new, old))
    assert any(words in complaint for complaint in found), found


def test_a_policy_without_checks_is_refused():
    document = changed(ValidatingAdmissionPolicy, "spec.validations", None)
    del document["spec"]["auditAnnotations"]
    found = said(
        SCHEME.by_class(ValidatingAdmissionPolicy).validate(made(ValidatingAdmissionPolicy, document))
    )
    assert found == [
        f"spec.validations: Required value: {EITHER}",
        f"spec.auditAnnotations: Required value: {EITHER}",
    ]


@pytest.mark.parametrize("name", ["10.0.0.1", "2001:db8::1"])
def test_an_address_is_called_as_it_is_written(name):
    assert SCHEME.by_class(IPAddress).name_rule(name) == []


@pytest.mark.parametrize("name", ["10.0.0.01", "2001:DB8::1", "2001:db8:0::1", "x", "10.0.0.0/8"])
def test_an_address_in_another_form_is_refused(name):
    assert SCHEME.by_class(IPAddress).name_rule(name)
