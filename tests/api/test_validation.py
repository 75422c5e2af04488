"""What is refused, where and in which words: the ones of Kubernetes."""

import copy

import pytest

from pikube.api.codec import encode, from_builtins
from pikube.api.kinds.apps import DaemonSet, Deployment, StatefulSet
from pikube.api.kinds.batch import CronJob, Job
from pikube.api.kinds.core_config import ConfigMap, Secret
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.policy import PodDisruptionBudget
from pikube.api.kinds.rbac import RoleBinding
from pikube.api.scheme import Scheme
from pikube.api.served import SERVED

SCHEME = Scheme(SERVED)
CONTAINER = {"name": "c", "image": "busybox"}
POD = {"metadata": {"name": "p"}, "spec": {"containers": [CONTAINER]}}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [CONTAINER]}}
WORKLOAD = {
    "metadata": {"name": "w"},
    "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE},
}
JOB_TEMPLATE = {"spec": {"containers": [CONTAINER], "restartPolicy": "Never"}}
JOB = {"metadata": {"name": "j", "uid": "u"}, "spec": {"template": JOB_TEMPLATE}}
CRON = {
    "metadata": {"name": "c"},
    "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": JOB_TEMPLATE}}},
}
SERVICE = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
BINDING = {
    "metadata": {"name": "b"},
    "roleRef": {"kind": "Role", "name": "r"},
    "subjects": [{"kind": "User", "name": "u"}],
}


def changed(document, *path_and_value):
    """A copy with one member set; a value of None removes it."""
    *path, value = path_and_value
    out = copy.deepcopy(document)
    here = out
    for step in path[:-1]:
        here = here[step] if not isinstance(here, dict) else here.setdefault(step, {})
    if value is None:
        here.pop(path[-1], None)
    else:
        here[path[-1]] = value
    return out


def restarting(policy, *rules):
    return changed(changed(POD, *FIRST, "restartPolicy", policy), *FIRST, "restartPolicyRules", list(rules))


def failing(*rules):
    return changed(JOB, "spec", "podFailurePolicy", {"rules": list(rules)})


def indexed(*rules):
    job = changed(JOB, "spec", "successPolicy", {"rules": list(rules)})
    return changed(changed(job, "spec", "completionMode", "Indexed"), "spec", "completions", 3)


def prepared(cls, document):
    obj = from_builtins(document, cls)
    SCHEME.by_class(cls).default(obj)
    SCHEME.by_class(cls).prepare(obj)
    return obj


def complaints(cls, document):
    return [f"{c.field}: {c.message}" for c in SCHEME.by_class(cls).validate(prepared(cls, document))]


@pytest.mark.parametrize(
    ("cls", "document"),
    [
        (Pod, POD), (Deployment, WORKLOAD), (DaemonSet, WORKLOAD), (StatefulSet, WORKLOAD), (Job, JOB),
        (CronJob, CRON), (Service, SERVICE), (RoleBinding, BINDING),
        (ConfigMap, {"metadata": {"name": "x"}, "data": {"a": "b"}}),
        (Secret, {"metadata": {"name": "x"}, "stringData": {"a": "b"}}),
    ],
)  # fmt: skip
def test_a_sound_object_is_not_complained_about(cls, document):
    obj = prepared(cls, document)
    before = encode(obj)
    assert SCHEME.by_class(cls).validate(obj) == []
    assert encode(obj) == before


FIRST = ("spec", "containers", 0)


@pytest.mark.parametrize(
    ("cls", "document", "complaint"),
    [
        (Pod, changed(POD, "spec", "containers", []), "spec.containers: Required value"),
        (Pod, changed(POD, *FIRST, "name", "Bad_Name"), 'spec.containers[0].name: Invalid value: "Bad_Name": a lowercase RFC 1123 label must consist of'),
        (Pod, changed(POD, *FIRST, "image", ""), "spec.containers[0].image: Required value"),
        (Pod, changed(POD, "spec", "restartPolicy", "Sometimes"), 'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'),
        (Pod, changed(POD, *FIRST, "ports", [{"containerPort": 70000}]), "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"),
        (Pod, changed(POD, *FIRST, "volumeMounts", [{"name": "x", "mountPath": "/x"}]), 'spec.containers[0].volumeMounts[0].name: Not found: "x"'),
        (Pod, changed(POD, *FIRST, "resources", {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}), 'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'),
        (Pod, restarting(None, {"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}), "spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used"),
        (Pod, restarting("Sometimes"), 'spec.containers[0].restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"'),
        (Pod, restarting("Never", {"action": "Stop", "exitCodes": {"operator": "In"}}), 'spec.containers[0].restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", "RestartAllContainers"'),
        (Pod, restarting("Never", {"action": "Restart"}), "spec.containers[0].restartPolicyRules[0].exitCodes: Required value: must be specified"),
        (Pod, restarting("Never", {"action": "Restart", "exitCodes": {"operator": "Equals"}}), 'spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: "Equals": supported values: "In", "NotIn"'),
        (Pod, restarting("Never", *[{"action": "Restart", "exitCodes": {"operator": "In"}}] * 21), "spec.containers[0].restartPolicyRules: Too many: 21: must have at most 20 items"),
        (Pod, changed(POD, *FIRST, "imagePullPolicy", "Now"), 'spec.containers[0].imagePullPolicy: Unsupported value: "Now": supported values: "Always", "IfNotPresent", "Never"'),
        (Pod, changed(POD, *FIRST, "readinessProbe", {}), "spec.containers[0].readinessProbe: Required value: must specify a handler type"),
        (Pod, changed(POD, "spec", "volumes", [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}]), "spec.volumes[0].emptyDir: Forbidden: may not specify more than 1 volume type"),
        (Deployment, changed(WORKLOAD, "spec", "replicas", -1), "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        (Deployment, changed(WORKLOAD, "spec", "selector", None), "spec.selector: Required value"),
        (Deployment, changed(WORKLOAD, "spec", "selector", {"matchLabels": {"a": "c"}}), "`selector` does not match template `labels`"),
        (Deployment, changed(WORKLOAD, "spec", "template", "spec", "restartPolicy", "Never"), 'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'),
        (Deployment, changed(WORKLOAD, "spec", "strategy", {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}), "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"),
        (Deployment, changed(WORKLOAD, "spec", "strategy", {"type": "Recreate", "rollingUpdate": {}}), "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"),
        (Job, changed(JOB, "spec", "template", "spec", "restartPolicy", "Always"), 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'),
        (DaemonSet, changed(WORKLOAD, "spec", "updateStrategy", {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}), "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"),
        (PodDisruptionBudget, {"metadata": {"name": "p"}, "spec": {"minAvailable": "101%"}}, 'spec.minAvailable: Invalid value: "101%": must not be greater than 100%'),
        (Job, changed(JOB, "spec", "backoffLimitPerIndex", 1), "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"),
        (Job, changed(JOB, "spec", "successPolicy", {"rules": []}), "requires indexed completion mode"),
        (Job, failing({"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [1]}}), 'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set'),
        (Job, failing({"action": "FailJob"}), "specifying one of OnExitCodes and OnPodConditions is required"),
        (Job, failing({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [0]}}), "spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator"),
        (Job, failing({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1], "containerName": "z"}}), 'spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: "z": must be one of the container or initContainer names in the pod template'),
        (Job, changed(failing({"action": "Count", "onExitCodes": {"operator": "In", "values": [1]}}), "spec", "podReplacementPolicy", "TerminatingOrFailed"), 'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'),
        (Job, indexed({"succeededIndexes": "0-9"}), 'error parsing succeededIndexes: too large index: "9"'),
        (Job, indexed({"succeededCount": 9}), "spec.successPolicy.rules[0].succeededCount: Invalid value: 9: must be less than or equal to 3"),
        (Job, indexed({}), "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified"),
        (CronJob, changed(CRON, "spec", "schedule", "* *"), 'spec.schedule: Invalid value: "* *": expected exactly 5 fields, found 2: [* *]'),
        (CronJob, changed(CRON, "spec", "schedule", "61 * * * *"), 'spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61'),
        (CronJob, changed(CRON, "spec", "schedule", "TZ=UTC * * * * *"), 'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
        (CronJob, changed(CRON, "spec", "timeZone", "Mars/Base"), 'spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base'),
        (CronJob, changed(CRON, "spec", "timeZone", "Local"), 'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'),
        (Service, changed(SERVICE, "spec", "ports", []), "spec.ports: Required value"),
        (Service, changed(SERVICE, "spec", "type", "Wrong"), 'spec.type: Unsupported value: "Wrong"'),
        (Service, changed(SERVICE, "spec", "ports", [{"port": 80}, {"port": 81}]), "spec.ports[0].name: Required value"),
        (Service, changed(SERVICE, "spec", "ports", [{"port": 80, "nodePort": 30000}]), "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"),
        (Service, changed(SERVICE, "spec", "externalIPs", ["127.0.0.1"]), 'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'),
        (Service, changed(SERVICE, "spec", "externalIPs", ["0.0.0.0"]), "may not be unspecified (0.0.0.0)"),
        (Service, changed(SERVICE, "spec", "externalIPs", ["169.254.1.1"]), "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (Service, changed(SERVICE, "spec", "externalIPs", ["224.0.0.5"]), "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
        (Service, changed(changed(SERVICE, "spec", "sessionAffinity", "ClientIP"), "spec", "sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 86401}}), "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400"),
        (Service, changed(changed(SERVICE, "spec", "type", "LoadBalancer"), "spec", "loadBalancerSourceRanges", ["10.0.0.0/33"]), 'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0/33": must be a valid CIDR value'),
        (Service, changed(SERVICE, "spec", "loadBalancerSourceRanges", ["10.0.0.0/8"]), "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"),
        (Service, changed(SERVICE, "spec", "loadBalancerClass", "a/b"), "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"),
        (Service, changed(changed(SERVICE, "spec", "type", "LoadBalancer"), "spec", "loadBalancerClass", "a/b/c"), "spec.loadBalancerClass: Invalid value"),
        (ConfigMap, {"metadata": {"name": "x"}, "data": {"a b": ""}}, 'data[a b]: Invalid value: "a b": a valid config key must consist of'),
        (ConfigMap, {"metadata": {"name": "x"}, "data": {"a": "x" * 1048577}}, "[]: Too long: may not be more than 1048576 bytes"),
        (Secret, {"metadata": {"name": "x"}, "type": "kubernetes.io/tls"}, "data[tls.crt]: Required value"),
        (Secret, {"metadata": {"name": "x"}, "type": "kubernetes.io/service-account-token"}, "metadata.annotations[kubernetes.io/service-account.name]: Required value"),
        (Secret, {"metadata": {"name": "x"}, "type": "kubernetes.io/basic-auth"}, "data[password]: Required value"),
        (Secret, {"metadata": {"name": "x"}, "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{"}}, 'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": unexpected end of JSON input'),
        (Secret, {"metadata": {"name": "x"}, "type": "kubernetes.io/dockercfg", "stringData": {".dockercfg": "[]"}}, "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        (RoleBinding, changed(BINDING, "roleRef", "kind", "Thing"), 'roleRef.kind: Unsupported value: "Thing": supported values: "Role", "ClusterRole"'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_field_and_value(cls, document, complaint):
    found = complaints(cls, document)
    assert any(complaint in text for text in found), found


def updated(cls, document, *change):
    info = SCHEME.by_class(cls)
    old, new = prepared(cls, document), prepared(cls, changed(document, *change))
    return [f"{c.field}: {c.message}" for c in info.validate_update(new, old)]


@pytest.mark.parametrize(
    ("cls", "document", "change", "complaint"),
    [
        (Pod, POD, (*FIRST, "command", ["x"]), "spec: Forbidden: pod updates may not change fields other than"),
        (Deployment, changed(WORKLOAD, "spec", "template", "metadata", "labels", {"a": "b", "c": "d"}),
         ("spec", "selector", {"matchLabels": {"c": "d"}}), "field is immutable"),
        (StatefulSet, WORKLOAD, ("spec", "serviceName", "other"), "updates to statefulset spec for fields other than"),
        (Job, JOB, ("spec", "completions", 5), "spec.completions: Invalid value: 5: field is immutable"),
        (RoleBinding, BINDING, ("roleRef", "name", "other"), "cannot change roleRef"),
        (Service, changed(SERVICE, "spec", "type", "LoadBalancer"), ("spec", "loadBalancerClass", "a/b"),
         'spec.loadBalancerClass: Invalid value: "a/b": may not change once set'),
        (ConfigMap, {"metadata": {"name": "x"}, "immutable": True, "data": {"a": "b"}}, ("data", "a", "c"),
         "data: Forbidden: field is immutable when `immutable` is set"),
        (Secret, {"metadata": {"name": "x"}, "data": {}}, ("type", "other"), "type: Invalid value"),
    ],
)  # fmt: skip
def test_what_may_not_change_is_refused(cls, document, change, complaint):
    found = updated(cls, document, *change)
    assert any(complaint in text for text in found), found


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (None, 5, []),
        (5, 5, []),
        (5, 3, []),
        (5, 6, ["Invalid value: 6: must be less than or equal to previous value"]),
        (5, None, ["Invalid value: null: must not update from a positive integer to nil value"]),
    ],
)
def test_the_deadline_of_a_running_pod_may_only_come_nearer(old, new, words):
    before = changed(POD, "spec", "activeDeadlineSeconds", old)
    found = updated(Pod, before, "spec", "activeDeadlineSeconds", new)
    assert found == [f"spec.activeDeadlineSeconds: {word}" for word in words]


def test_an_image_of_a_running_pod_may_change():
    pod = changed(POD, *FIRST, "imagePullPolicy", "IfNotPresent")
    assert updated(Pod, pod, *FIRST, "image", "busybox:2") == []


@pytest.mark.parametrize("info", [i for i in SERVED if not i.is_review], ids=lambda i: i.names.kind)
def test_defaults_are_filled_in_once(info):
    obj = info.cls()
    info.default(obj)
    once = encode(obj)
    info.default(obj)
    assert encode(obj) == once
