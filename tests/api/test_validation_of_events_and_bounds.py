"""Events, quotas, limits and the small kinds: upstream's words, one case a line."""

import pytest

from pikube.api.codec import from_builtins
from pikube.api.served import SERVED

INFOS = {(info.names.api_version, info.names.kind): info for info in SERVED}
HERE = {"name": "x", "namespace": "t"}
AT = "2026-01-01T00:00:00.000000Z"
SEEN = {"eventTime": AT, "reportingInstance": "i", "action": "a", "reason": "r"}
OF_CORE = {"metadata": HERE, "involvedObject": {"namespace": "t"}}
NEW = {
    "metadata": HERE,
    "regarding": {"namespace": "t"},
    "type": "Normal",
    "reportingController": "k8s.io/c",
    **SEEN,
}
ELSEWHERE = "does not match event.namespace"
UNQUALIFIED = "name part must consist of alphanumeric characters"
OF_TERMINATING = "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating"


def causes(api_version, kind, document, old=None):
    info = INFOS[(api_version, kind)]
    made = [
        from_builtins({"kind": kind, "apiVersion": api_version, **d}, info.cls) for d in (document, old) if d
    ]
    for obj in made:
        info.default(obj)
    found = info.validate(made[0]) if old is None else info.validate_update(*made)
    return [f"{cause.field}: {cause.message}" for cause in found]


def quota(**spec):
    return {"metadata": HERE, "spec": spec}


def limits(**item):
    return {"metadata": HERE, "spec": {"limits": [{"type": "Container", **item}]}}


def selector(**expression):
    return quota(hard={"pods": "1"}, scopeSelector={"matchExpressions": [expression]})


SOUND = [
    ("v1", "Event", OF_CORE),
    ("v1", "Event", {"metadata": {**HERE, "namespace": "default"}, "involvedObject": {"kind": "Node"}}),
    ("v1", "Event", {**OF_CORE, "type": "Weird", "reportingComponent": "a", **SEEN}),
    ("events.k8s.io/v1", "Event", NEW),
    ("events.k8s.io/v1", "Event", {**NEW, "series": {"count": 2, "lastObservedTime": AT}}),
    ("v1", "ResourceQuota", quota(hard={"cpu": "1", "count/pods": "3", "requests.nvidia.com/gpu": "2", "pods": 4})),
    ("v1", "ResourceQuota", quota(hard={"pods": "1"}, scopes=["BestEffort"])),
    ("v1", "ResourceQuota", selector(scopeName="PriorityClass", operator="In", values=["high"])),
    ("v1", "LimitRange", limits(min={"cpu": "1"}, defaultRequest={"cpu": "1"}, default={"cpu": "2"},
                                max={"cpu": "4"}, maxLimitRequestRatio={"cpu": "4"})),
    ("v1", "LimitRange", limits(type="PersistentVolumeClaim", max={"storage": "1Gi"})),
    ("v1", "Namespace", {"metadata": {"name": "x"}, "spec": {"finalizers": ["kubernetes", "a.b/c"]}}),
    ("apps/v1", "ControllerRevision", {"metadata": HERE, "revision": 1, "data": {}}),
    ("storage.k8s.io/v1", "StorageClass", {"metadata": {"name": "x"}, "provisioner": "p",
     "allowedTopologies": [{"matchLabelExpressions": [{"key": "zone", "values": ["a", "b"]}]}]}),
]  # fmt: skip
WRONG = [
    ("v1", "Event", {"metadata": HERE}, [f'involvedObject.namespace: Invalid value: "": {ELSEWHERE}']),
    ("v1", "Event", {"metadata": HERE, "involvedObject": {"namespace": "other"}},
     [f'involvedObject.namespace: Invalid value: "other": {ELSEWHERE}']),
    ("v1", "Event", {**OF_CORE, "eventTime": AT},
     ["reportingController: Required value", 'reportingController: Invalid value: "": name part must be non-empty',
      f'reportingController: Invalid value: "": {UNQUALIFIED}', "reportingInstance: Required value",
      "action: Required value", "reason: Required value"]),
    ("v1", "Event", {**OF_CORE, "reportingComponent": "a", **SEEN, "action": "a" * 129, "message": "m" * 1025},
     ['action: Invalid value: "": can have at most 128 characters',
      'message: Invalid value: "": can have at most 1024 characters']),
    ("events.k8s.io/v1", "Event", {**NEW, "eventTime": None}, ["eventTime: Required value"]),
    ("events.k8s.io/v1", "Event", {**NEW, "type": "Foo"}, ['type: Invalid value: "": has invalid value: Foo']),
    ("events.k8s.io/v1", "Event", {**NEW, "deprecatedCount": 1, "deprecatedSource": {"host": "h"}},
     ['count: Invalid value: "": needs to be unset', 'source: Invalid value: "": needs to be unset']),
    ("events.k8s.io/v1", "Event", {**NEW, "series": {"count": 1}},
     ['series.count: Invalid value: "": should be at least 2', "series.lastObservedTime: Required value"]),
    ("v1", "ResourceQuota", quota(hard={"foo": "1"}),
     ['spec.hard[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
      'spec.hard[foo]: Invalid value: "foo": must be a standard resource for quota']),
    ("v1", "ResourceQuota", quota(hard={"pods": "1.5"}),
     ['spec.hard[pods]: Invalid value: "1500m": must be an integer']),
    ("v1", "ResourceQuota", quota(hard={"cpu": "1"}, scopes=["BestEffort"]),
     ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource']),
    ("v1", "ResourceQuota", quota(hard={"pods": "1"}, scopes=["Terminating", "NotTerminating"]),
     ['spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes']),
    ("v1", "ResourceQuota", selector(scopeName="PriorityClass", operator="In"),
     ["spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In'"]),
    ("v1", "ResourceQuota", selector(scopeName="Terminating", operator="In", values=["x"]),
     [f'spec.scopeSelector.matchExpressions.operator: Invalid value: "In": {OF_TERMINATING}']),
    ("v1", "LimitRange", limits(type="Foo"),
     ['spec.limits[0].type: Invalid value: "Foo": must be a standard limit type or fully qualified']),
    ("v1", "LimitRange", limits(type="PersistentVolumeClaim"),
     ["spec.limits[0].limits: Required value: either minimum or maximum storage value is required"]),
    ("v1", "LimitRange", limits(type="Pod", default={"cpu": "1"}),
     ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"]),
    ("v1", "LimitRange", limits(maxLimitRequestRatio={"storage": "2"}),
     ['spec.limits[0].maxLimitRequestRatio[storage]: Invalid value: "storage": must be a standard resource for containers']),
    ("v1", "LimitRange", limits(min={"cpu": "3"}, default={"cpu": "2"}, max={"cpu": "1"}),
     ['spec.limits[0].min[cpu]: Invalid value: "3": min value 3 is greater than max value 1',
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "2": min value 3 is greater than default request value 2',
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than max value 1',
      'spec.limits[0].default[cpu]: Invalid value: "3": min value 3 is greater than default value 2',
      'spec.limits[0].default[cpu]: Invalid value: "1": default value 2 is greater than max value 1']),
    ("v1", "LimitRange", limits(maxLimitRequestRatio={"cpu": "500m"}),
     ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1']),
    ("v1", "LimitRange", limits(min={"cpu": "1"}, max={"cpu": "2"}, maxLimitRequestRatio={"cpu": "3"}),
     ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000']),
    ("v1", "Namespace", {"metadata": {"name": "x"}, "spec": {"finalizers": ["plain"]}},
     ['spec.finalizers: Invalid value: "plain": name is neither a standard finalizer name nor is it fully qualified']),
    ("v1", "PodTemplate", {"metadata": HERE, "template": {}}, ["template.spec.containers: Required value"]),
    ("apps/v1", "ControllerRevision", {"metadata": HERE, "revision": -1},
     ["data: Required value: data is mandatory", "revision: Invalid value: -1: must be greater than or equal to 0"]),
    ("node.k8s.io/v1", "RuntimeClass",
     {"metadata": {"name": "x"}, "handler": "runc", "overhead": {"podFixed": {"cpu": "-1"}},
      "scheduling": {"nodeSelector": {"a b": "c"}}},
     ['overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      f'scheduling.nodeSelector: Invalid value: "a b": {UNQUALIFIED}']),
    ("storage.k8s.io/v1", "StorageClass",
     {"metadata": {"name": "x"}, "provisioner": "p", "allowedTopologies": [{"matchLabelExpressions": [
         {"key": "zone"}, {"key": "zone", "values": ["a", "a"]}]}]},
     ["allowedTopologies[0].matchLabelExpressions[0].values: Required value",
      'allowedTopologies[0].matchLabelExpressions[1].values[1]: Duplicate value: "a"',
      'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "zone"']),
    ("v1", "PersistentVolumeClaim",
     {"metadata": HERE, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}},
                                 "storageClassName": "A_"}},
     ['spec.storageClassName: Invalid value: "A_": a lowercase RFC 1123 subdomain must consist of']),
    ("v1", "PersistentVolume",
     {"metadata": {"name": "x"}, "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1"},
                                          "nfs": {"server": "s", "path": "a"}}},
     ['spec.nfs.path: Invalid value: "a": must be an absolute path']),
]  # fmt: skip
CHANGED = [
    ("events.k8s.io/v1", "Event", NEW, {**NEW, "series": {"count": 3, "lastObservedTime": AT}}, []),
    ("events.k8s.io/v1", "Event", NEW, {**NEW, "note": "n"}, ['message: Invalid value: "n": field is immutable']),
    ("v1", "ResourceQuota", quota(hard={"pods": "1"}), quota(hard={"pods": "1"}, scopes=["BestEffort"]),
     ['spec.scopes: Invalid value: ["BestEffort"]: field is immutable']),
    ("apps/v1", "ControllerRevision", {"metadata": HERE, "revision": 1, "data": {"a": 1}},
     {"metadata": HERE, "revision": 2, "data": {"a": 2}}, ['data: Invalid value: {"a":2}: field is immutable']),
]  # fmt: skip


@pytest.mark.parametrize(("api_version", "kind", "document"), SOUND)
def test_sound_objects_pass(api_version, kind, document):
    assert causes(api_version, kind, document) == []


def say_the_same(found, expected):
    return len(found) == len(expected) and all(f.startswith(e) for f, e in zip(found, expected, strict=True))


@pytest.mark.parametrize(("api_version", "kind", "document", "expected"), WRONG)
def test_what_is_wrong_is_said_in_upstreams_words(api_version, kind, document, expected):
    document = {name: value for name, value in document.items() if value is not None}
    found = causes(api_version, kind, document)
    assert say_the_same(found, expected), found


@pytest.mark.parametrize(("api_version", "kind", "old", "new", "expected"), CHANGED)
def test_what_may_not_change(api_version, kind, old, new, expected):
    assert causes(api_version, kind, new, old) == expected
