"""What a pod has of its board: ports of the host, mounts that pass between the two, and /proc."""

import json
import sys

from board import ADDRESS, wait_until
from test_node_lifecycle import apply, box, pod, ready, sh, status_of

ECHO = """\
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 7007))
while True:
    data, peer = server.recvfrom(100)
    server.sendto(b"heard " + data, peer)
"""
TELL = "mkdir /www; echo {0} > /www/index.html; exec httpd -f -p 8080 -h /www"


def asked(board, address, port, word):
    """What answers a datagram on the board."""
    ask = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1); "
    ask += f"s.sendto(b'{word}', ('{address}', {port})); print(s.recv(100).decode())"
    return board.run(sys.executable, "-c", ask, check=False).stdout.strip()


def page(board, address, port):
    return board.curl(f"http://{address}:{port}/").stdout.strip()


def test_a_port_of_the_host_is_its_protocols_and_its_addresss(board, namespace):
    second = "198.51.100.8"
    board.run("ip", "address", "add", f"{second}/24", "dev", "eth0")
    try:

        def port(**more):
            return {"ports": [{"containerPort": 8080, "hostPort": 8097, **more}]}

        udp = {
            "ports": [{"containerPort": 7007, "hostPort": 8097, "protocol": "UDP"}],
            "command": ["busybox", "chroot", "/host", sys.executable, "-c", ECHO],
            "volumeMounts": [{"name": "host", "mountPath": "/host"}],
        }
        host = {"name": "host", "hostPath": {"path": "/"}}
        apply(
            board,
            namespace,
            pod("one", box("c", TELL.format("one"), **port(hostIP=ADDRESS))),
            pod("two", box("c", TELL.format("two"), **port(hostIP=second))),
            pod("datagrams", {**box("c"), **udp}, volumes=[host]),
        )
        ready(board, namespace, "one", "two", "datagrams")
        wait_until(lambda: page(board, ADDRESS, 8097) == "one", what="the port of the first address")
        wait_until(lambda: page(board, second, 8097) == "two", what="the port of the second")
        assert board.curl("http://127.0.0.1:8097/").returncode, "no other address has it"
        wait_until(lambda: asked(board, ADDRESS, 8097, "me") == "heard me", what="an answer by UDP")
        apply(board, namespace, pod("third", box("c", **port())))  # every address: those two are taken

        def waits():
            conditions = status_of(board, namespace, "third").get("conditions", [{}])
            return "didn't have free ports for the requested pod ports" in conditions[0].get("message", "")

        wait_until(waits, what="no free port is said")
        board.kubectl("-n", namespace, "delete", "pod", "one", "two", "--now")
        ready(board, namespace, "third")
    finally:
        board.run("ip", "address", "del", f"{second}/24", "dev", "eth0", check=False)


def test_mounts_pass_between_a_board_and_its_pods_as_each_mount_says(board, namespace):
    place = board.directory / f"shared-{namespace}"
    place.mkdir()
    board.run_host("mount", "--bind", str(place), str(place))
    try:
        board.run_host("mount", "--make-shared", str(place))
        volumes = [{"name": "v", "hostPath": {"path": str(place)}}]

        def mounting(name, propagation, **security):
            mount = {
                "name": "v",
                "mountPath": "/v",
                **({"mountPropagation": propagation} if propagation else {}),
            }
            return pod(name, box("c", volumeMounts=[mount], securityContext=security), volumes=volumes)

        objects = [
            mounting("both", "Bidirectional", privileged=True), mounting("slave", "HostToContainer"),
            mounting("private", None),
        ]  # fmt: skip
        apply(board, namespace, *objects)
        ready(board, namespace, "both", "slave", "private")
        (place / "host").mkdir()
        (place / "pod").mkdir()
        board.run_host("mount", "-t", "tmpfs", "tmpfs", str(place / "host"))
        (place / "host" / "file").write_text("of the board")
        sh(board, namespace, "both", "busybox mount -t tmpfs tmpfs /v/pod && echo of the pod > /v/pod/file")

        assert (place / "pod" / "file").read_text() == "of the pod\n"
        for name in ("both", "slave"):
            found = sh(board, namespace, name, "cat /v/host/file /v/pod/file")
            assert found == "of the boardof the pod\n", name
        assert sh(board, namespace, "private", "ls /v/host /v/pod").split() == ["/v/host:", "/v/pod:"]
        refused = sh(board, namespace, "slave", "busybox mount -t tmpfs tmpfs /v/pod", check=False)
        assert refused.returncode, "a container without privileges mounts nothing"
    finally:
        board.kubectl("-n", namespace, "delete", "pod", "--all", "--now")
        for inner in ("pod", "host"):
            board.run_host("umount", str(place / inner), check=False)
        board.run_host("umount", "-l", str(place))


def test_privileges_that_need_others_are_refused_in_upstreams_words(board, namespace):
    mount = {"name": "v", "mountPath": "/v", "mountPropagation": "Bidirectional"}
    volumes = [{"name": "v", "emptyDir": {}}]
    for wanted, words in (
        (
            pod("p", box("c", volumeMounts=[mount]), volumes=volumes),
            "spec.containers[0].volumeMounts.mountPropagation: Forbidden: "
            "Bidirectional mount propagation is available only to privileged containers",
        ),
        (
            pod("p", box("c", securityContext={"procMount": "Unmasked"})),
            'spec.containers[0].securityContext.procMount: Invalid value: "Unmasked": '
            "`hostUsers` must be false to use `Unmasked`",
        ),
    ):
        refused = board.kubectl("-n", namespace, "create", "-f", "-", text_in=json.dumps(wanted), check=False)
        assert refused.returncode and words in refused.stderr, refused.stderr
