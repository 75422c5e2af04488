"""What is accepted and warned of, in upstream's words: its own cases, in their order, as documents."""

import msgspec
import pytest

from pikube.api.served import SERVED

KINDS = {info.cls.names.kind: info for info in reversed(SERVED) if info.stored_in is None}
INT = {"name": "c", "image": "i"}


def warned(kind, old=None, **document):
    info = KINDS[kind]
    document = {"metadata": {"name": "foo"}, **document}
    new = msgspec.convert(document, info.cls)
    return info.warn(new, msgspec.convert({"metadata": {"name": "foo"}, **old}, info.cls) if old else None)


def of_pod(**spec):
    return warned("Pod", spec={"containers": [INT], **spec})


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"nodeSelector": {"beta.kubernetes.io/os": "linux"}},
            'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
        ),
        (
            {"topologySpreadConstraints": [{"topologyKey": "k", "maxSkew": 1}]},
            "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
        ),
        (
            {"volumes": [{"name": "g", "gitRepo": {"repository": "r"}}]},
            "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
        ),
        (
            {"hostAliases": [{"ip": "1.1.1.1"}, {"ip": "1.1.1.1"}]},
            'spec.hostAliases[1].ip: duplicate ip "1.1.1.1"',
        ),
        (
            {"imagePullSecrets": [{"name": "a"}, {"name": "a"}]},
            'spec.imagePullSecrets[1].name: duplicate name "a"',
        ),
        (
            {"imagePullSecrets": [{}]},
            'spec.imagePullSecrets[0].name: invalid empty name ""',
        ),
        (
            {"containers": [{**INT, "resources": {"requests": {"memory": "100m"}}}]},
            "spec.containers[0].resources.requests[memory]: "
            'fractional byte value "100m" is invalid, must be an integer',
        ),
        (
            {"containers": [{**INT, "env": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}]},
            'spec.containers[0].env[1]: hides previous definition of "a", which may be dropped when using apply',
        ),
        (
            {
                "containers": [
                    {**INT, "ports": [{"containerPort": 80, "protocol": "TCP"}]},
                    {
                        "name": "d",
                        "image": "i",
                        "ports": [{"containerPort": 80, "protocol": "TCP", "hostPort": 8}],
                    },
                ]
            },
            "spec.containers[1].ports[0]: overlapping port definition with spec.containers[0].ports[0]",
        ),
        (
            {
                "containers": [
                    {**INT, "ports": [{"containerPort": 80, "protocol": "TCP", "hostIP": "1.1.1.1"}]}
                ]
            },
            "spec.containers[0].ports[0]: hostIP set without hostPort: "
            "{Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.1.1.1}",
        ),
        (
            {"terminationGracePeriodSeconds": -1},
            "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
        ),
        (
            {
                "affinity": {
                    "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "k"}]}
                }
            },
            "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: "
            "a null labelSelector results in matching no pod",
        ),
        (
            {
                "volumes": [
                    {
                        "name": "v",
                        "configMap": {
                            "name": "m",
                            "items": [{"key": "a", "path": "d"}, {"key": "b", "path": "d/e"}],
                        },
                    }
                ]
            },
            'volume "v" (ConfigMap "m"): overlapping paths: "d/e" with "d"',
        ),
        (
            {
                "volumes": [
                    {
                        "name": "v",
                        "projected": {
                            "sources": [
                                {"serviceAccountToken": {"path": "t"}},
                                {"secret": {"name": "s", "items": [{"key": "a", "path": "t"}]}},
                            ]
                        },
                    }
                ]
            },
            'volume "v" (Projected Secret "s"): overlapping paths: "t" with "t"',
        ),
    ],
)
def test_a_new_pod_is_warned_of_and_an_old_one_and_a_plain_one_are_not(spec, words):
    assert of_pod(**spec) == [words]
    assert of_pod() == []
    assert warned("Pod", old={"spec": {}}, spec={"containers": [INT], **spec}) == []


def test_a_variable_that_adds_to_itself_hides_nothing():
    env = [{"name": "PATH", "value": "/a"}, {"name": "PATH", "value": "$(PATH):/b"}]
    assert of_pod(containers=[{**INT, "env": env}]) == []
    paths = [{"key": "a", "path": "config"}, {"key": "b", "path": "config.yaml"}]
    assert of_pod(volumes=[{"name": "v", "secret": {"secretName": "s", "items": paths}}]) == []


def test_names_that_are_no_labels_are_warned_of_where_pods_are_named_by_them():
    [words] = warned("Pod", metadata={"name": "a.b"}, spec={"containers": [INT]})
    assert words == (
        "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
        "a DNS label is recommended: [must not contain dots]"
    )
    for kind in ("Deployment", "ReplicaSet", "ReplicationController", "Job", "CronJob"):
        [words] = warned(kind, metadata={"name": "a.b"})
        assert "this is used in Pod names and hostnames" in words
    assert warned("DaemonSet", metadata={"name": "a.b"}) == []


def test_a_template_is_looked_at_when_the_generation_moves():
    notes = {"container.apparmor.security.beta.kubernetes.io/c": "unconfined"}
    template = {"template": {"metadata": {"annotations": notes}, "spec": {"containers": [INT]}}}
    [words] = warned("Deployment", spec=template)
    assert words == (
        "spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: "
        'deprecated since v1.30; use the "appArmorProfile" field instead'
    )
    old = {"metadata": {"name": "foo", "generation": 1}}
    assert warned("Deployment", old=old, metadata={"name": "foo", "generation": 1}, spec=template) == []
    assert warned("Deployment", old=old, metadata={"name": "foo", "generation": 2}, spec=template) == [words]
    jobs = {"jobTemplate": {"spec": template}}
    assert warned("CronJob", spec=jobs) == [words.replace("spec.", "spec.jobTemplate.spec.", 1)]


@pytest.mark.parametrize(
    ("kind", "document", "words"),
    [
        (
            "PersistentVolume",
            {"spec": {"persistentVolumeReclaimPolicy": "Recycle"}},
            [
                "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
                "Instead, the recommended approach is to use dynamic provisioning."
            ],
        ),
        (
            "PersistentVolume",
            {"spec": {"rbd": {}}},
            ["spec.rbd: deprecated in v1.28, non-functional in v1.31+"],
        ),
        (
            "PersistentVolumeClaim",
            {"metadata": {"annotations": {"volume.beta.kubernetes.io/storage-class": "slow"}}},
            [
                "metadata.annotations[volume.beta.kubernetes.io/storage-class]: "
                'deprecated since v1.8; use "storageClassName" attribute instead'
            ],
        ),
        (
            "PersistentVolumeClaim",
            {"spec": {"resources": {"requests": {"storage": "200500m"}}}},
            [
                'spec.resources.requests[storage]: fractional byte value "200500m" is invalid, must be an integer'
            ],
        ),
        (
            "Service",
            {"spec": {"type": "ClusterIP", "clusterIP": "None", "sessionAffinity": "ClientIP"}},
            ["spec.SessionAffinity is ignored for headless services"],
        ),
        (
            "Service",
            {"spec": {"type": "ClusterIP", "externalIPs": ["192.0.2.1"], "externalName": "a.b"}},
            [
                "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
                'spec.externalName is ignored when spec.type is not "ExternalName"',
            ],
        ),
        (
            "Service",
            {"spec": {"trafficDistribution": "PreferClose"}},
            ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'],
        ),
        (
            "Service",
            {"spec": {"loadBalancerSourceRanges": ["192.012.2.8/24"]}},
            [
                'spec.loadBalancerSourceRanges[0]: CIDR value "192.012.2.8/24" is ambiguous in this context '
                '(should be "192.12.2.0/24" or "192.12.2.8/32"?)',
                'spec.loadBalancerSourceRanges[0]: non-standard CIDR value "192.012.2.8/24" will be considered '
                'invalid in a future Kubernetes release: use "192.12.2.0/24"',
            ],
        ),
        (
            "Service",
            {
                "spec": {
                    "loadBalancerSourceRanges": ["::ffff:192.12.2.0/120"],
                    "loadBalancerIP": "2001:db8::0:1",
                }
            },
            [
                'spec.loadBalancerIP: IPv6 address "2001:db8::0:1" should be in RFC 5952 canonical format '
                '("2001:db8::1")',
                'spec.loadBalancerSourceRanges[0]: non-standard CIDR value "::ffff:192.12.2.0/120" will be '
                'considered invalid in a future Kubernetes release: use "192.12.2.0/24"',
            ],
        ),
        (
            "Ingress",
            {"metadata": {"annotations": {"kubernetes.io/ingress.class": "nginx"}}},
            [
                "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"
            ],
        ),
        (
            "NetworkPolicy",
            {
                "spec": {
                    "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.8/24", "except": ["10.0.0.0/30"]}}]}]
                }
            },
            [
                'spec.ingress[0].from[0].ipBlock.cidr: CIDR value "10.0.0.8/24" is ambiguous in this context '
                '(should be "10.0.0.0/24" or "10.0.0.8/32"?)'
            ],
        ),
        (
            "RuntimeClass",
            {"scheduling": {"nodeSelector": {"beta.kubernetes.io/arch": "arm"}}},
            ['scheduling.nodeSelector: deprecated since v1.14; use "kubernetes.io/arch" instead'],
        ),
        (
            "StorageClass",
            {
                "allowedTopologies": [
                    {"matchLabelExpressions": [{"key": "beta.kubernetes.io/os", "values": ["x"]}]}
                ]
            },
            [
                "allowedTopologies[0].matchLabelExpressions[0].key: "
                'deprecated since v1.14; use "kubernetes.io/os" instead'
            ],
        ),
        (
            "CSIStorageCapacity",
            {"nodeTopology": {"matchLabels": {"beta.kubernetes.io/os": "linux"}}},
            [
                "nodeTopology.matchLabels.beta.kubernetes.io/os: "
                'deprecated since v1.14; use "kubernetes.io/os" instead'
            ],
        ),
    ],
)
def test_other_kinds(kind, document, words):
    assert warned(kind, **document) == words
    assert warned(kind) == []
