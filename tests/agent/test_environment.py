"""The variables of a container: precedence, references to one another, objects, the downward API, services."""

import base64

import msgspec
import pytest

from pikube.agent.pods.environment import (
    ConfigMissing,
    Facts,
    environment_of,
    expand,
    full_name_of,
    hostname_of,
    kernel_name_of,
)
from pikube.api.kinds.core_config import ConfigMap, Secret
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service

POD = {
    "metadata": {
        "name": "p", "namespace": "shop", "uid": "u-1", "labels": {"app": "web"}, "annotations": {"note": 'a "b"\nc'},
    },
    "spec": {"nodeName": "pi", "serviceAccountName": "robot", "enableServiceLinks": False},
}  # fmt: skip
SERVICE = {
    "metadata": {"name": "my-db", "namespace": "shop"},
    "spec": {"clusterIP": "10.43.0.5", "ports": [
        {"name": "sql", "port": 5432, "protocol": "TCP"}, {"name": "stats-udp", "port": 53, "protocol": "UDP"},
    ]},
}  # fmt: skip


def variables(container, pod=POD, **facts):
    whole = {**pod, "spec": {**pod["spec"], "containers": [{"name": "c", **container}]}}
    found = msgspec.convert(whole, Pod)
    return environment_of(found, found.spec.containers[0], Facts(**facts))


def config(name, **data):
    return {name: msgspec.convert({"data": data}, ConfigMap)}


def secret(name, **data):
    coded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {name: msgspec.convert({"data": coded}, Secret)}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$(A)-$(B)", "1-2"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$(NOPE) $A $", "$(NOPE) $A $"),
        ("$(A", "$(A"),
        ("", ""),
        ("plain", "plain"),
    ],
)
def test_references_are_expanded_and_what_is_unknown_or_doubled_is_not(text, wanted):
    assert expand(text, {"A": "1", "B": "2"}) == wanted


def test_later_and_nearer_sources_win_and_only_what_stands_before_is_known():
    found = variables(
        {
            "envFrom": [
                {"configMapRef": {"name": "one"}},
                {"prefix": "X_", "secretRef": {"name": "two"}},
                {"configMapRef": {"name": "absent", "optional": True}},
            ],
            "env": [
                {"name": "early", "value": "$(late) $(X_pass) $(plain)"},
                {"name": "late", "value": "now"},
                {"name": "plain", "value": "over"},
                {"name": "again", "value": "$(late)!"},
            ],
        },
        config_maps=config("one", plain="from-map") | {"absent": None},
        secrets=secret("two", **{"pass": "pw"}),
    )
    assert found["early"] == "$(late) pw from-map"
    assert (found["plain"], found["again"], found["X_pass"], found["HOSTNAME"]) == ("over", "now!", "pw", "p")
    assert "pass" not in found


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"configMapKeyRef": {"name": "m", "key": "k"}}, 'configmap "m" not found'),
        ({"secretKeyRef": {"name": "s", "key": "k"}}, 'secret "s" not found'),
        ({"configMapKeyRef": {"name": "there", "key": "k"}}, "couldn't find key k in ConfigMap shop/there"),
        ({"secretKeyRef": {"name": "there", "key": "k"}}, "couldn't find key k in Secret shop/there"),
    ],
)
def test_what_is_missing_is_named_unless_it_is_optional(source, words):
    facts = {
        "config_maps": {"m": None, **config("there", other="x")},
        "secrets": {"s": None, **secret("there", other="x")},
    }
    with pytest.raises(ConfigMissing) as missing:
        variables({"env": [{"name": "A", "valueFrom": source}]}, **facts)
    assert str(missing.value) == words
    kind, ref = next(iter(source.items()))
    optional = {"name": "A", "valueFrom": {kind: {**ref, "optional": True}}}
    assert "A" not in variables({"env": [optional]}, **facts)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("metadata.name", "p"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "u-1"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels['nope']", ""),
        ("metadata.annotations['note']", 'a "b"\nc'),
        ("metadata.annotations", 'note="a \\"b\\"\\nc"'),
        ("spec.nodeName", "pi"),
        ("spec.serviceAccountName", "robot"),
        ("status.podIP", "10.42.0.9"),
        ("status.podIPs", "10.42.0.9"),
        ("status.hostIP", "192.0.2.1"),
        ("status.hostIPs", "192.0.2.1"),
    ],
)
def test_the_downward_api_tells_of_the_pod(path, wanted):
    container = {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}
    assert variables(container, pod_ip="10.42.0.9", host_ip="192.0.2.1")["A"] == wanted


def test_annotations_are_quoted_as_go_quotes_them():
    told = {"c": "tab\t bell\a ret\r nul\x00 del\x7f", "w": "é ☃ \u00a0 \U000e0001", "e": ""}
    pod = {**POD, "metadata": {**POD["metadata"], "annotations": told}}
    container = {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations"}}}]}
    assert variables(container, pod)["A"].split("\n") == [
        r'c="tab\t bell\a ret\r nul\x00 del\x7f"', 'e=""', r'w="é ☃ \u00a0 \U000e0001"',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "divisor", "wanted"),
    [
        ("limits.cpu", None, "2"),  # 1500m, rounded up
        ("limits.cpu", "1m", "1500"),
        ("requests.cpu", "1m", "250"),
        ("limits.memory", None, "67108864"),
        ("limits.memory", "1Mi", "64"),
        ("limits.memory", "1Gi", "1"),
        ("requests.memory", "1Mi", "0"),
        ("limits.ephemeral-storage", "1", "1000"),  # without a limit: what the node has
    ],
)
def test_resources_are_divided_and_rounded_up(resource, divisor, wanted):
    ref = {"resource": resource, **({"divisor": divisor} if divisor else {})}
    container = {
        "resources": {"limits": {"cpu": "1500m", "memory": "64Mi"}, "requests": {"cpu": "250m"}},
        "env": [{"name": "A", "valueFrom": {"resourceFieldRef": ref}}],
    }
    assert variables(container, allocatable={"ephemeral-storage": "1000"})["A"] == wanted


def test_services_of_the_namespace_are_told_as_docker_links_did():
    linked = {**POD, "spec": {**POD["spec"], "enableServiceLinks": True}}
    other = {"metadata": {"name": "far", "namespace": "else"}, "spec": SERVICE["spec"]}
    headless = {
        "metadata": {"name": "bare", "namespace": "shop"},
        "spec": {**SERVICE["spec"], "clusterIP": "None"},
    }
    https = {"name": "https", "port": 443, "protocol": "TCP"}
    api = {
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "spec": {"clusterIP": "10.43.0.1", "ports": [https]},
    }
    services = [msgspec.convert(each, Service) for each in (SERVICE, other, headless, api)]
    found = variables({}, pod=linked, services=services)
    assert {k: v for k, v in found.items() if k.startswith("MY_DB")} == {
        "MY_DB_SERVICE_HOST": "10.43.0.5",
        "MY_DB_SERVICE_PORT": "5432",
        "MY_DB_SERVICE_PORT_SQL": "5432",
        "MY_DB_SERVICE_PORT_STATS_UDP": "53",
        "MY_DB_PORT": "tcp://10.43.0.5:5432",
        "MY_DB_PORT_5432_TCP": "tcp://10.43.0.5:5432",
        "MY_DB_PORT_5432_TCP_PROTO": "tcp",
        "MY_DB_PORT_5432_TCP_PORT": "5432",
        "MY_DB_PORT_5432_TCP_ADDR": "10.43.0.5",
        "MY_DB_PORT_53_UDP": "udp://10.43.0.5:53",
        "MY_DB_PORT_53_UDP_PROTO": "udp",
        "MY_DB_PORT_53_UDP_PORT": "53",
        "MY_DB_PORT_53_UDP_ADDR": "10.43.0.5",
    }
    assert not any(name.startswith(("FAR", "BARE")) for name in found)
    assert found["KUBERNETES_SERVICE_HOST"] == "10.43.0.1"
    assert sorted(variables({}, services=services)) == sorted(
        [*(n for n in found if n.startswith("KUBERNETES")), "HOSTNAME"]
    )


@pytest.mark.parametrize(
    ("spec", "short", "full", "kernel"),
    [
        ({}, "p", "", "p"),
        ({"hostname": "h"}, "h", "", "h"),
        ({"subdomain": "sub"}, "p", "p.sub.shop.svc.k.l", "p"),
        ({"subdomain": "sub", "setHostnameAsFQDN": True}, "p", "p.sub.shop.svc.k.l", "p.sub.shop.svc.k.l"),
        ({"setHostnameAsFQDN": True}, "p", "", "p"),
        ({"hostname": "h", "subdomain": "sub", "hostnameOverride": "mine.home"}, "mine.home", "", "mine.home"),
    ],
)  # fmt: skip
def test_a_pod_has_a_short_name_and_perhaps_a_full_one(spec, short, full, kernel):
    found = msgspec.convert({**POD, "spec": spec}, Pod)
    assert (hostname_of(found), full_name_of(found, "k.l"), kernel_name_of(found, "k.l")) == (
        short,
        full,
        kernel,
    )


def test_the_name_that_the_kernel_knows_is_told_unless_the_container_says_otherwise():
    found = msgspec.convert({**POD, "spec": {"containers": [{"name": "c"}]}}, Pod)
    assert environment_of(found, found.spec.containers[0], Facts(), "p.sub.shop")["HOSTNAME"] == "p.sub.shop"
    assert variables({"env": [{"name": "HOSTNAME", "value": "me"}]})["HOSTNAME"] == "me"
