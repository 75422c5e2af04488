"""Services, claims and bindings that kube-apiserver refuses are refused, in its words and in its order."""

import copy

import pytest

from pikube.api.codec import from_builtins
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.rbac import ClusterRoleBinding, RoleBinding
from pikube.api.scheme import Scheme
from pikube.api.served import SERVED

SCHEME = Scheme(SERVED)
BALANCER = "Forbidden: may only be used when `type` is 'LoadBalancer'"
NAMED = "may not be set for ExternalName services"
DNS = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
RBAC = "rbac.authorization.k8s.io"
OUTSIDE = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30500}


def made(cls, spec, **more):
    document = {"metadata": {"name": "p"}, **({"spec": spec} if spec else {}), **more}
    obj = from_builtins(copy.deepcopy(document), cls)
    SCHEME.by_class(cls).default(obj)
    return obj


def causes_of(cls, spec=None, **more):
    return said(SCHEME.by_class(cls).validate(made(cls, spec, **more)))


def said(causes):
    return [f"{cause.field}: {cause.message}" for cause in causes]


def same(found, wanted):
    assert len(found) == len(wanted), found
    for text, start in zip(found, wanted, strict=True):
        assert text.startswith(start)


SERVICES = {
    "nothing": ({"ports": []}, ["spec.ports: Required value"]),
    "another name": (
        {"type": "ExternalName", "externalName": "A_b", "clusterIP": "1.1.1.1", "ipFamilies": ["IPv4"],
         "ipFamilyPolicy": "SingleStack", "ports": []},
        [f"spec.clusterIPs: Forbidden: {NAMED}", f"spec.ipFamilies: Forbidden: {NAMED}",
         f"spec.ipFamilyPolicy: Forbidden: {NAMED}", f'spec.externalName: Invalid value: "A_b": {DNS}'],
    ),
    "no name": ({"type": "ExternalName", "ports": []}, ["spec.externalName: Required value"]),
    "a kind that is none does not hide the rest": (
        {"type": "Foo", "sessionAffinity": "Bar"},
        ['spec.sessionAffinity: Unsupported value: "Bar": supported values: "ClientIP", "None"',
         'spec.type: Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
    ),
    "no address to be reached at": (
        {"type": "NodePort", "clusterIP": "None"},
        ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
    ),
    "ports come first, what is double among them last": (
        {"ports": [{"port": 0, "targetPort": 1, "nodePort": 30001}, {"port": 80, "name": "b"},
                   {"port": 80, "name": "b", "nodePort": 30001}], "selector": {"a b": ""}},
        ["spec.ports[0].name: Required value", "spec.ports[0].port: Invalid value: 0",
         'spec.ports[2].name: Duplicate value: "b"', 'spec.selector: Invalid value: "a b"',
         "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
         "spec.ports[2].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
         "spec.ports[2].nodePort: Duplicate value: 30001",
         'spec.ports[2]: Duplicate value: {"protocol":"TCP","port":80}'],
    ),
    "families": (
        {"ipFamilyPolicy": "Foo", "ipFamilies": ["IPv5", "IPv5"]},
        ['spec.ipFamilyPolicy: Unsupported value: "Foo"', 'spec.ipFamilies[0]: Unsupported value: "IPv5"',
         'spec.ipFamilies[1]: Unsupported value: "IPv5"', 'spec.ipFamilies[1]: Duplicate value: "IPv5"'],
    ),
    "what only a balancer has": (
        {"loadBalancerSourceRanges": ["x"], "allocateLoadBalancerNodePorts": True, "loadBalancerClass": "a"},
        [f"spec.LoadBalancerSourceRanges: {BALANCER}", 'spec.LoadBalancerSourceRanges[0]: Invalid value: "x"',
         f"spec.allocateLoadBalancerNodePorts: {BALANCER}", f"spec.loadBalancerClass: {BALANCER}"],
    ),
    "traffic": (
        {"externalTrafficPolicy": "Local", "healthCheckNodePort": 30500, "internalTrafficPolicy": "Foo",
         "trafficDistribution": "Foo"},
        ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
         "spec.healthCheckNodePort: Invalid value: 30500: may only be set when `type` is 'LoadBalancer' and",
         'spec.internalTrafficPolicy: Unsupported value: "Foo": supported values: "Cluster", "Local"',
         'spec.trafficDistribution: Unsupported value: "Foo"'],
    ),
    "a way from outside that is none": (
        {"type": "NodePort", "externalTrafficPolicy": "Foo"},
        ['spec.externalTrafficPolicy: Unsupported value: "Foo": supported values: "Cluster", "Local"'],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "wanted"), SERVICES.values(), ids=SERVICES)
def test_services_that_are_refused(spec, wanted):
    same(causes_of(Service, {"ports": [{"port": 80}], **spec}), wanted)


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "ExternalName", "externalName": "example.com.", "ports": []},
        {"clusterIP": "None", "ports": []},
        {"externalIPs": ["1.2.3.4"], "externalTrafficPolicy": "Local"},
        {"ports": [{"port": 53, "name": "u", "protocol": "UDP"}, {"port": 53, "name": "t"}]},
        OUTSIDE,
    ],
)
def test_services_that_are_not_refused(spec):
    assert causes_of(Service, {"ports": [{"port": 80}], **spec}) == []


def test_who_is_reached_at_addresses_of_others_has_a_way_from_outside():
    service = made(Service, {"ports": [{"port": 80}], "externalIPs": ["1.2.3.4"]})
    assert service.spec.external_traffic_policy == "Cluster"


def test_what_is_set_for_good_is_said_before_the_rest():
    old = made(Service, {"ports": [{"port": 80}], "clusterIP": "10.0.0.1", **OUTSIDE})
    new = {**OUTSIDE, "healthCheckNodePort": 30501, "sessionAffinity": "Foo", "loadBalancerClass": "a"}
    changed = made(Service, {"ports": [{"port": 80}], "clusterIP": "10.0.0.2", **new})
    same(
        said(SCHEME.by_class(Service).validate_update(changed, old)),
        [
            'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set',
            'spec.loadBalancerClass: Invalid value: "a": may not change once set',
            "spec.healthCheckNodePort: Forbidden: field is immutable",
            'spec.sessionAffinity: Unsupported value: "Foo"',
        ],
    )


def test_claims_that_are_refused():
    modes = ["ReadWriteOncePod", "ReadWriteOnce"]
    spec = {"accessModes": modes, "resources": {"requests": {"storage": "-1"}}, "storageClassName": "A_b"}
    same(
        causes_of(PersistentVolumeClaim, spec),
        [
            "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
            'spec.resources[storage]: Invalid value: "-1": must be greater than zero',
            f'spec.storageClassName: Invalid value: "A_b": {DNS}',
        ],
    )


@pytest.mark.parametrize(
    ("cls", "kinds", "namespace"),
    [
        (RoleBinding, '"Role", "ClusterRole"', []),
        (ClusterRoleBinding, '"ClusterRole"', ["subjects[1].namespace: Required value"]),
    ],
)
def test_bindings_that_are_refused(cls, kinds, namespace):
    subjects = [
        {"kind": "Foo"},
        {"kind": "ServiceAccount", "name": "A_", "apiGroup": "x"},
        {"kind": "User", "apiGroup": "y"},
    ]
    found = causes_of(cls, roleRef={"apiGroup": "x", "kind": "Foo", "name": "a/b"}, subjects=subjects)
    same(
        found,
        [
            f'roleRef.apiGroup: Unsupported value: "x": supported values: "{RBAC}"',
            f'roleRef.kind: Unsupported value: "Foo": supported values: {kinds}',
            "roleRef.name: Invalid value: \"a/b\": may not contain '/'",
            "subjects[0].name: Required value",
            'subjects[0].kind: Unsupported value: "Foo": supported values: "ServiceAccount", "User", "Group"',
            f'subjects[1].name: Invalid value: "A_": {DNS}',
            'subjects[1].apiGroup: Unsupported value: "x": supported values: ""',
            *namespace,
            "subjects[2].name: Required value",
            f'subjects[2].apiGroup: Unsupported value: "y": supported values: "{RBAC}"',
        ],
    )
