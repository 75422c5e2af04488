"""Ingresses, policies, slices, roles, classes, quotas, limits, volumes, webhooks: upstream's words, one case a line."""

import copy

import pytest

from pikube.api.codec import from_builtins
from pikube.api.kinds.admission import ValidatingWebhookConfiguration
from pikube.api.kinds.coordination import Lease
from pikube.api.kinds.core_config import LimitRange, ResourceQuota
from pikube.api.kinds.core_storage import PersistentVolume
from pikube.api.kinds.discovery import EndpointSlice
from pikube.api.kinds.networking import Ingress, IngressClass, NetworkPolicy
from pikube.api.kinds.rbac import ClusterRole, Role
from pikube.api.kinds.scheduling import PriorityClass
from pikube.api.kinds.storage import StorageClass
from pikube.api.scheme import Scheme
from pikube.api.served import SERVED

SCHEME = Scheme(SERVED)
META = {"metadata": {"name": "x", "namespace": "default"}}
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
PATH = {"path": "/", "pathType": "Prefix", "backend": BACKEND}
INGRESS = {**META, "spec": {"rules": [{"host": "a.example", "http": {"paths": [PATH]}}]}}
POLICY = {
    **META,
    "spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}]},
}
SLICE = {**META, "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"port": 80}]}
RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
HOOK = {
    "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
    "clientConfig": {"url": "https://example.com/x"},
    "rules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}],
}  # fmt: skip
VOLUME = {
    **META,
    "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}},
}
SOUND = {
    Ingress: INGRESS,
    IngressClass: {**META, "spec": {"controller": "example.com/ingress"}},
    NetworkPolicy: POLICY,
    EndpointSlice: SLICE,
    Role: {**META, "rules": [RULE]},
    ClusterRole: {**META, "rules": [RULE, {"nonResourceURLs": ["/x"], "verbs": ["get"]}]},
    StorageClass: {**META, "provisioner": "example.com/p"},
    PriorityClass: {**META, "value": 5},
    Lease: {**META, "spec": {"leaseDurationSeconds": 5}},
    ResourceQuota: {
        **META,
        "spec": {"hard": {"pods": "3", "requests.cpu": "1", "count/widgets.example.com": "1"}},
    },
    LimitRange: {
        **META,
        "spec": {"limits": [{"type": "Container", "min": {"cpu": "1m"}, "max": {"cpu": "2"}}]},
    },
    PersistentVolume: VOLUME,
    ValidatingWebhookConfiguration: {**META, "webhooks": [HOOK]},
}


def complaints(cls, document):
    obj = from_builtins(document, cls)
    info = SCHEME.by_class(cls)
    info.default(obj)
    return [f"{cause.field}: {cause.message}" for cause in info.validate(obj)]


@pytest.mark.parametrize("cls", SOUND, ids=lambda cls: cls.__name__)
def test_a_sound_object_is_accepted(cls):
    assert complaints(cls, SOUND[cls]) == []


BROKEN = [
    (
        Ingress,
        "spec.rules",
        [],
        "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified",
    ),
    (
        Ingress,
        "spec.rules.0.host",
        "10.0.0.1",
        'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
    ),
    (
        Ingress,
        "spec.rules.0.http.paths.0.pathType",
        None,
        "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
    ),
    (
        Ingress,
        "spec.rules.0.http.paths.0.path",
        "x",
        'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
    ),
    (
        Ingress,
        "spec.rules.0.http.paths.0.backend.service.port",
        {},
        "spec.rules[0].http.paths[0].backend: Required value: port name or number is required",
    ),
    (
        Ingress,
        "spec.rules.0.http.paths.0.backend",
        {},
        'spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required',
    ),
    (
        IngressClass,
        "spec.controller",
        "nginx",
        'spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")',
    ),
    (
        NetworkPolicy,
        "spec.ingress.0.from.0",
        {},
        "spec.ingress[0].from[0]: Required value: must specify a peer",
    ),
    (
        NetworkPolicy,
        "spec.ingress.0.ports.0",
        {"port": 80, "endPort": 70},
        "spec.ingress[0].ports[0].endPort: Invalid value: 70: must be greater than or equal to `port`",
    ),
    (
        NetworkPolicy,
        "spec.ingress.0.from.0",
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}},
        'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/8": must be a strict subset of `cidr`',
    ),
    (
        NetworkPolicy,
        "spec.policyTypes",
        ["Sideways"],
        'spec.policyTypes[0]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"',
    ),
    (
        EndpointSlice,
        "addressType",
        "IPX",
        'addressType: Unsupported value: "IPX": supported values: "FQDN", "IPv4", "IPv6"',
    ),
    (
        EndpointSlice,
        "endpoints.0.addresses",
        [],
        "endpoints[0].addresses: Required value: must contain at least 1 address",
    ),
    (
        EndpointSlice,
        "endpoints.0.addresses.0",
        "127.0.0.1",
        'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ),
    (Role, "rules.0.verbs", [], "rules[0].verbs: Required value: verbs must contain at least one value"),
    (
        Role,
        "rules.0",
        {"nonResourceURLs": ["/x"], "verbs": ["get"]},
        'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
    ),
    (
        ClusterRole,
        "rules.0.apiGroups",
        [],
        "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
    ),
    (
        StorageClass,
        "reclaimPolicy",
        "Recycle",
        'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
    ),
    (
        PriorityClass,
        "value",
        2_000_000_000,
        "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
    ),
    (
        PriorityClass,
        "metadata.name",
        "system-x",
        "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only",
    ),
    (
        Lease,
        "spec.leaseDurationSeconds",
        0,
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
    ),
    (
        ResourceQuota,
        "spec.hard.bananas",
        "1",
        'spec.hard[bananas]: Invalid value: "bananas": must be a standard resource for quota',
    ),
    (
        ResourceQuota,
        "spec.hard.pods",
        "-1",
        'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0',
    ),
    (
        LimitRange,
        "spec.limits.0.min.cpu",
        "3",
        'spec.limits[0].min[cpu]: Invalid value: "3": min value 3 is greater than max value 2',
    ),
    (
        LimitRange,
        "spec.limits.0",
        {"type": "Pod", "default": {"cpu": "1"}},
        "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
    ),
    (
        LimitRange,
        "spec.limits.0",
        {"type": "PersistentVolumeClaim"},
        "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided",
    ),
    (PersistentVolume, "spec.hostPath", None, "spec: Required value: must specify a volume type"),
    (PersistentVolume, "spec.capacity", {}, "spec.capacity: Required value"),
    (PersistentVolume, "spec.accessModes", [], "spec.accessModes: Required value"),
    (
        ValidatingWebhookConfiguration,
        "webhooks.0.name",
        "hook",
        'webhooks[0].name: Invalid value: "hook": should be a domain with at least three segments separated by dots',
    ),
    (
        ValidatingWebhookConfiguration,
        "webhooks.0.sideEffects",
        None,
        "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
    ),
    (
        ValidatingWebhookConfiguration,
        "webhooks.0.clientConfig",
        {},
        "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
    ),
    (
        ValidatingWebhookConfiguration,
        "webhooks.0.timeoutSeconds",
        60,
        "webhooks[0].timeoutSeconds: Invalid value: 60: the timeout value must be between 1 and 30 seconds",
    ),
]


@pytest.mark.parametrize(
    ("cls", "path", "value", "words"), BROKEN, ids=[f"{c.__name__}-{p}-{v}"[:60] for c, p, v, _ in BROKEN]
)
def test_a_broken_object_is_told_what_is_wrong(cls, path, value, words):
    document = copy.deepcopy(SOUND[cls])
    *steps, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    here = document
    for step in steps:
        here = here[step]
    if value is None:
        here.pop(last)
    else:
        here[last] = value
    assert words in complaints(cls, document)


UPDATES = [
    (
        StorageClass,
        "provisioner",
        "example.com/q",
        "provisioner: Forbidden: updates to provisioner are forbidden.",
    ),
    (PriorityClass, "value", 6, "value: Forbidden: may not be changed in an update."),
    (
        IngressClass,
        "spec.controller",
        "b.example/c",
        'spec.controller: Invalid value: "b.example/c": field is immutable',
    ),
    (EndpointSlice, "addressType", "FQDN", 'addressType: Invalid value: "FQDN": field is immutable'),
    (
        PersistentVolume,
        "spec.hostPath.path",
        "/y",
        "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation",
    ),
    (
        ResourceQuota,
        "spec.scopes",
        ["BestEffort"],
        'spec.scopes: Invalid value: ["BestEffort"]: field is immutable',
    ),
]


@pytest.mark.parametrize(("cls", "path", "value", "words"), UPDATES, ids=[c.__name__ for c, *_ in UPDATES])
def test_what_may_not_change_does_not(cls, path, value, words):
    document = copy.deepcopy(SOUND[cls])
    *steps, last = path.split(".")
    here = document
    for step in steps:
        here = here[step]
    here[last] = value
    info = SCHEME.by_class(cls)
    new, old = from_builtins(document, cls), from_builtins(SOUND[cls], cls)
    info.default(new)
    info.default(old)
    assert words in [f"{cause.field}: {cause.message}" for cause in info.validate_update(new, old)]
    assert info.validate_update(old, old) == []
