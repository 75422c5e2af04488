"""Routes to other boards' pods, and what a host is left with."""

import os
import subprocess
import sys

import pytest

from pikube.api.kinds.core_node import Node, NodeAddress, NodeSpec, NodeStatus
from pikube.api.kinds.meta import ObjectMeta
from pikube.netproxy.host_network import render_nat
from pikube.netproxy.netlink import open_netlink
from pikube.netproxy.pod_routes import compute_changes, compute_routes, words_for


def node(name, cidr, *addresses):
    return Node(
        metadata=ObjectMeta(name=name),
        spec=NodeSpec(pod_cidr=cidr),
        status=NodeStatus(addresses=tuple(NodeAddress(type="InternalIP", address=a) for a in addresses)),
    )


ONE, TWO = node("one", "10.42.0.0/24", "192.168.1.10"), node("two", "10.42.1.0/24", "192.168.1.11")


def test_every_other_node_with_a_range_and_an_address_has_a_route():
    bare, away = node("bare", "", "192.168.1.12"), node("away", "10.42.3.0/24")
    assert compute_routes([ONE, TWO, bare, away], "one") == {"10.42.1.0/24": "192.168.1.11"}


def test_routes_follow_joins_leaves_and_address_changes():
    present = {"10.42.1.0/24": "192.168.1.11", "10.42.7.0/24": "192.168.1.17"}
    wanted = {"10.42.1.0/24": "192.168.1.99", "10.42.2.0/24": "192.168.1.12"}
    assert compute_changes(wanted, present) == (wanted, ["10.42.7.0/24"])
    assert compute_changes(wanted, wanted) == ({}, [])


def test_boards_that_are_apart_are_named():
    words = words_for({"10.42.1.0/24": "192.168.1.11"}, [ONE, TWO])
    assert words == "not on one link with this node, so that its pods cannot be reached: two (192.168.1.11)"
    assert words_for({}, [ONE, TWO]) == ""


def test_pods_keep_their_address_among_pods_and_lose_it_outside():
    text = render_nat("10.42.0.0/16")
    assert text.index("snat to ip saddr") < text.index("masquerade")


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a network namespace")
def test_what_a_host_is_left_with_is_listed_and_taken_away(tmp_path):
    """In a namespace of its own; the picture before and after is the same."""
    name = f"pk{os.getpid()}left"
    script = f"""
import json, pathlib
from pikube.netproxy.host_network import HostNetwork, forward_rules, run
from pikube.netproxy.leftovers import list_leftovers, remove_leftovers
from pikube.netproxy.pod_routes import _apply, has_routes
from pikube.netproxy.targets import Listener
directory = pathlib.Path({str(tmp_path)!r})
def picture():
    shown = [run("ip", "-4", "route", "show", "table", "all").stdout, run("ip", "-4", "address").stdout]
    forward = pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text()
    return [*shown, run("nft", "list", "ruleset").stdout, forward]
run("ip", "link", "set", "lo", "up")
run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far")
run("ip", "link", "set", "far", "up")
run("ip", "address", "add", "192.168.1.10/24", "dev", "eth0")
run("ip", "link", "set", "eth0", "up")
pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("0")
before = picture()
host = HostNetwork("10.43.0.0/16", "10.42.0.0/16", directory)
host.set_up(); host.set_up()
assert host.carries_pods and forward_rules() == [], "where nobody drops packets nothing is said"
host.allow_known([Listener("TCP", "10.43.0.1", 443)])
assert "10.43.0.1 . tcp . 443" in picture()[2], "after a reboot: what is remembered is let in"
host.allow([Listener("TCP", "10.43.0.1", 443), Listener("TCP", "10.43.0.2", 80)])
HostNetwork("10.43.0.0/16", "10.42.0.0/16", directory).allow_known([Listener("TCP", "10.43.0.1", 443)])
assert "10.43.0.2 . tcp . 80" in picture()[2], "a restart within seconds of a new Service refuses nobody"
assert not has_routes(), "the route for Services is none of a board's"
assert _apply({{"10.42.1.0/24": "192.168.1.11", "10.42.2.0/24": "203.0.113.9"}}) == {{"10.42.2.0/24": "203.0.113.9"}}
assert "10.42.1.0/24 via 192.168.1.11" in picture()[0] and has_routes()
assert _apply({{"10.42.3.0/24": "192.168.1.13"}}) == {{}}
assert "10.42.1.0/24" not in picture()[0] and "local 10.43.0.0/16" in picture()[0]
assert _apply({{}}) == {{}} and not has_routes(), "the last other board has left"
assert _apply({{"10.42.3.0/24": "192.168.1.13"}}) == {{}}
run("ip", "address", "add", "192.168.1.240/32", "dev", "eth0", "label", "eth0:pikube")
run("nft", "flush", "ruleset")
host.keep()
assert "10.43.0.2 . tcp . 80" in picture()[2] and "masquerade" in picture()[2], "a firewall was reloaded"
run("iptables", "-P", "FORWARD", "DROP")
host.keep(); host.keep()
assert [rule[1:3] for rule in forward_rules()] == [["-d", "10.42.0.0/16"], ["-s", "10.42.0.0/16"]], forward_rules()
listed = list_leftovers(directory)
assert remove_leftovers(directory) == listed
assert list_leftovers(directory) == []
assert run("iptables", "-S", "FORWARD").stdout.split() == ["-P", "FORWARD", "DROP"]
run("nft", "delete", "table", "ip", "filter")
assert picture() == before, (picture(), before)
print(json.dumps(listed))
"""
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        argv = ["ip", "netns", "exec", name, sys.executable, "-c", script]
        done = subprocess.run(argv, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        for words in (
            "route local 10.43.0.0/16",
            "route 10.42.3.0/24",
            "nft table",
            "iptables rule FORWARD -s 10.42.0.0/16",
            "192.168.1.240",
            "forwarding",
        ):
            assert words in done.stdout
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def test_what_netlink_refuses_is_an_error_of_the_system():
    """An interface that goes while the kernel is asked for it must not end a program."""
    with pytest.raises(OSError, match="No such device"), open_netlink() as netlink:
        netlink.get_links(2**30)
