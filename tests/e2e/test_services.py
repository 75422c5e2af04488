"""Every way to reach pods through a Service, with real kubectl on one board."""

import json
import subprocess

import pytest
from board import ADDRESS, wait_until
from traffic import Questions, Requests, Wrk

PODS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: box
          image: localhost/box:1
          command: ["sh", "-c", "mkdir -p /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www"]
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: near, labels: {app: near}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: box
      image: localhost/box:1
      command: ["sh", "-c", "mkdir -p /www; echo near > /www/index.html; exec httpd -f -p 8080 -h /www"]
      ports: [{containerPort: 8080, hostPort: 8090}]
"""
BALANCED = {
    "type": "LoadBalancer",
    "selector": {"app": "web"},
    "ports": [{"port": 8081, "targetPort": "http"}],
}
SERVICES = {
    "two": {
        "selector": {"app": "web"},
        "ports": [{"name": "a", "port": 80, "targetPort": "http"}, {"name": "b", "port": 81, "targetPort": 8080}],
        "externalIPs": ["203.0.113.5"],
        "sessionAffinity": "ClientIP",
    },
    "balanced": BALANCED,
    "local": {**BALANCED, "ports": [{"port": 8082, "targetPort": 8080}], "externalTrafficPolicy": "Local"},
    "loaded": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    "outside": {"ports": [{"port": 80, "targetPort": 8080}]},
    "alias": {"type": "ExternalName", "externalName": "two.{namespace}.svc.cluster.local"},
    "telephone": {"selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "SCTP"}]},
}  # fmt: skip


def manifest(name, spec):
    return json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})


@pytest.fixture(scope="module")
def shop(board):
    """A namespace with pods and every kind of Service in front of them."""
    name = "shop"
    board.kubectl("create", "namespace", name)
    board.kubectl("-n", name, "apply", "-f", "-", text_in=PODS)
    for service, spec in SERVICES.items():
        text = manifest(service, spec).replace("{namespace}", name)
        board.kubectl("-n", name, "apply", "-f", "-", text_in=text)
    board.kubectl("-n", name, "rollout", "status", "deployment/web", "--timeout=60s")
    board.kubectl("-n", name, "wait", "--for=condition=Ready", "pod/near", "--timeout=60s")
    yield name
    board.kubectl("delete", "namespace", name, "--wait=false")


def get(board, shop, service):
    return board.get("service", service, "-n", shop)


def says(board, url, words=""):
    """What answers there, once something does."""
    return wait_until(lambda: (a := board.curl(url)).returncode == 0 and (a.stdout.strip() or " "), what=url)


def events(board, shop, service):
    found = board.get("events", "-n", shop, "--field-selector", f"involvedObject.name={service}")
    return {event["reason"]: event["message"] for event in found["items"]}


def test_several_ports_named_ports_external_addresses_and_affinity(board, shop):
    address = get(board, shop, "two")["spec"]["clusterIP"]
    answers = {says(board, f"http://{address}:{port}/") for port in (80, 81)}
    assert all(answer.startswith("web-") for answer in answers)
    board.run("ip", "address", "add", "203.0.113.5/32", "dev", "lo")
    assert says(board, "http://203.0.113.5/").startswith("web-")
    assert len({says(board, f"http://{address}/") for _ in range(6)}) == 1, "one client, one backend"


def test_a_balancer_has_the_nodes_address_and_serves_its_own_port(board, shop):
    def addresses():
        return get(board, shop, "balanced")["status"]["loadBalancer"].get("ingress")

    assert wait_until(addresses) == [{"ip": ADDRESS, "ipMode": "VIP"}]
    assert says(board, f"http://{ADDRESS}:8081/").startswith("web-")
    assert ADDRESS in board.kubectl("-n", shop, "get", "service", "balanced")
    assert "EnsuredLoadBalancer" in events(board, shop, "balanced")


def test_a_port_clash_is_told_at_once(board, shop):
    board.kubectl("-n", shop, "apply", "-f", "-", text_in=manifest("rival", BALANCED))
    words = wait_until(lambda: events(board, shop, "rival").get("SyncLoadBalancerFailed"))
    assert f"port 8081/TCP is taken by Service {shop}/balanced" in words
    board.kubectl("-n", shop, "delete", "service", "balanced")
    wait_until(lambda: get(board, shop, "rival")["status"]["loadBalancer"].get("ingress"))
    assert says(board, f"http://{ADDRESS}:8081/").startswith("web-")


def test_a_local_balancer_has_a_health_port(board, shop):
    number = get(board, shop, "local")["spec"]["healthCheckNodePort"]
    assert json.loads(says(board, f"http://{ADDRESS}:{number}/healthz")) == {
        "service": {"namespace": shop, "name": "local"}, "localEndpoints": 2, "serviceProxyHealthy": True,
    }  # fmt: skip


def test_endpoints_of_ones_own_are_followed(board, shop):
    pods = board.get("pods", "-n", shop, "-l", "app=web")["items"]
    address = get(board, shop, "outside")["spec"]["clusterIP"]
    assert board.curl(f"http://{address}/").returncode == 7
    for pod in pods:
        subsets = [{"addresses": [{"ip": pod["status"]["podIP"]}], "ports": [{"port": 8080}]}]
        endpoints = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": "outside"},
            "subsets": subsets,
        }
        board.kubectl("-n", shop, "apply", "-f", "-", text_in=json.dumps(endpoints))
        name = pod["metadata"]["name"]
        wait_until(lambda: board.curl(f"http://{address}/").stdout.strip() == name, what=name)  # noqa: B023


def test_an_external_name_is_an_alias_and_leads_there_from_a_pod(board, shop):
    said = board.kubectl("-n", shop, "exec", "near", "--", "wget", "-qO-", "http://alias/")
    assert said.startswith("web-")


def test_a_host_port_leads_to_the_pod(board, shop):
    assert says(board, f"http://{ADDRESS}:8090/") == "near"
    assert says(board, "http://127.0.0.1:8090/") == "near"


def test_pods_keep_their_gateway_whichever_other_pods_come_and_go(board, shop):
    def address():
        return json.loads(board.run("ip", "-j", "link", "show", "pikube0").stdout)[0]["address"]

    before = address()
    board.run(
        "ip", "link", "add", "low", "address", "02:00:00:00:00:01", "type", "veth", "peer", "name", "low9"
    )
    try:
        board.run("ip", "link", "set", "low", "master", "pikube0", "up")
        assert address() == before
    finally:
        board.run("ip", "link", "delete", "low")


def test_pods_reach_the_api_as_kubernetes(board, shop):
    for host in ("kubernetes.default", "$KUBERNETES_SERVICE_HOST"):
        said = board.kubectl(
            "-n",
            shop,
            "exec",
            "near",
            "--",
            "sh",
            "-c",
            f"nc -w 10 {host} 443 </dev/null >/dev/null && echo ok",
        )
        assert said.strip() == "ok"


def test_what_is_not_carried_is_said(board, shop):
    words = wait_until(lambda: events(board, shop, "telephone").get("ProtocolNotSupported"))
    assert "SCTP" in words


def test_a_port_that_the_host_uses_is_an_event_on_the_service(board, shop):
    holder = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{board.name}", "busybox", "nc", "-l", "-p", "30999"],
        stdin=subprocess.PIPE,
    )
    try:
        wait_until(lambda: ":30999" in board.run("ss", "-ltn").stdout)
        ports = [{"port": 80, "targetPort": 8080, "nodePort": 30999}]
        spec = {"type": "NodePort", "selector": {"app": "web"}, "ports": ports}
        board.kubectl("-n", shop, "apply", "-f", "-", text_in=manifest("late", spec))
        words = wait_until(lambda: events(board, shop, "late").get("PortNotOpened"))
        assert "30999/TCP cannot be opened on node board: Address already in use" in words
    finally:
        holder.stdin.close()
        holder.kill()
        holder.wait()
    assert says(board, f"http://{ADDRESS}:30999/").startswith("web-")


def test_what_the_host_serves_everywhere_is_on_no_address_of_a_service(board, shop):
    """As its sshd: AnyIP makes the range local, and the guard lets in the Services' own ports only."""
    address = get(board, shop, "two")["spec"]["clusterIP"]
    argv = ["nsenter", f"--net=/run/netns/{board.name}", "busybox", "httpd", "-f", "-p", "0.0.0.0:2222"]
    with subprocess.Popen(argv) as everywhere:
        try:
            wait_until(lambda: board.curl(f"http://{ADDRESS}:2222/").returncode == 0, what="the host's own")
            for host in (address, "10.43.0.10", "10.43.77.77"):
                assert board.curl(f"http://{host}:2222/").returncode == 7, host
                pod = ("exec", "near", "--", "sh", "-c", f"nc -w 2 {host} 2222 </dev/null && echo reached")
                assert "reached" not in board.kubectl("-n", shop, *pod, check=False).stdout, host
            assert says(board, f"http://{address}/").startswith("web-"), "the Service's own port"
        finally:
            everywhere.kill()


KILLS = 3


def test_nothing_is_lost_while_pods_roll_die_and_pikube_restarts(board, shop):
    service = get(board, shop, "loaded")
    cluster, node_port = service["spec"]["clusterIP"], service["spec"]["ports"][0]["nodePort"]
    with (
        Requests(board.name, f"http://{cluster}/") as inside,
        Requests(board.name, f"http://{ADDRESS}:{node_port}/") as outside,
        Wrk(board.name, f"http://{cluster}/", board.directory) as crowd,
        Questions(board.name, f"loaded.{shop}.svc.cluster.local") as names,
    ):
        board.kubectl("-n", shop, "set", "env", "deployment/web", "COLOUR=green")
        board.kubectl("-n", shop, "rollout", "status", "deployment/web", "--timeout=60s")
        for _ in range(KILLS):
            pods = board.get("pods", "-n", shop, "-l", "app=web")["items"]
            pod = next(p["metadata"]["name"] for p in pods if not p["metadata"].get("deletionTimestamp"))
            board.kubectl("-n", shop, "delete", "pod", pod, "--grace-period=0", "--force")
            board.kubectl("-n", shop, "rollout", "status", "deployment/web", "--timeout=60s")
        board.stop()
        before, asked = len(inside.made), len(names.made)
        wait_until(lambda: len(inside.made) > before + 30, what="traffic while pikube is not there")
        wait_until(lambda: len(names.made) > asked + 10, what="names while pikube is not there")
        board.start()
    assert (inside.failed(), outside.failed(), names.failed(), crowd.refused) == ([], [], [], 0)
    assert min(len(inside.made), len(outside.made), crowd.count) > 100
    exec_ = ("-n", shop, "exec", "near", "--", "true")
    wait_until(lambda: board.kubectl(*exec_, check=False).returncode == 0, what="the kubelet API is back")


def test_bulk_of_both_protocols_arrives(board, shop):
    """iperf3 from the board to itself through a ClusterIP; its datagrams and its control connection on one port."""
    ports = [{"name": name.lower(), "protocol": name, "port": 5201} for name in ("TCP", "UDP")]
    slice_ = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "bulk-1", "labels": {"kubernetes.io/service-name": "bulk"}},
        "endpoints": [{"addresses": [ADDRESS]}], "ports": ports,
    }  # fmt: skip
    board.kubectl("-n", shop, "apply", "-f", "-", text_in=manifest("bulk", {"ports": ports}))
    board.kubectl("-n", shop, "apply", "-f", "-", text_in=json.dumps(slice_))
    cluster = get(board, shop, "bulk")["spec"]["clusterIP"]
    argv = ["nsenter", f"--net=/run/netns/{board.name}", "iperf3", "-s", "-B", ADDRESS]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: f"{cluster}:5201" in board.run("ss", "-ltn").stdout)

            def sums(*flags):
                done = board.run("iperf3", "-J", "-c", cluster, *flags)
                return json.loads(done.stdout)["end"]

            for flags in ((), ("-R",), ("-P", "4")):
                assert sums("-t", "1", *flags)["sum_received"]["bytes"] > 10_000_000, flags
            lost = sums("-u", "-b", "8M", "-l", "1200", "-n", "2M")["sum"]["lost_percent"]
            assert lost < 5, f"{lost} % of the datagrams are lost"
        finally:
            server.kill()


DIGS = [
    (("loaded.shop.svc.cluster.local",), "{cluster}"),
    (("+tcp", "loaded.shop.svc.cluster.local"), "{cluster}"),
    (("-x", "{cluster}"), "loaded.shop.svc.cluster.local."),
    (("-x", "10.43.0.10"), "kube-dns.kube-system.svc.cluster.local."),
    (("_http._tcp.named.shop.svc.cluster.local", "SRV"), "0 100 80 named.shop.svc.cluster.local."),
    (("alias.shop.svc.cluster.local",), "two.shop.svc.cluster.local."),
    (("10-42-0-9.shop.pod.cluster.local",), "10.42.0.9"),
    (("loaded.shop.svc.cluster.local", "AAAA"), ""),
    (("nothing.shop.svc.cluster.local",), ""),
]  # fmt: skip


def test_dig_gets_the_answers_that_it_gets_from_coredns(board, shop):
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    board.kubectl("-n", shop, "apply", "-f", "-", text_in=manifest("named", {"ports": ports}))
    cluster = get(board, shop, "loaded")["spec"]["clusterIP"]

    def dig(*argv):
        return board.run("dig", "@10.43.0.10", *(word.replace("{cluster}", cluster) for word in argv)).stdout

    wait_until(lambda: dig("+short", "_http._tcp.named.shop.svc.cluster.local", "SRV"), what="a name")
    for argv, expected in DIGS:
        first = (dig("+short", *argv).splitlines() or [""])[0]
        assert first == expected.replace("{cluster}", cluster), argv
    said = dig("loaded.shop.svc.cluster.local")
    assert "status: NOERROR" in said and "flags: qr aa rd ra" in said and "EDNS: version: 0" in said, said
    assert f"loaded.shop.svc.cluster.local. 30 IN\tA\t{cluster}" in said, said
    said = dig("nothing.shop.svc.cluster.local")
    assert "status: NXDOMAIN" in said and "SOA\tns.dns.cluster.local." in said, said


def test_the_dns_is_a_service_and_has_a_name(board, shop):
    service = board.get("service", "kube-dns", "-n", "kube-system")
    assert service["spec"]["clusterIP"] == "10.43.0.10"
    said = board.kubectl("-n", shop, "exec", "near", "--", "cat", "/etc/resolv.conf")
    assert "nameserver 10.43.0.10" in said and f"search {shop}.svc.cluster.local" in said
    name = "kube-dns.kube-system.svc.cluster.local"
    said = board.kubectl(
        "-n", shop, "exec", "near", "--", "sh", "-c", f"nc -w 10 {name} 53 </dev/null && echo ok"
    )
    assert said.strip() == "ok"
