"""What a pod's /etc/resolv.conf says, by dnsPolicy and dnsConfig."""

import pytest

from pikube.agent.pods.container_specs import DnsSettings, dns_of, dns_on_the_host, hosts_file
from pikube.api.kinds.core_pod import HostAlias, Pod, PodDNSConfig, PodDNSConfigOption, PodSpec
from pikube.api.kinds.meta import ObjectMeta

BOARD = DnsSettings(
    server="10.43.0.10", domain="cluster.local", host_servers=("192.168.1.1",), host_searches=("lan",)
)
CLUSTER = (
    ("10.43.0.10",),
    ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "lan"),
    ("ndots:5",),
)
HOST = (("192.168.1.1",), ("lan",), ())


def pod(**spec):
    return Pod(metadata=ObjectMeta(name="web", namespace="shop"), spec=PodSpec(**spec))


@pytest.mark.parametrize(("policy", "on_host", "wanted"), [
    ("ClusterFirst", False, CLUSTER),
    ("ClusterFirst", True, HOST),
    ("ClusterFirstWithHostNet", True, CLUSTER),
    ("Default", False, HOST),
    ("None", False, ((), (), ())),
])  # fmt: skip
def test_a_policy_says_who_is_asked(policy, on_host, wanted):
    assert dns_of(pod(dns_policy=policy, host_network=on_host), BOARD) == wanted


def test_a_config_adds_to_the_policy_and_its_options_win():
    options = (PodDNSConfigOption(name="ndots", value="2"), PodDNSConfigOption(name="edns0"))
    config = PodDNSConfig(
        nameservers=("1.1.1.1", "10.43.0.10"), searches=("lan", "example.org"), options=options
    )
    servers, searches, named = dns_of(pod(dns_policy="ClusterFirst", dns_config=config), BOARD)
    assert servers == ("10.43.0.10", "1.1.1.1")
    assert searches == (*CLUSTER[1], "example.org")
    assert named == ("ndots:2", "edns0")


@pytest.mark.parametrize(("spec", "wanted"), [
    ({"dns_policy": "ClusterFirstWithHostNet"}, CLUSTER),
    ({"dns_policy": "ClusterFirst"}, ((), (), ())),  # the host's own file
    ({"dns_policy": "Default"}, ((), (), ())),
    ({"dns_policy": "None", "dns_config": PodDNSConfig(nameservers=("1.1.1.1",))}, (("1.1.1.1",), (), ())),
    ({"dns_policy": "ClusterFirst", "dns_config": PodDNSConfig(searches=("x",))}, (HOST[0], ("lan", "x"), ())),
])  # fmt: skip
def test_a_pod_on_the_hosts_network_sees_the_hosts_file_unless_it_wants_another(spec, wanted):
    assert dns_on_the_host(pod(host_network=True, **spec), BOARD) == wanted
    assert dns_on_the_host(pod(**spec), BOARD) == ((), (), ()), "its sandbox gives it one"


def test_a_pod_on_the_boards_network_adds_its_aliases_to_the_boards_hosts():
    aliases = (HostAlias(ip="192.0.2.9", hostnames=("nas", "nas.lan")),)
    text = hosts_file(
        pod(host_network=True, host_aliases=aliases), "192.0.2.1", "cluster.local", "127.0.0.1 me\n"
    )
    assert text.splitlines()[1:] == ["127.0.0.1 me", "192.0.2.9\tnas nas.lan"]
    own = hosts_file(pod(host_aliases=aliases), "10.42.0.7", "cluster.local")
    assert own.splitlines()[1] == "127.0.0.1\tlocalhost"
    assert own.splitlines()[-1] == "192.0.2.9\tnas nas.lan"
