"""Services that change, and pods at both ends of one, with real kubectl on one board."""

import json

import pytest
from board import ADDRESS, wait_until

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: box
      image: localhost/box:1
      command: ["sh", "-c", "mkdir -p /www; hostname > /www/index.html; exec httpd -f -v -p 8080 -h /www"]
      ports: [{name: http, containerPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: other, labels: {app: other}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: box
      image: localhost/box:1
      command: ["sh", "-c", "mkdir -p /www; hostname > /www/index.html; exec httpd -f -v -p 9090 -h /www"]
      ports: [{name: http, containerPort: 9090}]
---
apiVersion: v1
kind: Pod
metadata: {name: on-the-host}
spec:
  terminationGracePeriodSeconds: 0
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  containers: [{name: box, image: "localhost/box:1", command: [sleep, "999"]}]
---
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""


@pytest.fixture(scope="module")
def place(board):
    """A namespace with two servers, one pod on the host's network, and a Service."""
    board.kubectl("create", "namespace", "changes")
    board.kubectl("-n", "changes", "apply", "-f", "-", text_in=POD)
    board.kubectl("-n", "changes", "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
    yield ("-n", "changes")
    board.kubectl("delete", "namespace", "changes", "--wait=false")


def spec_of(board, place):
    return board.get("service", "front", *place)["spec"]


def patch(board, place, **spec):
    board.kubectl(*place, "patch", "service", "front", "--type=merge", "-p", json.dumps({"spec": spec}))
    return spec_of(board, place)


def doors(board):
    """Where the board listens."""
    return {line.split()[3] for line in board.run("ss", "-ltn").stdout.splitlines()[1:]}


def answers(board, url, word):
    wait_until(lambda: board.curl(url).stdout.strip() == word, 15, f"{word} at {url}")


def test_a_pod_reaches_itself_and_pods_on_the_hosts_network_know_the_clusters_names(board, place):
    address = spec_of(board, place)["clusterIP"]
    answers(board, f"http://{address}/", "web")
    for pod, host in (
        ("web", "front"),
        ("on-the-host", address),
        ("on-the-host", "front"),
        ("other", "front.changes"),
    ):
        said = board.kubectl(*place, "exec", pod, "--", "wget", "-qO-", f"http://{host}/")
        assert said.strip() == "web", (pod, host)
    said = board.kubectl(*place, "exec", "on-the-host", "--", "cat", "/etc/resolv.conf")
    assert "nameserver 10.43.0.10" in said and "search changes.svc.cluster.local" in said, said


def test_a_type_that_changes_opens_its_doors_and_leaves_nothing_of_the_former(board, place):
    address = spec_of(board, place)["clusterIP"]
    for _ in range(2):
        port = patch(board, place, type="NodePort")["ports"][0]["nodePort"]
        answers(board, f"http://{ADDRESS}:{port}/", "web")
        spec = patch(board, place, type="LoadBalancer", loadBalancerSourceRanges=["198.51.100.0/24"])
        assert (spec["ports"][0]["nodePort"], spec["clusterIP"]) == (port, address), "what it has it keeps"
        answers(board, f"http://{ADDRESS}:80/", "web")
        spec = patch(board, place, type="ClusterIP", loadBalancerSourceRanges=None)
        kept = {
            "type",
            "clusterIP",
            "clusterIPs",
            "selector",
            "ports",
            "sessionAffinity",
            "internalTrafficPolicy",
        }
        assert spec.keys() - kept == {"ipFamilies", "ipFamilyPolicy"}, spec
        assert "nodePort" not in spec["ports"][0]
        former = {f"0.0.0.0:{port}", f"{ADDRESS}:80"}
        wait_until(lambda: not former & doors(board), 10, "its doors are closed")  # noqa: B023
        answers(board, f"http://{address}/", "web")
    spec = patch(board, place, type="ExternalName", externalName="example.org")
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & spec.keys(), spec
    wait_until(lambda: f"{address}:80" not in doors(board), 10, "its address is closed")
    alias = ("dig", "+short", "@10.43.0.10", "front.changes.svc.cluster.local")
    wait_until(lambda: board.run(*alias).stdout.startswith("example.org."), 10, "its name is an alias")
    address = patch(board, place, type="ClusterIP", externalName=None)["clusterIP"]
    answers(board, f"http://{address}/", "web")


def test_another_selector_and_another_port_are_followed(board, place):
    address = spec_of(board, place)["clusterIP"]
    patch(board, place, selector={"app": "other"})  # its port has the same name and another number
    answers(board, f"http://{address}/", "other")
    patch(board, place, ports=[{"port": 80, "targetPort": 9999}])
    wait_until(lambda: board.curl(f"http://{address}/").returncode, 10, "nobody listens there")
    patch(board, place, ports=[{"port": 80, "targetPort": 9090}])
    answers(board, f"http://{address}/", "other")
    patch(board, place, selector={"app": "web"}, ports=[{"port": 80, "targetPort": "http"}])
    answers(board, f"http://{address}/", "web")


def test_what_no_board_can_listen_on_keeps_nothing_else_from_being_served(board, place):
    """A host port on what is no address, a status that another controller wrote."""
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd"},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{
            "name": "c", "image": "localhost/box:1", "command": ["sleep", "999"],
            "ports": [{"containerPort": 80, "hostPort": 8099, "hostIP": "nonsense"}]}]},
    }  # fmt: skip
    board.kubectl(*place, "apply", "-f", "-", text_in=json.dumps(pod))
    board.kubectl(*place, "wait", "--for=condition=Ready", "pod/odd", "--timeout=60s")
    patch(board, place, ports=[{"port": 81, "targetPort": "http"}])
    answers(board, f"http://{spec_of(board, place)['clusterIP']}:81/", "web")
    assert board.process.poll() is None
