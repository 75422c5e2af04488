"""Services and pods across boards: sources, every node's ports, a lost board, a leader that is away."""

import json
import socket
import sys
import threading
import time

import pytest
from board import wait_until

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


class Clients:
    """New connections from one board to one URL, one after the other; what failed is kept."""

    def __init__(self, board, url):
        self.count, self.failures = 0, []
        self._board, self._url = board, url
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._is_over.is_set():
            done = self._board.run("curl", "-sS", "--max-time", "15", self._url, check=False)
            self.count += 1
            if done.returncode and done.returncode != 28:  # 28: it stood when the board was lost
                self.failures.append(done.stderr)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()


def test_a_lost_board_costs_no_connection(cluster, across):
    lost = cluster.boards[2]
    address = cluster.leader.get("service", "across")["spec"]["clusterIP"]
    with (
        Clients(cluster.boards[0], f"http://{address}/") as one,
        Clients(cluster.boards[1], f"http://{cluster.boards[1].address}:30555/") as other,
    ):
        wait_until(lambda: min(one.count, other.count) > 5)
        lost.cut()
        try:
            wait_until(lambda: not cluster.is_ready("b3"), 30, "the lost board is noticed")
            counts = one.count, other.count
            wait_until(lambda: one.count > counts[0] + 10 and other.count > counts[1] + 10)
        finally:
            lost.heal()
    assert one.failures == [] and other.failures == []
    cluster.wait_ready("b3")


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
        answers = {board.curl(f"http://{address}/").stdout.strip() for _ in range(12)}
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


def test_an_address_of_the_pool_is_on_one_board_and_moves_when_that_is_lost(cluster, across):
    leader = cluster.leader
    vip = cluster.lan.address(240)
    leader.stop()
    leader.start_leader("--lb-pool", f"{vip}-{cluster.lan.address(245)}")
    spec = {
        "type": "LoadBalancer",
        "selector": {"app": "across"},
        "ports": [{"port": 8088, "targetPort": 8080}],
    }
    text = json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "pooled"}, "spec": spec})

    def holders():
        return [board for board in cluster.boards if f" {vip}/32" in board.run("ip", "-4", "address").stdout]

    def answers(board):
        return board.curl(f"http://{vip}:8088/").returncode == 0

    leader.kubectl("apply", "-f", "-", text_in=text)
    try:
        wait_until(lambda: len(holders()) == 1, 30, "one board has the address")
        [holder] = holders()
        others = [board for board in cluster.boards if board is not holder]
        for board in cluster.boards:
            wait_until(lambda: answers(board), 10, "every board reaches it")  # noqa: B023
        holder.cut()
        began = time.monotonic()
        try:
            wait_until(lambda: any(board in others for board in holders()), 20, "another board has it")
            took_s = time.monotonic() - began
        finally:
            holder.heal()
        assert took_s < 10, "4 s on a quiet machine"
        wait_until(lambda: len(holders()) == 1 and answers(others[0]), 30, "one board again")
    finally:
        leader.kubectl("delete", "service", "pooled")
    wait_until(lambda: holders() == [], 20, "nobody has it any more")
    leader.stop()
    leader.start_leader()
    cluster.wait_ready("b1", "b2", "b3")
