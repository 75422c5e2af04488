"""The default route that a pod is given from outside."""

import json
import os
import subprocess
import sys

import pytest

from pikube.agent.runtime.way_out import give_way_out, hold_hardware_address, route_message


def test_the_message_is_a_route_message_of_its_own_length():
    message = route_message("10.42.0.1")
    assert int.from_bytes(message[:4], sys.byteorder) == len(message) == 36
    assert message.endswith(bytes([10, 42, 0, 1]))


@pytest.fixture
def board_and_pod():
    """Two namespaces with a bridge between; the pid of a process in the second."""
    name = f"pk{os.getpid()}out"

    def run(*argv, inside=None):
        return subprocess.run([*(inside or ()), *argv], check=True, capture_output=True, text=True).stdout

    run("ip", "netns", "add", name)
    board = ("nsenter", f"--net=/run/netns/{name}")
    pod = subprocess.Popen([*board, "unshare", "--net", "sleep", "100"])
    try:
        run("ip", "link", "add", "pikube0", "type", "bridge", inside=board)
        run("ip", "address", "add", "10.42.0.1/24", "dev", "pikube0", inside=board)
        run("ip", "link", "set", "pikube0", "up", inside=board)
        while os.readlink(f"/proc/{pod.pid}/ns/net") in (
            os.readlink("/proc/self/ns/net"),
            f"net:[{os.stat(f'/run/netns/{name}').st_ino}]",
        ):
            os.sched_yield()
        run(
            "ip",
            "link",
            "add",
            "veth9",
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            str(pod.pid),
            inside=board,
        )
        run("ip", "link", "set", "veth9", "master", "pikube0", "up", inside=board)
        inside = ("nsenter", f"--net=/proc/{pod.pid}/ns/net")
        run("ip", "address", "add", "10.42.0.9/24", "dev", "eth0", inside=inside)
        run("ip", "link", "set", "eth0", "up", inside=inside)
        yield board, pod.pid, lambda *argv: run(*argv, inside=inside)
    finally:
        pod.kill()
        pod.wait()
        run("ip", "netns", "delete", name)


@pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces")
def test_a_pod_has_its_way_out_however_often_it_is_given(board_and_pod):
    board, pid, in_pod = board_and_pod
    home = os.readlink("/proc/self/ns/net")
    script = (
        "import sys, pathlib; from pikube.agent.runtime.way_out import give_way_out\n"
        "forwarding = pathlib.Path('/proc/sys/net/ipv4/conf/pikube0/forwarding'); forwarding.write_text('0')\n"
        "for _ in range(2): give_way_out(int(sys.argv[1]), 'pikube0', '10.42.0.1')\n"
        "assert forwarding.read_text() == '1\\n'\n"
    )
    subprocess.run([*board, sys.executable, "-c", script, str(pid)], check=True)
    routes = json.loads(in_pod("ip", "-j", "route", "show", "default"))
    assert [(route["gateway"], route["dev"]) for route in routes] == [("10.42.0.1", "eth0")]
    assert os.readlink("/proc/self/ns/net") == home


@pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces")
def test_a_bridge_keeps_its_address_whichever_pods_come_and_go(board_and_pod):
    board, _, _ = board_and_pod

    def run(*argv):
        return subprocess.run([*board, *argv], check=True, capture_output=True, text=True).stdout

    def address():
        return json.loads(run("ip", "-j", "link", "show", "pikube0"))[0]["address"]

    def plug(name, hardware_address):
        run(
            "ip", "link", "add", name, "address", hardware_address, "type", "veth", "peer", "name", f"{name}9"
        )
        run("ip", "link", "set", name, "master", "pikube0", "up")

    plug("low", "02:00:00:00:00:02")
    assert address() == "02:00:00:00:00:02", "by itself it has the lowest"
    script = "from pikube.agent.runtime.way_out import hold_hardware_address as h; h('pikube0')"
    run(sys.executable, "-c", script)
    plug("lower", "02:00:00:00:00:01")
    run("ip", "link", "delete", "low")
    assert address() == "02:00:00:00:00:02"
    with pytest.raises(OSError):
        hold_hardware_address("nosuchbridge")


@pytest.mark.skipif(os.geteuid() != 0, reason="enters network namespaces")
def test_a_process_that_is_gone_is_an_error_of_the_system():
    ended = subprocess.Popen(["true"])
    ended.wait()
    with pytest.raises(OSError):
        give_way_out(ended.pid, "lo", "10.42.0.1")
    assert os.readlink("/proc/thread-self/ns/net") == os.readlink("/proc/self/ns/net")
