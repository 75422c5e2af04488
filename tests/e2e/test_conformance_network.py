"""What Kubernetes' conformance asks of Services and of proxies, as far as no other test does."""

import json
import sys

import pytest
from board import ADDRESS, wait_until
from test_node_lifecycle import apply, box, pod, ready, status_of

SERVES = """\
mkdir -p /w/cgi-bin
hostname > /w/index.html
busybox printf '#!/bin/sh\\necho\\necho $REQUEST_METHOD\\n' > /w/cgi-bin/method
busybox chmod +x /w/cgi-bin/method
httpd -p 8080 -h /w
exec httpd -f -p 8081 -h /w
"""
TELLS = """\
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 8080))
while True:
    data, peer = server.recvfrom(100)
    server.sendto(b"told " + data, peer)
"""


def service(name, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def serving(name, *ports, **labels):
    """A pod that serves its name on 8080 and 8081, and is ready when it does."""
    probe = {"readinessProbe": {"tcpSocket": {"port": 8081}, "periodSeconds": 1}}
    found = pod(name, box("c", SERVES, ports=[{"containerPort": port} for port in ports], **probe))
    found["metadata"]["labels"] = labels
    return found


def endpoints(board, namespace, name):
    """{port: pods} as the Endpoints say it."""
    found = board.get("endpoints", name, "-n", namespace).get("subsets", [])
    pairs = [
        (p["port"], a["targetRef"]["name"]) for s in found for p in s["ports"] for a in s.get("addresses", ())
    ]
    return {port: sorted(name for number, name in pairs if number == port) for port in {p for p, _ in pairs}}


def slices(board, namespace, name):
    """(port, address) as the EndpointSlices say it."""
    items = board.get("endpointslices", "-n", namespace, "-l", f"kubernetes.io/service-name={name}")["items"]
    return sorted(
        (port["port"], address)
        for item in items
        for port in item["ports"] or ()
        for endpoint in item["endpoints"] or ()
        for address in endpoint["addresses"]
    )


def page(board, address, port=80, path=""):
    return board.curl(f"http://{address}:{port}/{path}").stdout.strip()


def datagram(board, address, port):
    ask = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1); "
    ask += f"s.sendto(b'me', ('{address}', {port})); print(s.recv(100).decode())"
    return board.run(sys.executable, "-c", ask, check=False).stdout.strip()


def patch(board, namespace, name, **spec):
    words = json.dumps({"spec": spec})
    return json.loads(
        board.kubectl("-n", namespace, "patch", "service", name, "--type=merge", "-p", words, "-o", "json")
    )


def test_the_endpoints_are_the_pods_that_have_the_ports(board, namespace):
    two = [{"name": "a", "port": 80, "targetPort": 8080}, {"name": "b", "port": 81, "targetPort": 8081}]
    apply(board, namespace, service("web", selector={"app": "web"}, ports=two))
    assert endpoints(board, namespace, "web") == {} and slices(board, namespace, "web") == []
    for name, left in (("one", ["one"]), ("two", ["one", "two"])):
        apply(board, namespace, serving(name, 8080, app="web"))
        ready(board, namespace, name)
        wanted = {8080: left, 8081: left}
        wait_until(lambda wanted=wanted: endpoints(board, namespace, "web") == wanted, what="both ports")
        addresses = sorted(status_of(board, namespace, n)["podIP"] for n in left)
        assert slices(board, namespace, "web") == [(port, a) for port in (8080, 8081) for a in addresses]
    board.kubectl("-n", namespace, "delete", "pod", "one", "--now")
    wait_until(lambda: endpoints(board, namespace, "web") == {8080: ["two"], 8081: ["two"]}, what="one less")
    board.kubectl("-n", namespace, "delete", "pod", "two", "--now")
    wait_until(lambda: endpoints(board, namespace, "web") == {}, what="none")
    assert slices(board, namespace, "web") == []
    board.kubectl("-n", namespace, "delete", "service", "web")
    left = (
        "get",
        "endpoints,endpointslices",
        "-n",
        namespace,
        "-o",
        "name",
        "-l",
        "kubernetes.io/service-name=web",
    )
    wait_until(lambda: not board.kubectl(*left).split(), what="they go with it")


def test_endpoints_of_ones_own_have_slices_that_follow_and_go(board, namespace):
    def make(*addresses):
        subset = {"addresses": [{"ip": a} for a in addresses], "ports": [{"name": "x", "port": 80}]}
        return {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "own"}, "subsets": [subset]}

    apply(board, namespace, service("own", ports=[{"name": "x", "port": 80}]), make("192.0.2.1"))
    wait_until(lambda: slices(board, namespace, "own") == [(80, "192.0.2.1")], what="a slice")
    apply(board, namespace, make("192.0.2.2", "192.0.2.3"))
    wanted = [(80, "192.0.2.2"), (80, "192.0.2.3")]
    wait_until(lambda: slices(board, namespace, "own") == wanted, what="the slice follows")
    (one,) = board.get("endpointslices", "-n", namespace, "-l", "kubernetes.io/service-name=own")["items"]
    assert one["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == (
        "endpointslicemirroring-controller.k8s.io"
    )
    board.kubectl("-n", namespace, "delete", "endpoints", "own")
    wait_until(lambda: slices(board, namespace, "own") == [], what="the slice goes")
    api = slices(board, "default", "kubernetes")
    assert api == [(6443, ADDRESS)]
    assert (
        board.get("endpoints", "kubernetes", "-n", "default")["subsets"][0]["addresses"][0]["ip"] == ADDRESS
    )
    every = board.get("services", "-A")["items"]
    assert ("default", "kubernetes") in {(s["metadata"]["namespace"], s["metadata"]["name"]) for s in every}


def test_one_number_is_two_ports_of_two_protocols_that_come_and_go(board, namespace):
    host = {"name": "host", "hostPath": {"path": "/"}}
    told = {
        "name": "told", "image": "localhost/box:1", "volumeMounts": [{"name": "host", "mountPath": "/host"}],
        "command": ["busybox", "chroot", "/host", sys.executable, "-c", TELLS],
    }  # fmt: skip
    found = serving("both", app="both")
    found["spec"]["containers"].append(told)
    found["spec"]["volumes"] = [host]
    tcp = {"name": "tcp", "port": 80, "targetPort": 8080, "protocol": "TCP"}
    udp = {**tcp, "name": "udp", "protocol": "UDP"}
    apply(board, namespace, found, service("both", selector={"app": "both"}, ports=[tcp, udp]))
    ready(board, namespace, "both")
    address = board.get("service", "both", "-n", namespace)["spec"]["clusterIP"]

    def served():
        return page(board, address) == "both", datagram(board, address, 80) == "told me"

    wait_until(lambda: served() == (True, True), what="both")
    patch(board, namespace, "both", ports=[tcp])
    wait_until(lambda: served() == (True, False), what="TCP only")
    patch(board, namespace, "both", ports=[udp])
    wait_until(lambda: served() == (False, True), what="UDP only")


@pytest.mark.parametrize("type_", ["ClusterIP", "NodePort"])
def test_a_client_stays_with_its_pod_while_the_service_says_so(board, namespace, type_):
    names = [f"pod-{number}" for number in range(3)]
    ports = [{"port": 80, "targetPort": 8080}]
    sticky = {"selector": {"app": "web"}, "ports": ports, "type": type_, "sessionAffinity": "ClientIP"}
    apply(board, namespace, *(serving(name, app="web") for name in names), service("web", **sticky))
    ready(board, namespace, *names)
    spec = board.get("service", "web", "-n", namespace)["spec"]
    place = (ADDRESS, spec["ports"][0]["nodePort"]) if type_ == "NodePort" else (spec["clusterIP"], 80)
    wait_until(lambda: endpoints(board, namespace, "web") == {8080: names}, what="three endpoints")

    def answers():
        return {page(board, *place) for _ in range(15)}

    wait_until(lambda: len(answers()) == 1, what="one pod")
    assert spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"] == 10800
    changed = patch(board, namespace, "web", sessionAffinity="None", sessionAffinityConfig=None)
    assert changed["spec"]["sessionAffinity"] == "None"
    wait_until(lambda: len(answers()) == 3, what="all pods")
    patch(board, namespace, "web", sessionAffinity="ClientIP")
    wait_until(lambda: len(answers()) == 1, what="one pod again")


def test_the_proxies_carry_every_method_to_a_pod_and_to_a_service(board, namespace):
    apply(
        board, namespace, serving("web", app="web"),
        service("web", selector={"app": "web"}, ports=[{"name": "http", "port": 80, "targetPort": 8080}]),
    )  # fmt: skip
    ready(board, namespace, "web")
    wait_until(lambda: endpoints(board, namespace, "web") == {8080: ["web"]}, what="an endpoint")
    root = f"/api/v1/namespaces/{namespace}"
    with board.spawn_kubectl("proxy", "--port=0", "--reject-methods=^$") as proxy:
        try:
            port = int(proxy.stdout.readline().rsplit(":", 1)[1])
            for path in ("pods/web:8080", "services/web:80", "services/http:web:http", "services/web:http"):
                for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
                    url = f"http://127.0.0.1:{port}{root}/{path}/proxy/cgi-bin/method"
                    said = board.curl(url, "--request", method, "--write-out", " %{http_code}").stdout.split()
                    assert said == [method, "200"], (path, method, said)
                head = board.curl(f"http://127.0.0.1:{port}{root}/{path}/proxy/index.html", "--head").stdout
                assert head.startswith("HTTP/1.1 200 OK"), head
        finally:
            proxy.terminate()


def test_another_external_name_is_another_alias(board, namespace):
    apply(board, namespace, service("away", type="ExternalName", externalName="one.example.org"))
    name = f"away.{namespace}.svc.cluster.local"

    def alias():
        return board.run("dig", "+short", "@10.43.0.10", name, "CNAME").stdout.strip()

    wait_until(lambda: alias() == "one.example.org.", what="an alias")
    patch(board, namespace, "away", externalName="two.example.org")
    wait_until(lambda: alias() == "two.example.org.", what="the other")
    spec = patch(board, namespace, "away", type="ClusterIP", externalName=None, ports=[{"port": 80}])["spec"]
    found = ("dig", "+short", "@10.43.0.10", name)
    wait_until(lambda: board.run(*found).stdout.strip() == spec["clusterIP"], what="an address")


def test_services_go_as_a_collection(board, namespace):
    for name, label in (("a", "go"), ("b", "go"), ("c", "stay")):
        made = service(name, ports=[{"port": 80}])
        made["metadata"]["labels"] = {"may": label}
        apply(board, namespace, made)
    board.kubectl("delete", "--raw", f"/api/v1/namespaces/{namespace}/services?labelSelector=may%3Dgo")
    left = ("get", "services", "-n", namespace, "-o", "name")
    wait_until(lambda: board.kubectl(*left).split() == ["service/c"], what="two are gone")
