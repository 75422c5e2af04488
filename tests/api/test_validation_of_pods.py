"""Pods that kube-apiserver refuses are refused, in its words and in the order in which it looks at them."""

import msgspec
import pytest

from pikube.api.defaulting.pods import default_pod, default_template_spec
from pikube.api.kinds.core_pod import Pod, PodSpec, PodTemplateSpec
from pikube.api.scheme import Scheme
from pikube.api.served import SERVED
from pikube.api.validation.pods import pod_spec_causes

INFO = Scheme(SERVED).by_class(Pod)
BOX = {"name": "c", "image": "i"}
NAME = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with"
INIT = "Forbidden: may not be set for init containers without restartPolicy=Always"
WINDOWS = "Forbidden: cannot be set for a windows pod"
ID = "Invalid value: -1: must be between 0 and 2147483647, inclusive"
NODES = "spec.affinity.nodeAffinity"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
TERM = f"{NODES}.{REQUIRED}.nodeSelectorTerms"
EXEC = {"exec": {"command": ["a"]}}


def causes_of(spec, **more):
    pod = msgspec.convert(
        {"metadata": {"name": "p"}, "spec": {"containers": [dict(BOX)], **spec}, **more}, Pod
    )
    INFO.default(pod)
    return [f"{cause.field}: {cause.message}" for cause in INFO.validate(pod)]


def box(**more):
    return {"containers": [{**BOX, **more}]}


def init(**more):
    return {"initContainers": [{"name": "i", "image": "i", **more}]}


def nodes(*terms):
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(terms)}}}}


def volume(**source):
    return {"volumes": [{"name": "v", **source}]}


def spread(**more):
    return {"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule", **more}


C0 = "spec.containers[0]"
REFUSED = {
    # containers
    "init containers are not asked": (
        init(livenessProbe=EXEC, lifecycle={"preStop": EXEC}),
        [f"spec.initContainers[0].lifecycle: {INIT}", f"spec.initContainers[0].livenessProbe: {INIT}"],
    ),
    "a port of the node is one container's": (
        {"containers": [{**BOX, "ports": [{"containerPort": 80, "hostPort": 80}]},
                        {"name": "d", "image": "i", "ports": [{"containerPort": 81, "hostPort": 80}]}]},
        ['spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//80"'],
    ),
    "a sleep fits into the grace": (
        box(lifecycle={"preStop": {"sleep": {"seconds": 31}}}),
        [f"{C0}.lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than "
         "terminationGracePeriodSeconds (30)"],
    ),
    "probes": (
        box(livenessProbe={**EXEC, "tcpSocket": {"port": 1}, "periodSeconds": -1, "successThreshold": 2,
                           "terminationGracePeriodSeconds": 0}),
        [f"{C0}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
         f"{C0}.livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
         f"{C0}.livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0",
         f"{C0}.livenessProbe.successThreshold: Invalid value: 2: must be 1"],
    ),
    "headers of probes": (
        box(livenessProbe={"httpGet": {"port": "web", "httpHeaders": [{"name": "a b", "value": ""}]}}),
        [f'{C0}.livenessProbe.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must'],
    ),
    "fields in variables": (
        box(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}} for path in
                 ("spec.foo", "metadata.labels", "metadata.labels['a b']", "metadata.name['x']", "spec.nodeName")]),
        [f'{C0}.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.foo": error converting fieldPath: field label '
         "not supported: spec.foo",
         f'{C0}.env[1].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name"',
         f'{C0}.env[2].valueFrom.fieldRef: Invalid value: "a b": {NAME}',
         f'{C0}.env[3].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.name[\'x\']": error converting fieldPath: '
         "field label does not support subscript: metadata.name"],
    ),
    "resources in variables": (
        box(env=[{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.foo"}}}]),
        [f'{C0}.env[0].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.foo": supported values: "limits.cpu"'],
    ),
    "sources of all variables": (
        box(envFrom=[{"configMapRef": {"name": ""}}, {}]),
        [f"{C0}.envFrom[0].configMapRef.name: Required value",
         f'{C0}.envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
    ),
    "mounts": (
        {**volume(emptyDir={}), **box(volumeMounts=[
            {"name": "v", "mountPath": "/a", "recursiveReadOnly": "Enabled", "subPath": "/x"},
            {"name": "w", "mountPath": "/a"}])},
        [f'{C0}.volumeMounts.subPath: Invalid value: "/x": must be a relative path',
         f"{C0}.volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true",
         f'{C0}.volumeMounts[1].name: Not found: "w"',
         f'{C0}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique'],
    ),
    "devices": (
        {**volume(emptyDir={}), **box(volumeDevices=[{"name": "v", "devicePath": "/a/../b"}, {"name": "w", "devicePath": "/c"}])},
        [f'{C0}.volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim',
         f"{C0}.volumeDevices[0].devicePath: Invalid value: \"/a/../b\": can not contain backsteps ('..')",
         f'{C0}.volumeDevices[1].name: Not found: "w"'],
    ),
    "resizes": (
        {"restartPolicy": "Never", **box(resizePolicy=[
            {"resourceName": "cpu", "restartPolicy": "RestartContainer"}, {"resourceName": "disk", "restartPolicy": "NotRequired"}])},
        [f"{C0}.resizePolicy: Invalid value: \"RestartContainer\": must be 'NotRequired' when `restartPolicy` is 'Never'",
         f'{C0}.resizePolicy: Unsupported value: "disk": supported values: "cpu", "memory"'],
    ),
    "what cannot be shared is given whole": (
        box(resources={"limits": {"x.io/a": "1500m", "x.io/b": "2"}, "requests": {"x.io/b": "1", "x.io/c": "1"}}),
        [f'{C0}.resources.limits[x.io/a]: Invalid value: "1500m": must be an integer',
         f'{C0}.resources.requests: Invalid value: "1": must be equal to x.io/b limit of 2',
         f"{C0}.resources.limits: Required value: Limit must be set for non overcommitable resources",
         f'{C0}.resources.requests[x.io/a]: Invalid value: "1500m": must be an integer'],
    ),
    "huge pages are not all": (
        box(resources={"limits": {"hugepages-2Mi": "2Mi"}}),
        [f"{C0}.resources: Forbidden: HugePages require cpu or memory"],
    ),
    # volumes
    "a size": (volume(emptyDir={"sizeLimit": "-1"}), [
        "spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"]),
    "modes and paths": (
        volume(configMap={"name": "a", "defaultMode": 512, "items": [{"key": "a", "path": "../x"}, {"key": "b", "path": "..y"}]}),
        ["spec.volumes[0].configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both",
         "spec.volumes[0].configMap.items[0].path: Invalid value: \"../x\": must not contain '..'",
         "spec.volumes[0].configMap.items[1].path: Invalid value: \"..y\": must not start with '..'"],
    ),
    "projections": (
        volume(projected={"sources": [
            {"secret": {"name": "a", "items": [{"key": "k", "path": "x"}]}, "configMap": {"name": ""}},
            {"serviceAccountToken": {"path": "x", "expirationSeconds": 5}}, {}]}),
        ["spec.volumes[0].projected.sources[0].configMap: Forbidden: may not specify more than 1 volume type",
         "spec.volumes[0].projected.sources[0].configMap.name: Required value",
         "spec.volumes[0].projected.sources[1].serviceAccountToken.expirationSeconds: Invalid value: 5: may not specify a "
         "duration less than 10 minutes",
         'spec.volumes[0].projected: Invalid value: "x": conflicting duplicate paths',
         "spec.volumes[0].projected.sources[2]: Required value: must specify a volume type"],
    ),
    "facts as files": (
        volume(downwardAPI={"items": [{"path": "a"}, {"path": "b", "fieldRef": {"fieldPath": "status.podIP"}},
                                      {"path": "c", "resourceFieldRef": {"resource": "limits.cpu"}}]}),
        ["spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required",
         'spec.volumes[0].downwardAPI.fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.a',
         "spec.volumes[0].downwardAPI.resourceFieldRef.containerName: Required value"],
    ),
    # places
    "no terms": (nodes(), [f"{TERM}: Required value: must have at least one node selector term"]),
    "terms": (
        nodes({"matchExpressions": [{"key": "a", "operator": "In"}, {"key": "b", "operator": "Exists", "values": ["x"]},
                                    {"key": "c", "operator": "Gt", "values": ["1", "2"]}, {"key": "d", "operator": "Like"}],
               "matchFields": [{"key": "metadata.uid", "operator": "Exists"}]}),
        [f"{TERM}[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
         f"{TERM}[0].matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
         f"{TERM}[0].matchExpressions[2].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
         f'{TERM}[0].matchExpressions[3].operator: Invalid value: "Like": not a valid selector operator',
         f'{TERM}[0].matchFields[0].operator: Invalid value: "Exists": not a valid selector operator',
         f'{TERM}[0].matchFields[0].key: Invalid value: "metadata.uid": not a valid field selector key'],
    ),
    "weights": (
        {"affinity": {
            "nodeAffinity": {PREFERRED: [{"weight": 0, "preference": {"matchExpressions": [
                {"key": "a", "operator": "In", "values": ["any thing"]}]}}]},
            "podAffinity": {PREFERRED: [{"weight": 101, "podAffinityTerm": {"topologyKey": "x"}}]}}},
        [f"{NODES}.{PREFERRED}[0].weight: Invalid value: 0: must be in the range 1-100",
         f"spec.affinity.podAffinity.{PREFERRED}[0].weight: Invalid value: 101: must be in the range 1-100"],
    ),
    "near others": (
        {"affinity": {"podAntiAffinity": {REQUIRED: [{"namespaces": ["A"]}]}}},
        [f'spec.affinity.podAntiAffinity.{REQUIRED}[0].namespace: Invalid value: "A": a lowercase RFC 1123 label',
         f"spec.affinity.podAntiAffinity.{REQUIRED}[0].topologyKey: Required value: can not be empty",
         f'spec.affinity.podAntiAffinity.{REQUIRED}[0].topologyKey: Invalid value: "": name part must be non-empty',
         f'spec.affinity.podAntiAffinity.{REQUIRED}[0].topologyKey: Invalid value: "": {NAME}'],
    ),
    "spreading": (
        {"topologySpreadConstraints": [spread(maxSkew=0), spread(), spread(whenUnsatisfiable="ScheduleAnyway", minDomains=0),
                                       spread(whenUnsatisfiable="Never", nodeTaintsPolicy="Maybe")]},
        ["spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
         'spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{a, DoNotSchedule}"',
         "spec.topologySpreadConstraints[2].minDomains: Invalid value: 0: must be greater than zero",
         "spec.topologySpreadConstraints[2].minDomains: Invalid value: 0: can only use minDomains if "
         "whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
         'spec.topologySpreadConstraints[3].whenUnsatisfiable: Unsupported value: "Never": supported values: "DoNotSchedule"',
         'spec.topologySpreadConstraints[3].nodeTaintsPolicy: Unsupported value: "Maybe": supported values: "Honor", "Ignore"'],
    ),
    "gates": (
        {"readinessGates": [{"conditionType": "a b"}], "schedulingGates": [{"name": "x"}, {"name": "x"}], "nodeName": "n"},
        [f'spec.readinessGates[0].conditionType: Invalid value: "a b": {NAME}',
         'spec.schedulingGates[1]: Duplicate value: "x"',
         "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
    ),
    "tolerations": (
        {"tolerations": [{"key": "a", "value": "a b"}, {"key": "a", "operator": "Exists", "value": "v"}]},
        ['spec.tolerations[0].operator: Invalid value: "a b": a valid label must be an empty string or consist of',
         "spec.tolerations[1].operator: Invalid value: \"v\": value must be empty when `operator` is 'Exists'"],
    ),
    # names and namespaces
    "servers of names": (
        {"dnsConfig": {"nameservers": ["x", "1.1.1.1", "1.1.1.2", "1.1.1.3"], "searches": ["a b", ".", "_a.b."],
                       "options": [{"value": "1"}]}},
        ['spec.dnsConfig.nameservers: Invalid value: ["x","1.1.1.1","1.1.1.2","1.1.1.3"]: must not have more than 3 '
         "nameservers",
         'spec.dnsConfig.nameservers[0]: Invalid value: "x": must be a valid IP address',
         'spec.dnsConfig.searches[0]: Invalid value: "a b": a lowercase RFC 1123 subdomain must consist of',
         "spec.dnsConfig.options[0]: Required value: must not be empty"],
    ),
    "no servers of names": ({"dnsPolicy": "None"}, [
        "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"]),
    "users of its own": ({"hostUsers": False, "hostNetwork": True, "hostIPC": True}, [
        "spec.hostNetwork: Forbidden: when `pod.Spec.HostUsers` is false",
        "spec.HostIPC: Forbidden: when `pod.Spec.HostUsers` is false"]),
    "processes are shared once": ({"shareProcessNamespace": True, "hostPID": True}, [
        "spec.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled"]),
    "users and groups": (
        {"securityContext": {"runAsUser": -1, "supplementalGroups": [1, -1]}, **box(securityContext={"runAsGroup": -1})},
        [f"{C0}.securityContext.runAsGroup: {ID}", f"spec.securityContext.runAsUser: {ID}",
         f"spec.securityContext.supplementalGroups[1]: {ID}"],
    ),
    "profiles": (
        box(securityContext={"seccompProfile": {"type": "Localhost"},
                             "appArmorProfile": {"type": "RuntimeDefault", "localhostProfile": "x"}}),
        [f"{C0}.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost",
         f'{C0}.securityContext.appArmorProfile.localhostProfile: Invalid value: "x": can only be set when AppArmor type is'],
    ),
    "another system": ({"os": {"name": "mac"}}, ['spec.os: Unsupported value: "mac": supported values: "linux", "windows"']),
    "windows": (
        {"os": {"name": "windows"}, "hostPID": True, "securityContext": {"fsGroup": 1},
         **box(securityContext={"capabilities": {"add": ["KILL"]}})},
        [f"spec.securityContext.fsGroup: {WINDOWS}", f"spec.hostPID: {WINDOWS}",
         f"{C0}.securityContext.capabilities: {WINDOWS}"],
    ),
    "ephemeral containers come later": ({"ephemeralContainers": [{"name": "e", "image": "i"}]}, [
        "spec.ephemeralContainers: Forbidden: cannot be set on create"]),
    "what ephemeral containers may not have": (
        {"ephemeralContainers": [{"name": "e", "image": "i", "targetContainerName": "x", "ports": [{"containerPort": 1}],
                                  "livenessProbe": EXEC}]},
        ['spec.ephemeralContainers[0].targetContainerName: Not found: "x"',
         "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
         "spec.ephemeralContainers[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container",
         "spec.ephemeralContainers: Forbidden: cannot be set on create"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    spec, words = REFUSED[name]
    found = causes_of(spec)
    assert len(found) == len(words) and all(map(str.startswith, found, words)), found


def test_causes_stand_in_the_order_in_which_upstream_looks():
    spec = {
        "nodeSelector": {"a b": "c"}, "restartPolicy": "Foo", "tolerations": [{"key": "a b"}], "hostname": "A_b",
        "volumes": [{"name": "V", "emptyDir": {}}], "activeDeadlineSeconds": 0, "dnsPolicy": "Foo", "hostNetwork": True,
        "initContainers": [{"name": "c", "image": ""}],
        "containers": [
            {"name": "", "image": ""},
            {"name": "c", "image": " i", "ports": [{"containerPort": 1, "hostPort": 2}], "livenessProbe": {"exec": {}},
             "resources": {"limits": {"cpu": "-1"}}, "imagePullPolicy": "Soon", "securityContext": {"runAsUser": -1}},
        ],
    }  # fmt: skip
    fields = [words.partition(":")[0] for words in causes_of(spec)]
    assert fields == [
        "spec.volumes[0].name",
        "spec.containers[0].name", "spec.containers[0].image",
        "spec.containers[1].imagePullPolicy", "spec.containers[1].resources.limits[cpu]",
        "spec.containers[1].resources.requests[cpu]", "spec.containers[1].securityContext.runAsUser",
        "spec.containers[1].livenessProbe.exec.command",
        "spec.initContainers[0].image", "spec.initContainers[0].name",
        "spec.containers[1].ports[0].hostPort",
        "spec.restartPolicy", "spec.dnsPolicy", "spec.nodeSelector", "spec.activeDeadlineSeconds", "spec.hostname",
        "spec.tolerations[0].key", "spec.containers[1].image",
    ]  # fmt: skip


LEGAL = {
    "plain": {},
    "a sidecar is asked": init(restartPolicy="Always", livenessProbe=EXEC, lifecycle={"preStop": EXEC}),
    "labels in variables": box(env=[
        {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['x.io/a']"}}},
        {"name": "B", "valueFrom": {"resourceFieldRef": {"resource": "requests.hugepages-2Mi"}}}]),
    "one port of two protocols": box(ports=[
        {"containerPort": 53, "hostPort": 53}, {"containerPort": 53, "hostPort": 53, "protocol": "UDP"}]),
    "no waiting at all": box(lifecycle={"preStop": {"sleep": {"seconds": 0}}}),
    "nodes by name": nodes({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}),
    "what is whole": box(resources={"limits": {"x.io/a": "2", "cpu": "1"}, "requests": {"cpu": "500m"}}),
    "linux": {"os": {"name": "linux"}, "securityContext": {"fsGroup": 1, "runAsUser": 0}},
    "a scheduler of any name": {"schedulerName": "My_Own"},
    "an image of blanks in a template is somebody else's": {"volumes": [{"name": "v", "hostPath": {"path": "/..a"}}]},
}  # fmt: skip


@pytest.mark.parametrize("name", LEGAL)
def test_what_is_legal(name):
    assert causes_of(LEGAL[name]) == []


def test_a_negative_grace_is_a_second_in_a_pod_and_stays_in_a_template():
    spec = msgspec.convert({"containers": [BOX], "terminationGracePeriodSeconds": -5}, PodSpec)
    pod, template = Pod(spec=msgspec.structs.replace(spec)), PodTemplateSpec(spec=spec)
    default_pod(pod)
    default_template_spec(template)
    graces = [obj.spec.termination_grace_period_seconds for obj in (pod, template)]
    assert graces == [1, -5]
    assert pod_spec_causes(template.spec, "spec.template.spec") == []
