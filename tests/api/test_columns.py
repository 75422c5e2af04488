"""What `kubectl get` prints of kinds that are seen seldom, as kubernetes pkg/printers/internalversion prints them."""

import json

import msgspec
import pytest

from pikube.api.served import SERVED
from pikube.api.table import columns_of, render_table

NOW = 1_700_000_000.0
MADE = "2023-11-14T22:03:20Z"  # ten minutes before
CLASSES = {(info.names.api_version, info.names.kind): info.cls for info in SERVED}


def cells(api_version, kind, document, name="x"):
    """The visible cells by column, and the wide ones."""
    cls = CLASSES[(api_version, kind)]
    metadata = {"name": name, "creationTimestamp": MADE, **document.pop("metadata", {})}
    value = json.dumps({"kind": kind, "apiVersion": api_version, "metadata": metadata, **document}).encode()
    table = json.loads(b"".join(render_table(cls, [value], b"{}", NOW)))
    (row,) = table["rows"]
    assert len(row["cells"]) == len(table["columnDefinitions"])
    assert row["object"]["metadata"] == metadata
    names = [column["name"] for column in table["columnDefinitions"]]
    shown = dict(zip(names, row["cells"], strict=True))
    hidden = {c["name"] for c in table["columnDefinitions"] if c["priority"]}
    return {k: v for k, v in shown.items() if k not in hidden}, {k: shown[k] for k in hidden}


ADMISSION = "admissionregistration.k8s.io/v1"
STORAGE = "storage.k8s.io/v1"
NETWORK = "networking.k8s.io/v1"
ROWS = [
    (ADMISSION, "ValidatingAdmissionPolicy",
     {"spec": {"validations": [{"expression": "true"}], "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}},
     {"Name": "x", "Validations": 1, "ParamKind": "v1/ConfigMap", "Age": "10m"}),
    (ADMISSION, "ValidatingAdmissionPolicy", {"spec": {}},
     {"Name": "x", "Validations": 0, "ParamKind": "<unset>", "Age": "10m"}),
    (ADMISSION, "ValidatingAdmissionPolicyBinding", {"spec": {"policyName": "p", "paramRef": {"name": "a"}}},
     {"Name": "x", "PolicyName": "p", "ParamRef": "*/a", "Age": "10m"}),
    (ADMISSION, "ValidatingAdmissionPolicyBinding",
     {"spec": {"policyName": "p", "paramRef": {"name": "a", "namespace": "n"}}},
     {"Name": "x", "PolicyName": "p", "ParamRef": "n/a", "Age": "10m"}),
    (ADMISSION, "ValidatingAdmissionPolicyBinding", {"spec": {"policyName": "p"}},
     {"Name": "x", "PolicyName": "p", "ParamRef": "<unset>", "Age": "10m"}),
    (STORAGE, "VolumeAttributesClass", {"driverName": "d"}, {"Name": "x", "DriverName": "d", "Age": "10m"}),
    (STORAGE, "CSIStorageCapacity", {"storageClassName": "fast", "capacity": "1Gi"},
     {"Name": "x", "StorageClassName": "fast", "Capacity": "1Gi"}),
    (STORAGE, "CSIStorageCapacity", {"storageClassName": "fast"},
     {"Name": "x", "StorageClassName": "fast", "Capacity": "<unset>"}),
    (STORAGE, "CSIDriver", {"spec": {}},
     {"Name": "x", "AttachRequired": True, "PodInfoOnMount": False, "StorageCapacity": False,
      "TokenRequests": "<unset>", "RequiresRepublish": False, "Modes": "<none>", "Age": "10m"}),
    (NETWORK, "ServiceCIDR", {"spec": {"cidrs": ["10.0.0.0/24", "fd00::/112"]}},
     {"Name": "x", "CIDRs": "10.0.0.0/24,fd00::/112", "Age": "10m"}),
    (NETWORK, "IPAddress",
     {"spec": {"parentRef": {"resource": "services", "namespace": "default", "name": "kubernetes"}}},
     {"Name": "x", "ParentRef": "services/default/kubernetes"}),
    ("scheduling.k8s.io/v1", "PriorityClass", {"value": 7, "preemptionPolicy": "Never"},
     {"Name": "x", "Value": 7, "Global-Default": False, "Age": "10m", "PreemptionPolicy": "Never"}),
    (NETWORK, "Ingress", {"spec": {"rules": [{"host": h} for h in "aabcd"]}},
     {"Name": "x", "Class": "<none>", "Hosts": "a,a,b + 2 more...", "Address": "", "Ports": "80", "Age": "10m"}),
    (NETWORK, "Ingress",
     {"spec": {"rules": [{}]}, "status": {"loadBalancer": {"ingress": [{"ip": "b"}, {"ip": "a"}, {"ip": "b"}]}}},
     {"Name": "x", "Class": "<none>", "Hosts": "*", "Address": "a,b", "Ports": "80", "Age": "10m"}),
    ("discovery.k8s.io/v1", "EndpointSlice",
     {"addressType": "IPv4", "endpoints": [{"addresses": ["a"]}], "ports": [{"name": "web"}, {"port": 1}, {}]},
     {"Name": "x", "AddressType": "IPv4", "Ports": "web,1,*", "Endpoints": "a", "Age": "10m"}),
    ("v1", "Event", {"involvedObject": {"kind": "Node"}, "reason": "R", "type": "Normal", "message": "m "},
     {"Last Seen": "<unknown>", "Type": "Normal", "Reason": "R", "Object": "node", "Message": "m"}),
    ("v1", "ComponentStatus", {"conditions": []}, {"Name": "x", "Status": "Unknown", "Message": "", "Error": ""}),
    ("v1", "PersistentVolume",
     {"metadata": {"annotations": {"volume.beta.kubernetes.io/storage-class": "old"}}, "spec": {}},
     {"Name": "x", "Capacity": "0", "Access Modes": "", "Reclaim Policy": "", "Status": "", "Claim": "",
      "StorageClass": "old", "VolumeAttributesClass": "<unset>", "Reason": "", "Age": "10m"}),
]  # fmt: skip


@pytest.mark.parametrize(("api_version", "kind", "document", "expected"), ROWS)
def test_columns_of_rare_kinds(api_version, kind, document, expected):
    assert cells(api_version, kind, dict(document))[0] == expected


def utilization(value):
    return {"type": "Utilization", "averageUtilization": value}


AVERAGE = {"type": "AverageValue", "averageValue": "5"}
TARGETS = [
    ([{"type": "Resource", "resource": {"name": "cpu", "target": utilization(80)}}], [], "cpu: <unknown>/80%"),
    ([{"type": "Resource", "resource": {"name": "cpu", "target": utilization(80)}}],
     [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 40}}}], "cpu: 40%/80%"),
    ([{"type": "Resource", "resource": {"name": "memory", "target": AVERAGE}}],
     [{"type": "Resource", "resource": {"name": "memory", "current": {"averageValue": "3"}}}], "memory: 3/5"),
    ([{"type": "Pods", "pods": {"metric": {"name": "m"}, "target": AVERAGE}}], [], "<unknown>/5"),
    ([{"type": "Object", "object": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "7"}}}],
     [{"type": "Object", "object": {"current": {"value": "6"}}}], "6/7"),
    ([{"type": "External", "external": {"metric": {"name": "m"}, "target": AVERAGE}}],
     [{"type": "External", "external": {"current": {"averageValue": "4"}}}], "4/5 (avg)"),
    ([{"type": "Resource", "resource": {"name": n, "target": utilization(1)}} for n in "abc"], [],
     "a: <unknown>/1%, b: <unknown>/1% + 1 more..."),
]  # fmt: skip


@pytest.mark.parametrize(("metrics", "current", "expected"), TARGETS)
def test_targets_of_autoscalers(metrics, current, expected):
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 3, "metrics": metrics}
    document = {"spec": spec, "status": {"currentMetrics": current, "desiredReplicas": 1}}
    shown, _ = cells("autoscaling/v2", "HorizontalPodAutoscaler", document)
    assert (shown["Reference"], shown["Targets"], shown["MinPods"]) == ("Deployment/d", expected, "<unset>")


def test_autoscalers_of_v1_show_what_v2_would():
    other = [{"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "5"}}]
    document = {
        "metadata": {"annotations": {"autoscaling.alpha.kubernetes.io/metrics": json.dumps(other)}},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 3,
                 "targetCPUUtilizationPercentage": 70},
    }  # fmt: skip
    shown, _ = cells("autoscaling/v1", "HorizontalPodAutoscaler", document)
    assert sorted(shown["Targets"].split(", ")) == ["cpu: <unknown>/70%", "memory: <unknown>/5"]


def state(name, *, restarts=0, ready=False, last="", **now):
    terminated = {"exitCode": 1, "finishedAt": last}
    return {"name": name, "restartCount": restarts, "ready": ready, "image": "", "imageID": "",
            "state": now, "lastState": {"terminated": terminated} if last else {}}  # fmt: skip


RUNNING = {"running": {"startedAt": MADE}}
EARLIER, LATER = "2023-11-14T22:08:20Z", "2023-11-14T22:12:20Z"
SIDECAR = {"name": "s", "restartPolicy": "Always"}
PODS = [
    ({}, {"phase": "Pending"}, ("0/1", "Pending", "0")),
    ({}, {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
                                             "reason": "SchedulingGated"}]}, ("0/1", "SchedulingGated", "0")),
    ({}, {"phase": "Running", "containerStatuses": [state("c", ready=True, **RUNNING)]}, ("1/1", "Running", "0")),
    ({}, {"phase": "Running", "containerStatuses": [state("c", restarts=2, ready=True, last=LATER, **RUNNING)]},
     ("1/1", "Running", "2 (60s ago)")),
    ({}, {"phase": "Running", "containerStatuses": [state("c", waiting={"reason": "CrashLoopBackOff"})]},
     ("0/1", "CrashLoopBackOff", "0")),
    ({}, {"phase": "Failed", "containerStatuses": [state("c", terminated={"exitCode": 3})]},
     ("0/1", "ExitCode:3", "0")),
    ({"initContainers": [{"name": "i"}]},
     {"phase": "Pending", "initContainerStatuses": [state("i", restarts=3, last=LATER, running={})]},
     ("0/1", "Init:0/1", "3 (60s ago)")),
    ({"initContainers": [SIDECAR]},
     {"phase": "Running", "initContainerStatuses": [{**state("s", restarts=1, ready=True, last=EARLIER, **RUNNING),
                                                     "started": True}],
      "containerStatuses": [state("c", ready=True, **RUNNING)]}, ("2/2", "Running", "1 (5m ago)")),
    ({"initContainers": [{"name": "i"}]},
     {"phase": "Running", "initContainerStatuses": [state("i", restarts=5, terminated={"exitCode": 0})],
      "containerStatuses": [state("c", ready=True, **RUNNING)]}, ("1/1", "Running", "0")),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "status", "expected"), PODS)
def test_pods_in_every_state(spec, status, expected):
    document = {"spec": {"containers": [{"name": "c"}], **spec}, "status": status}
    shown, _ = cells("v1", "Pod", document)
    assert (shown["Ready"], shown["Status"], shown["Restarts"]) == expected


def test_the_quick_row_of_a_pod_is_that_of_the_whole_pod():
    cls = CLASSES[("v1", "Pod")]
    for spec, status, _ in PODS:
        pod = {"metadata": {"name": "p", "creationTimestamp": MADE},
               "spec": {"containers": [{"name": "c"}], **spec}, "status": status}  # fmt: skip
        value = json.dumps(pod).encode()
        (row,) = json.loads(b"".join(render_table(cls, [value], b"{}", NOW)))["rows"]
        assert row["cells"] == columns_of(cls).row(msgspec.json.decode(value, type=cls), NOW)
