"""Services and pods across boards: sources, every node's ports, a leader that is away, addresses of the LAN."""

import json
import socket
import subprocess
import sys
import time

import pytest
from board import ROOT, wait_until

from pikube.netproxy.balancer_addresses import candidates

PODS = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: across}
spec:
  selector: {matchLabels: {app: across}}
  template:
    metadata: {labels: {app: across}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: box
          image: localhost/box:1
          command: ["sh", "-c", "mkdir -p /www; hostname > /www/index.html; exec httpd -f -v -p 8080 -h /www"]
          readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: across}
spec: {type: NodePort, selector: {app: across}, ports: [{port: 80, targetPort: 8080, nodePort: 30555}]}
"""


@pytest.fixture(scope="module")
def across(cluster):
    """A pod on each board, by node name."""
    leader = cluster.leader
    leader.kubectl("apply", "-f", "-", text_in=PODS)
    leader.kubectl("rollout", "status", "daemonset/across", "--timeout=90s")
    pods = leader.get("pods", "-l", "app=across")["items"]
    yield {pod["spec"]["nodeName"]: pod for pod in pods}
    leader.kubectl("delete", "daemonset/across", "service/across")


def test_a_pod_sees_the_address_of_a_pod_on_another_board(cluster, across):
    leader = cluster.leader
    source, target = across["b2"], across["b3"]
    url = f"http://{target['status']['podIP']}:8080/"
    leader.kubectl("exec", source["metadata"]["name"], "--", "wget", "-qO-", url)
    log = leader.kubectl("logs", target["metadata"]["name"])
    assert source["status"]["podIP"] in log, log


def test_every_node_serves_the_node_port_and_the_cluster_address(cluster, across):
    address = cluster.leader.get("service", "across")["spec"]["clusterIP"]
    names = {pod["metadata"]["name"] for pod in across.values()}
    for board in cluster.boards:
        wait_until(lambda: board.curl(f"http://{address}/").returncode == 0)  # noqa: B023
        for host in (f"{address}:80", f"{board.address}:30555", f"{cluster.boards[0].address}:30555"):
            assert {board.curl(f"http://{host}/").stdout.strip() for _ in range(12)} <= names
    for pod in across.values():
        said = cluster.leader.kubectl("exec", pod["metadata"]["name"], "--", "wget", "-qO-", "http://across/")
        assert said.strip() in names


def test_services_and_names_are_served_while_the_leader_is_away_also_after_a_restart(cluster, across):
    leader, board = cluster.leader, cluster.boards[1]
    address = leader.get("service", "across")["spec"]["clusterIP"]
    own = across["b2"]["metadata"]["name"]
    kept = board.directory / "data/agent/kept"
    address_of_own = across["b2"]["status"]["podIP"]

    def are_kept():
        return any(address_of_own in file.read_text() for file in kept.glob("endpointslices_*"))

    wait_until(are_kept, 60, "endpoints are kept")
    leader.stop()
    try:
        board.kill()
        board.spawn("agent")
        answers = {board.curl(f"http://{address}/").stdout.strip() for _ in range(40)}  # drawn by chance
        assert own in answers and "" not in answers

        def resolves():
            done = board.run(
                "busybox", "nslookup", "across.default.svc.cluster.local", "10.43.0.10", check=False
            )
            return address in done.stdout

        wait_until(resolves, 30, "names while the leader is away")
    finally:
        leader.start_leader()
    cluster.wait_ready("b1", "b2", "b3")


def test_a_service_answers_by_a_name_of_the_lan(cluster, across):
    leader = cluster.leader
    leader.kubectl("annotate", "service", "across", "pikube.io/mdns=shop")
    ask = (
        "import dns.message, socket; sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); sock.settimeout(2); "
        "sock.sendto(dns.message.make_query('shop.local', 'A').to_wire(), ('224.0.0.251', 5353)); "
        "print(sock.recv(9000).hex())"  # multicast answers compress names where other DNS may not
    )
    addresses = [socket.inet_aton(board.address).hex() for board in cluster.boards]
    for board in cluster.boards[:2]:

        def answers(board=board):
            said = board.run(sys.executable, "-c", ask, check=False).stdout
            return all(address in said for address in addresses)

        wait_until(answers, 40, "shop.local")
    leader.kubectl("annotate", "service", "across", "pikube.io/mdns-")


def test_routes_follow_the_address_of_a_board(cluster, across):
    moved, other = cluster.boards[2], cluster.boards[1]
    cidr = cluster.nodes()["b3"]["spec"]["podCIDR"]
    former, later = moved.address, cluster.lan.address(77)
    for address in (later, former):
        moved.set_address(address)
        wait_until(lambda: f"{cidr} via {address}" in other.run("ip", "route").stdout, 40, f"via {address}")  # noqa: B023
    cluster.wait_ready("b3")
    stale = other.run("ip", "-j", "route", "show", "proto", "112").stdout
    assert len([r for r in json.loads(stale) if "gateway" in r]) == 2


@pytest.fixture
def router(cluster):
    """A machine between two networks of the LAN: boards route through it, and do not see each other's link."""
    name, near = f"{cluster.lan.name}router", cluster.lan.address(254)
    far = near.replace("198.18.", "198.19.")

    def run(*argv):
        subprocess.run(["nsenter", f"--net=/run/netns/{name}", *argv], check=True)

    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        cluster.lan.plug("router", name)
        run("ip", "link", "set", "eth0", "up")
        run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        run("sh", "-c", "echo 0 > /proc/sys/net/ipv4/conf/eth0/send_redirects")
        for address in (near, far):
            run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        yield near, far
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def incomplete(cluster, name):
    """What the Node's condition says, '' if nothing is wrong."""
    conditions = cluster.nodes().get(name, {"status": {}})["status"].get("conditions", ())
    found = [
        c["message"] for c in conditions if c["type"] == "PodNetworkIncomplete" and c["status"] == "True"
    ]
    return found[0] if found else ""


def test_boards_that_are_not_on_one_link_say_whom_they_do_not_reach(cluster, across, router):
    """And Services go on: endpoints that cannot be reached are passed over."""
    near, far = router
    away, former = cluster.boards[2], cluster.boards[2].address
    address = cluster.leader.get("service", "across")["spec"]["clusterIP"]
    try:
        away.set_address(former.replace("198.18.", "198.19."))
        away.run("ip", "route", "replace", "default", "via", far)
        for board in cluster.boards[:2]:
            board.run("ip", "route", "replace", "default", "via", near)
        for board, others in ((cluster.boards[0], ("b3",)), (away, ("b1", "b2"))):

            def is_told(board=board, others=others):
                words = incomplete(cluster, board.node)
                return all(f"{other} (" in words for other in others)

            wait_until(is_told, 60, f"{board.node} says that it does not reach {others}")
        assert "so that its pods cannot be reached" in incomplete(cluster, "b1")
        answers = [cluster.leader.curl(f"http://{address}/") for _ in range(10)]
        assert [a.returncode for a in answers] == [0] * 10, [a.stderr for a in answers]
    finally:
        for board in cluster.boards[:2]:
            board.run("ip", "route", "replace", "default", "dev", "eth0")
        away.set_address(former)
    for board in cluster.boards:
        wait_until(lambda: incomplete(cluster, board.node) == "", 60, "all boards are reached again")  # noqa: B023
    cluster.wait_ready("b1", "b2", "b3")


LISTEN = """
import socket, sys
from pikube.netproxy.arp import ETH_P_ARP, read_reply
from pikube.netproxy.ndp import ADVERTISEMENT, read_advertisement
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as sock:
    print("listening", flush=True)
    while True:
        frame = sock.recv(2048)
        kind = frame[12:14]
        is_told = frame[:6] in (b"\\xff" * 6, bytes.fromhex("333300000001"))
        found = read_reply(frame) if kind == b"\\x08\\x06" else read_advertisement(frame[54:])
        if found and is_told:
            print(found[0], found[1].hex(":"), flush=True)
"""


@pytest.fixture
def phone(cluster):
    """A machine of the LAN that is no board."""
    name, address = f"{cluster.lan.name}phone", cluster.lan.address(99)

    def run(*argv):
        done = subprocess.run(["nsenter", f"--net=/run/netns/{name}", *argv], capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else ""

    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        cluster.lan.plug("phone", name)
        for command in ("link set lo up", "link set eth0 up", f"address add {address}/24 dev eth0",
                        "address add fd00:7::99/64 dev eth0 nodad"):  # fmt: skip
            run("ip", *command.split())
        yield run
    finally:
        cluster.lan.run("ip", "link", "delete", "phone", check=False)  # a namespace goes later than its name
        subprocess.run(["ip", "netns", "delete", name], check=True)


WHO_ASKS = """
import socket, sys
with socket.create_server((sys.argv[1], 8000)) as server:
    print("listening", flush=True)
    while True:
        client, (address, _) = server.accept()
        with client:
            client.recv(4096)
            client.sendall(f"HTTP/1.0 200 OK\\r\\n\\r\\n{address}".encode())
"""


def test_outside_the_cluster_a_pod_is_seen_under_its_boards_address(cluster, across, phone):
    """The LAN knows no way back to pods."""
    address = cluster.lan.address(99)
    argv = ["nsenter", f"--net=/run/netns/{cluster.lan.name}phone", sys.executable, "-c", WHO_ASKS, address]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout.readline() == "listening\n"
            for board in cluster.boards:
                pod = across[board.node]["metadata"]["name"]
                said = cluster.leader.kubectl("exec", pod, "--", "wget", "-qO-", f"http://{address}:8000/")
                assert said == board.address
        finally:
            server.kill()


def balancer(name, address):
    """A Service with a certain address of the pool."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "annotations": {"pikube.io/lb-address": address}},
        "spec": {
            "type": "LoadBalancer",
            "selector": {"app": "across"},
            "ports": [{"port": 8088, "targetPort": 8080}],
        },
    }


def test_addresses_of_the_pool_are_on_one_board_and_move_when_that_is_lost(cluster, across, phone, tmp_path):
    """Of both families; a phone that knows where the address was is told by ARP and neighbour discovery."""
    leader, names = cluster.leader, [board.node for board in cluster.boards]
    four = cluster.lan.address(240)
    first = candidates(four, names)[0]
    six = next(a for n in range(99) if candidates(a := f"fd00:7::2:{n:x}", names)[0] == first)
    for number, board in enumerate(cluster.boards, 1):
        board.run("ip", "address", "add", f"fd00:7::{number}/64", "dev", "eth0", "nodad")
    leader.stop()
    leader.start_leader("--lb-pool", f"{four}-{cluster.lan.address(245)}", "--lb-pool", "fd00:7::2:0/112")
    cluster.wait_ready(*names)

    def holders(address):
        return [board for board in cluster.boards if f" {address}/" in board.run("ip", "address").stdout]

    def is_reached():
        urls = (f"http://{four}:8088/", f"http://[{six}]:8088/")
        return all(phone("curl", "-s", "--max-time", "0.5", url) for url in urls)

    items = [balancer("four", four), balancer("six", six)]
    leader.kubectl(
        "apply", "-f", "-", text_in=json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    )
    try:
        [holder] = [board for board in cluster.boards if board.node == first]
        wait_until(lambda: holders(four) == holders(six) == [holder], 30, "the first board has both")
        for board in cluster.boards:  # who has not heard of them yet cannot take over

            def knows(board=board):
                doors = board.run("ss", "-ltn").stdout
                return f"{four}:8088" in doors and f"[{six}]:8088" in doors

            wait_until(knows, 30, f"{board.node} knows both and where they lead")
        wait_until(is_reached, 10, "the phone reaches them")
        argv = ["nsenter", f"--net=/run/netns/{cluster.lan.name}phone", sys.executable, "-c", LISTEN]
        heard = tmp_path / "heard"

        def told():
            return {
                tuple(line.split()) for line in heard.read_text().splitlines()[1:] if line.count(" ") == 1
            }

        with heard.open("w") as output, subprocess.Popen(argv, stdout=output, cwd=ROOT) as listener:
            wait_until(heard.read_text, what="a phone that listens")
            macs = {
                board.run("ip", "-br", "link", "show", "eth0").stdout.split()[2]: board
                for board in cluster.boards
            }

            def tellers(address):
                return {
                    macs[mac].node for told_address, mac in told() if told_address == address and mac in macs
                }

            cluster.wait_ready(*(board.node for board in cluster.boards))
            holder.cut()
            began = time.monotonic()
            try:
                wait_until(is_reached, 20, "the phone reaches them again")
                took_s = time.monotonic() - began
            finally:
                holder.heal()
            wait_until(lambda: holders(four) == holders(six) == [holder], 30, "one board again")
            try:
                for address in (four, six):
                    wait_until(
                        lambda: holder.node in tellers(address) and len(tellers(address)) > 1,  # noqa: B023
                        what=f"{address} is announced by the next one, then by the first",
                    )
                wait_until(is_reached, 30, "the phone reaches who keeps them")
            finally:
                listener.kill()
        print(f"both addresses reached again after {took_s:.1f} s")
        assert took_s < 10
    finally:
        leader.kubectl("delete", "service", "four", "six")
        for number, board in enumerate(cluster.boards, 1):
            board.run("ip", "address", "del", f"fd00:7::{number}/64", "dev", "eth0", check=False)
    wait_until(lambda: holders(four) == holders(six) == [], 20, "nobody has them any more")
    leader.stop()
    leader.start_leader()
    cluster.wait_ready(*names)
