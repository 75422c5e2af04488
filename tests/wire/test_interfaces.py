"""Which interfaces are of the LAN."""

import pytest

from pikube.wire.interfaces import is_of_lan, lan_addresses


@pytest.mark.parametrize(
    ("interface", "expected"),
    [
        *((name, True) for name in ("eth0", "end0", "enp3s0", "wlan0", "wlp2s0", "usb0", "br0", "bond0", "eth0.10")),
        *((name, False) for name in ("lo", "podman0", "podman1", "pikube0", "veth1a2b", "br-5f3c", "docker0", "wg0")),
        *((name, False) for name in ("cni0", "flannel.1", "virbr0", "tailscale0", "tun0")),
    ],
)  # fmt: skip
def test_interfaces_of_containers_and_tunnels_are_not_of_the_lan(interface, expected):
    assert is_of_lan(interface) is expected


def test_the_setting_alone_decides_when_it_is_given():
    assert is_of_lan("veth7", ["veth*"])
    assert not is_of_lan("eth0:pikube") and not is_of_lan("eth0:pikube", ["eth*"]), (
        "a balancer's address moves"
    )
    assert not is_of_lan("eth0", ["wlan0", "veth*"])


def test_addresses_are_those_that_the_server_answers_on():
    assert lan_addresses(["lo"]) == ()  # a loopback address leads nobody here, whatever the setting says
    for address in lan_addresses(bind="0.0.0.0"):
        assert "." in address
    assert lan_addresses(bind="192.0.2.222") == ()
