"""What is said of wrong objects of the kinds beside workloads: upstream's words, all of them and in its order."""

import json

import pytest

MERGE = "application/merge-patch+json"
DNS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
AT_LEAST_0 = "must be greater than or equal to 0"
NETWORKING = "networking.k8s.io/v1"
STORAGE = "storage.k8s.io/v1"
SLICES = "discovery.k8s.io/v1"
ADMISSION = "admissionregistration.k8s.io/v1"
RBAC = "rbac.authorization.k8s.io"
SERVICES = "apiregistration.k8s.io/v1"
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
TARGET = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
OF_CLUSTER = {
    "ingressclasses", "ipaddresses", "servicecidrs", "persistentvolumes", "storageclasses", "csidrivers", "csinodes",
    "volumeattachments", "volumeattributesclasses", "runtimeclasses", "certificatesigningrequests", "nodes",
    "clusterroles", "validatingwebhookconfigurations", "mutatingwebhookconfigurations", "apiservices",
}  # fmt: skip
MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
USAGES = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment",
    "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel",
    "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime",
    "server auth", "signing", "timestamping",
)  # fmt: skip
METRICS = ("ContainerResource", "External", "Object", "Pods", "Resource")


def bad(field, value, words):
    return f"{field}: Invalid value: {json.dumps(value, separators=(',', ':'))}: {words}"


def missing(field, words=""):
    return f"{field}: Required value" + (f": {words}" if words else "")


def unknown(field, value, *known):
    return f"{field}: Unsupported value: {json.dumps(value)}: supported values: " + ", ".join(
        map(json.dumps, known)
    )


def forbidden(field, words):
    return f"{field}: Forbidden: {words}"


def twice(field, value):
    return f"{field}: Duplicate value: {json.dumps(value)}"


def volume(**fields):
    return {
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
        | fields
    }


def autoscaler(**fields):
    return {"spec": {"scaleTargetRef": TARGET, "maxReplicas": 3} | fields}


def place(api_version, plural):
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return f"{root}/{plural}" if plural in OF_CLUSTER else f"{root}/namespaces/default/{plural}"


def complaints(status, answer):
    assert status == 422, answer
    assert answer["reason"] == "Invalid"
    return [f"{cause['field']}: {cause['message']}" for cause in answer["details"]["causes"]]


REFUSED = [
    (NETWORKING, "ingresses", {"spec": {}},
     ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]),
    (NETWORKING, "ingresses", {"spec": {"defaultBackend": BACKEND, "tls": [{"hosts": ["ok", "A_b"]}], "ingressClassName": "B_"}},
     [bad("spec.tls[0].hosts[1]", "A_b", DNS), bad("spec.ingressClassName", "B_", DNS)]),
    (NETWORKING, "ingresses", {
        "metadata": {"name": "x", "annotations": {"kubernetes.io/ingress.class": "a"}},
        "spec": {"defaultBackend": BACKEND, "ingressClassName": "b"}},
     [bad("annotations.kubernetes.io/ingress.class", "a", "must match `ingressClassName` when both are specified")]),
    (NETWORKING, "ingresses", {"spec": {"rules": [
        {"host": "1.2.3.4"}, {"http": {"paths": []}},
        {"http": {"paths": [{"backend": {}, "path": "a"},
                            {"pathType": "Exact", "path": "a//b/.", "backend": {"resource": {"kind": "a/b", "name": ""}}}]}},
     ]}},
     [bad("spec.rules[0].host", "1.2.3.4", "must be a DNS name, not an IP address"),
      missing("spec.rules[1].http.paths"),
      missing("spec.rules[2].http.paths[0].pathType", "pathType must be specified"),
      bad("spec.rules[2].http.paths[1].path", "a//b/.", "must be an absolute path"),
      bad("spec.rules[2].http.paths[1].path", "a//b/.", "must not contain '//'"),
      bad("spec.rules[2].http.paths[1].path", "a//b/.", "cannot end with '/.'"),
      bad("spec.rules[2].http.paths[1].backend.resource.kind", "a/b", "may not contain '/'"),
      missing("spec.rules[2].http.paths[1].backend.resource.name")]),
    (NETWORKING, "ingressclasses", {"spec": {"controller": "a", "parameters": {
        "apiGroup": "A", "kind": "", "name": "a%", "scope": "Namespace"}}},
     [bad("spec.controller", "a", 'must be a domain-prefixed path (such as "acme.io/foo")'),
      bad("spec.parameters.apiGroup", "A", DNS), missing("spec.parameters.kind"),
      bad("spec.parameters.name", "a%", "may not contain '%'"),
      missing("spec.parameters.namespace", "`parameters.scope` is set to 'Namespace'")]),
    (NETWORKING, "networkpolicies", {"spec": {"podSelector": {}, "policyTypes": ["x"], "ingress": [{
        "ports": [{"protocol": "x", "endPort": 4}],
        "from": [{}, {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8", "x"]}, "podSelector": {}}]}]}},
     [unknown("spec.ingress[0].ports[0].protocol", "x", "TCP", "UDP", "SCTP"),
      bad("spec.ingress[0].ports[0].endPort", 4, "may not be specified when `port` is not specified"),
      missing("spec.ingress[0].from[0]", "must specify a peer"),
      bad("spec.ingress[0].from[1].ipBlock.except[0]", "10.0.0.0/8", "must be a strict subset of `cidr`"),
      bad("spec.ingress[0].from[1].ipBlock.except[1]", "x", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
      forbidden("spec.ingress[0].from[1]", "may not specify both ipBlock and another peer"),
      unknown("spec.policyTypes[0]", "x", "Ingress", "Egress")]),
    (NETWORKING, "ipaddresses", {"metadata": {"name": "2001:DB8::1"}, "spec": {"parentRef": {"resource": "s", "name": "n"}}},
     [bad("metadata.name", "2001:DB8::1", 'must be in canonical form ("2001:db8::1")')]),
    ("autoscaling/v2", "horizontalpodautoscalers", autoscaler(metrics=[
        {"type": "Foo", "pods": {"metric": {"name": ""}, "target": {"type": "x"}}}]),
     [unknown("spec.metrics[0].type", "Foo", *METRICS),
      missing("spec.metrics[0].pods.metric.name", "must specify a metric name"),
      bad("spec.metrics[0].pods.target.type", "x", "must be either Utilization, Value, or AverageValue"),
      missing("spec.metrics[0].pods.target.averageValue", "must specify a positive target averageValue"),
      unknown("spec.metrics[0].type", "Foo", *METRICS)]),
    ("autoscaling/v2", "horizontalpodautoscalers", autoscaler(minReplicas=0, metrics=[
        {"type": "External", "external": {"metric": {"name": "m"}, "target": {"type": "Value"}}}]),
     [bad("spec.minReplicas", 0, "must be greater than or equal to 1"),
      missing("spec.metrics[0].external.target.averageValue",
              "must set either a target value for metric or a per-pod target")]),
    ("autoscaling/v2", "horizontalpodautoscalers", autoscaler(metrics=[
        {"type": "ContainerResource", "containerResource": {"name": "foo", "container": "a.b", "target": {"type": "Utilization"}}}]),
     [bad("spec.metrics[0].containerResource.name", "foo", "must be a standard resource type or fully qualified"),
      bad("spec.metrics[0].containerResource.name", "foo", "must be a standard resource for containers"),
      bad("spec.metrics[0].containerResource.container", "a.b", "must not contain dots"),
      missing("spec.metrics[0].containerResource.target.averageUtilization",
              "must set either a target raw value or a target utilization")]),
    ("autoscaling/v2", "horizontalpodautoscalers", autoscaler(metrics=[
        {"type": "Resource", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "1"}}}]),
     [missing("spec.metrics[0].resource", "must populate information for the given metric source")]),
    ("autoscaling/v1", "horizontalpodautoscalers", autoscaler(targetCPUUtilizationPercentage=0),
     [bad("spec.metrics[0].resource.target.averageUtilization", 0, "must be greater than 0")]),
    ("v1", "persistentvolumes", {"spec": {}},
     [missing("spec.accessModes"), missing("spec.capacity"), unknown("spec.capacity", None, "storage"),
      missing("spec", "must specify a volume type")]),
    ("v1", "persistentvolumes", volume(
        accessModes=["x", "ReadWriteOncePod"], persistentVolumeReclaimPolicy="y", volumeMode="z", nodeAffinity={}),
     [unknown("spec.accessModes", "x", *MODES),
      forbidden("spec.accessModes", "may not use ReadWriteOncePod with other access modes"),
      unknown("spec.persistentVolumeReclaimPolicy", "y", "Delete", "Recycle", "Retain"),
      missing("spec.nodeAffinity.required", "must specify required node constraints"),
      unknown("spec.volumeMode", "z", "Block", "Filesystem")]),
    ("v1", "persistentvolumes", volume(hostPath={"path": "/"}, persistentVolumeReclaimPolicy="Recycle"),
     [forbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'")]),
    ("v1", "persistentvolumeclaims", {"spec": {
        "accessModes": ["x"], "volumeMode": "q", "dataSource": {"kind": "A", "name": ""}}},
     [unknown("spec.accessModes", "x", *MODES), missing("spec.resources[storage]"),
      unknown("spec.volumeMode", "q", "Block", "Filesystem"), missing("spec.dataSource.name"),
      bad("spec.dataSource", "A", "must be 'PersistentVolumeClaim' when referencing the default apiGroup")]),
    (STORAGE, "storageclasses", {"provisioner": "", "reclaimPolicy": "x", "volumeBindingMode": "y", "parameters": {"": "a"}},
     [missing("provisioner"), bad("parameters", "", "field can not be empty."),
      unknown("reclaimPolicy", "x", "Delete", "Retain"),
      unknown("volumeBindingMode", "y", "Immediate", "WaitForFirstConsumer")]),
    (STORAGE, "csidrivers", {"spec": {
        "volumeLifecycleModes": ["x"], "fsGroupPolicy": "y", "nodeAllocatableUpdatePeriodSeconds": 5,
        "tokenRequests": [{"audience": "a", "expirationSeconds": 5}, {"audience": "a"}]}},
     [unknown("spec.fsGroupPolicy", "y", "File", "None", "ReadWriteOnceWithFSType"),
      bad("spec.tokenRequests[0].expirationSeconds", 5, "may not specify a duration less than 10 minutes"),
      twice("spec.tokenRequests[1].audience", "a"),
      unknown("spec.volumeLifecycleModes", "x", "Persistent", "Ephemeral"),
      bad("spec.nodeAllocatableUpdatePeriodSeconds", 5, "must be greater than or equal to 10 seconds")]),
    (STORAGE, "csidrivers", {"metadata": {"name": "A_"}, "spec": {"serviceAccountTokenInSecrets": True}},
     [bad("metadata.name", "A_", DNS),
      bad("spec.serviceAccountTokenInSecrets", True, "serviceAccountTokenInSecrets is set but no tokenRequests are specified")]),
    (STORAGE, "csinodes", {"spec": {"drivers": [
        {"name": "a", "nodeID": "", "topologyKeys": ["x", "x"]}, {"name": "a", "nodeID": "n", "allocatable": {"count": -1}}]}},
     [missing("spec.drivers[0].nodeID"), twice("spec.drivers[0]", "x"),
      bad("spec.drivers[1].allocatable.count", -1, AT_LEAST_0), twice("spec.drivers[1].name", "a")]),
    (STORAGE, "volumeattachments", {"spec": {"attacher": "", "source": {}, "nodeName": ""}},
     [missing("spec.attacher"),
      missing("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName"),
      bad("spec.nodeName", "", DNS)]),
    (STORAGE, "volumeattributesclasses", {"driverName": ""},
     [missing("driverName"), missing("parameters", "must contain at least one key/value pair")]),
    (SLICES, "endpointslices", {"addressType": "IPv4", "endpoints": [
        {"addresses": ["::1", "127.0.0.1"], "hostname": "a.b", "nodeName": "B_", "hints": {
            "forZones": [{"name": "z"}, {"name": "z"}], "forNodes": [{"name": "B_"}]}},
        {"addresses": []}],
        "ports": [{"name": "a", "port": 99999, "protocol": "x", "appProtocol": "/b"}, {"name": "a"}]},
     [bad("endpoints[0].addresses[0]", "::1", "must be an IPv4 address"),
      bad("endpoints[0].addresses[1]", "127.0.0.1", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
      bad("endpoints[0].nodeName", "B_", DNS), bad("endpoints[0].hostname", "a.b", "must not contain dots"),
      twice("endpoints[0].hints.forZones[1].name", "z"), bad("endpoints[0].hints.forNodes[0].name", "B_", DNS),
      missing("endpoints[1].addresses", "must contain at least 1 address"),
      unknown("ports[0].protocol", "x", "SCTP", "TCP", "UDP"),
      bad("ports[0].appProtocol", "/b", "prefix part must be non-empty"), twice("ports[1].name", "a")]),
    (SLICES, "endpointslices", {"addressType": "FQDN", "endpoints": [{"addresses": ["a", "a.b."]}], "ports": []},
     [bad("endpoints[0].addresses[0]", "a", "should be a domain with at least two segments separated by dots")]),
    ("v1", "endpoints", {"subsets": [{
        "addresses": [{"ip": "10.0.0.1", "hostname": "a.b"}], "ports": [{"port": 0}, {"name": "b", "port": 2, "protocol": "q"}]}]},
     [bad("subsets[0].addresses[0].hostname", "a.b", "must not contain dots"), missing("subsets[0].ports[0].name"),
      bad("subsets[0].ports[0].port", 0, "must be between 1 and 65535, inclusive"),
      unknown("subsets[0].ports[1].protocol", "q", "SCTP", "TCP", "UDP")]),
    ("policy/v1", "poddisruptionbudgets", {"spec": {
        "minAvailable": "200%", "unhealthyPodEvictionPolicy": "q", "selector": {"matchExpressions": [{"key": "a", "operator": "Z"}]}}},
     [bad("spec.minAvailable", "200%", "must not be greater than 100%"),
      bad("spec.selector.matchExpressions[0].operator", "Z", "not a valid selector operator"),
      unknown("spec.unhealthyPodEvictionPolicy", "q", "AlwaysAllow", "IfHealthyBudget")]),
    ("coordination.k8s.io/v1", "leases", {"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1, "preferredHolder": "a"}},
     [bad("spec.leaseDurationSeconds", 0, "must be greater than 0"), bad("spec.leaseTransitions", -1, AT_LEAST_0),
      forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined")]),
    ("coordination.k8s.io/v1", "leases", {"spec": {"strategy": "x"}},
     [unknown("spec.strategy.strategy", "x", "OldestEmulationVersion")]),
    ("certificates.k8s.io/v1", "certificatesigningrequests", {"spec": {
        "request": "eA==", "signerName": "a", "usages": ["x", "client auth", "client auth"], "expirationSeconds": 5}},
     [bad("spec.request", "eA==", "PEM block type must be CERTIFICATE REQUEST"), unknown("spec.usages[0]", "x", *USAGES),
      twice("spec.usages[2]", "client auth"),
      bad("spec.signerName", "a", "must be a fully qualified domain and path of the form 'example.com/signer-name'"),
      bad("spec.expirationSeconds", 5, "may not specify a duration less than 600 seconds (10 minutes)")]),
    ("v1", "nodes", {"spec": {"taints": [{"key": "a", "effect": "x"}], "podCIDR": "q"}},
     [unknown("metadata.taints[0].effect", "x", "NoSchedule", "PreferNoSchedule", "NoExecute"),
      bad("spec.podCIDRs[0]", "q", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")]),
    ("v1", "configmaps", {"data": {"a": "b"}, "binaryData": {"a": "eA=="}},
     [bad("data[a]", "a", "duplicate of key present in binaryData"),
      bad("binaryData[a]", "a", "duplicate of key present in data")]),
    ("v1", "secrets", {"type": "kubernetes.io/tls", "data": {}}, [missing("data[tls.crt]"), missing("data[tls.key]")]),
    (f"{RBAC}/v1", "clusterroles", {
        "rules": [{"verbs": []}, {"verbs": ["get"], "nonResourceURLs": ["/a"], "resources": ["x"]}], "aggregationRule": {}},
     [missing("rules[0].verbs", "verbs must contain at least one value"),
      missing("rules[0].apiGroups", "resource rules must supply at least one api group"),
      missing("rules[0].resources", "resource rules must supply at least one resource"),
      bad("rules[1].nonResourceURLs", ["/a"], "rules cannot apply to both regular resources and non-resource URLs"),
      missing("aggregationRule.clusterRoleSelectors",
              "at least one clusterRoleSelector required if aggregationRule is non-nil")]),
    (ADMISSION, "validatingwebhookconfigurations", {"webhooks": [{
        "name": "a", "clientConfig": {}, "sideEffects": "Some", "admissionReviewVersions": ["v2", "v2"], "timeoutSeconds": 50,
        "rules": [{"operations": ["*", "CREATE"], "apiGroups": [], "apiVersions": [""],
                   "resources": ["pods/*", "pods/status", "*", "x"]}]}]},
     [bad("webhooks[0].name", "a", "should be a domain with at least three segments separated by dots"),
      bad("webhooks[0].rules[0].operations", ["*", "CREATE"], "if '*' is present, must not specify other operations"),
      missing("webhooks[0].rules[0].apiGroups"), missing("webhooks[0].rules[0].apiVersions[0]"),
      bad("webhooks[0].rules[0].resources[1]", "pods/status", "if 'pods/*' is present, must not specify pods/status"),
      bad("webhooks[0].rules[0].resources", ["pods/*", "pods/status", "*", "x"],
          "if '*' is present, must not specify other resources without subresources"),
      unknown("webhooks[0].sideEffects", "Some", "None", "NoneOnDryRun"),
      bad("webhooks[0].timeoutSeconds", 50, "the timeout value must be between 1 and 30 seconds"),
      missing("webhooks[0].clientConfig", "exactly one of url or service is required"),
      bad("webhooks[0].admissionReviewVersions[1]", "v2", "duplicate version"),
      bad("webhooks[0].admissionReviewVersions", ["v2", "v2"], "must include at least one of v1, v1beta1")]),
    (ADMISSION, "mutatingwebhookconfigurations", {"webhooks": [{
        "name": "a.b.c", "clientConfig": {"url": "https://a/b"}, "admissionReviewVersions": ["v1"], "reinvocationPolicy": "q"}]},
     [missing("webhooks[0].sideEffects", "must specify one of None, NoneOnDryRun"),
      unknown("webhooks[0].reinvocationPolicy", "q", "IfNeeded", "Never")]),
    (SERVICES, "apiservices", {"metadata": {"name": "v2."}, "spec": {
        "group": "", "version": "v2", "groupPriorityMinimum": 0, "versionPriority": 2000, "caBundle": "eA=="}},
     [missing("spec.group", "only v1 may have an empty group and it better be legacy kube"),
      bad("spec.groupPriorityMinimum", 0, "must be positive and less than 20000"),
      bad("spec.versionPriority", 2000, "must be positive and less than 1000"),
      bad("spec.caBundle", "1 bytes", "local APIServices may not have a caBundle")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("api_version", "plural", "body", "words"),
    REFUSED,
    ids=[f"{i}-{case[1]}" for i, case in enumerate(REFUSED)],
)
async def test_a_wrong_object_is_refused_in_the_words_and_the_order_of_upstream(
    api, api_version, plural, body, words
):
    status, answer = await api("POST", place(api_version, plural), {"metadata": {"name": "x"}, **body})
    assert complaints(status, answer) == words


IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
SPEC_KEPT = "field is immutable when `immutable` is set"
CHANGED = [
    (NETWORKING, "ingresses", {"spec": {"defaultBackend": BACKEND}}, "/status",
     {"status": {"loadBalancer": {"ingress": [{"ip": "a"}, {"hostname": "1.2.3.4"}]}}},
     [bad("status.loadBalancer.ingress[0].ip", "a", IP),
      bad("status.loadBalancer.ingress[1].hostname", "1.2.3.4", "must be a DNS name, not an IP address")]),
    (NETWORKING, "ingressclasses", {"spec": {"controller": "a.io/b"}}, "", {"spec": {"controller": "a.io/c"}},
     [bad("spec.controller", "a.io/c", "field is immutable")]),
    (NETWORKING, "servicecidrs", {"spec": {"cidrs": ["10.9.0.0/24"]}}, "", {"spec": {"cidrs": ["10.8.0.0/24"]}},
     [bad("spec.cidrs[0]", "10.8.0.0/24", "field is immutable")]),
    ("autoscaling/v2", "horizontalpodautoscalers", autoscaler(), "/status",
     {"status": {"currentReplicas": -1, "desiredReplicas": -2}},
     [bad("status.currentReplicas", -1, AT_LEAST_0), bad("status.desiredReplicas", -2, AT_LEAST_0)]),
    ("v1", "persistentvolumes", volume(), "", {"spec": {"volumeMode": "Block"}},
     [bad("volumeMode", "Block", "field is immutable")]),
    (STORAGE, "csinodes", {"spec": {"drivers": [{"name": "a", "nodeID": "n", "topologyKeys": ["k"]}]}}, "",
     {"spec": {"drivers": [{"name": "a", "nodeID": "m", "topologyKeys": ["k"]}]}},
     [bad("spec.drivers", {"name": "a", "nodeID": "m", "topologyKeys": ["k"]}, "field is immutable")]),
    (STORAGE, "volumeattachments", {"spec": {"attacher": "a", "source": {"persistentVolumeName": "p"}, "nodeName": "n"}},
     "/status", {"status": {"attached": True, "attachError": {"message": "x" * 2000, "errorCode": -1}}},
     ["status.attachError.message: Too long: may not be more than 262144 bytes",
      bad("status.attachError.errorCode", -1, "must be between 0 and 2147483647, inclusive")]),
    ("policy/v1", "poddisruptionbudgets", {"spec": {}}, "/status",
     {"status": {"conditions": [{"type": "A", "status": "Maybe"}], "expectedPods": -1}},
     [unknown("status.conditions[0].status", "Maybe", "False", "True", "Unknown"),
      missing("status.conditions[0].lastTransitionTime", "must be set"),
      missing("status.conditions[0].reason", "must be set"), bad("status.expectedPods", -1, AT_LEAST_0)]),
    ("node.k8s.io/v1", "runtimeclasses", {"handler": "a"}, "", {"handler": "b"}, [bad("handler", "b", "field is immutable")]),
    ("v1", "secrets", {"type": "Opaque", "immutable": True}, "",
     {"type": "x", "immutable": False, "data": {"a": "eA=="}},
     [bad("type", "x", "field is immutable"), forbidden("immutable", SPEC_KEPT), forbidden("data", SPEC_KEPT)]),
    (SERVICES, "apiservices", {"metadata": {"name": "v2.g.io"}, "spec": {
        "group": "g.io", "version": "v2", "groupPriorityMinimum": 5, "versionPriority": 2,
        "service": {"name": "s", "namespace": "default"}}},
     "/status", {"status": {"conditions": [{"type": "Available", "status": "Maybe"}]}},
     [unknown("status.conditions[0].status", "Maybe", "True", "False", "Unknown")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("api_version", "plural", "body", "door", "change", "words"),
    CHANGED,
    ids=[case[1] + case[3] for case in CHANGED],
)
async def test_a_wrong_change_is_refused_in_the_words_of_upstream(
    api, api_version, plural, body, door, change, words
):
    document = {"metadata": {"name": "x"}, **body}
    collection = place(api_version, plural)
    status, made = await api("POST", collection, document)
    assert status == 201, made
    path = f"{collection}/{document['metadata']['name']}{door}"
    status, answer = await api("PATCH", path, change, content_type=MERGE)
    assert complaints(status, answer) == words


ACCEPTED = [
    (NETWORKING, "ingresses", {
        "metadata": {"name": "x", "annotations": {"kubernetes.io/ingress.class": "a"}},
        "spec": {"defaultBackend": BACKEND, "ingressClassName": "a"}}),
    ("policy/v1", "poddisruptionbudgets", {"metadata": {"name": "A_B"}, "spec": {}}),
    (SLICES, "endpointslices", {"addressType": "IPv4", "endpoints": [], "ports": [{"port": 0}]}),
    (STORAGE, "volumeattributesclasses", {"driverName": "example.com/d", "parameters": {"a": "b"}}),
]  # fmt: skip


@pytest.mark.parametrize(("api_version", "plural", "body"), ACCEPTED, ids=[case[1] for case in ACCEPTED])
async def test_what_looks_wrong_and_is_not(api, api_version, plural, body):
    status, answer = await api("POST", place(api_version, plural), {"metadata": {"name": "x"}, **body})
    assert status == 201, answer


async def test_a_sentence_does_not_repeat_itself_where_causes_do(api):
    body = {"metadata": {"name": "x"}, **autoscaler(metrics=[{"type": "Foo"}])}
    _, answer = await api("POST", place("autoscaling/v2", "horizontalpodautoscalers"), body)
    assert len(answer["details"]["causes"]) == 2
    assert answer["message"] == (
        f'HorizontalPodAutoscaler.autoscaling "x" is invalid: {unknown("spec.metrics[0].type", "Foo", *METRICS)}'
    )
