"""The book's sessions of chapters 7 and 15 about Services, typed as a reader types them, with what is printed."""

import json
import re
import subprocess

import pytest
from board import ADDRESS, wait_until

BOX = "localhost/box:1"
SERVE = "mkdir -p /www; hostname > /www/index.html; : > /www/ready; exec httpd -f -p 8080 -h /www"


@pytest.fixture
def kubectl(board, namespace):
    """kubectl in the test's own namespace."""

    def run(*argv, **options):
        return board.kubectl("-n", namespace, *argv, **options)

    run.namespace = namespace
    run.get = lambda *argv: board.get("-n", namespace, *argv)
    run.apply = lambda *objects: run("apply", "-f", "-", text_in="\n".join(map(json.dumps, objects)))
    return run


def container(command, **more):
    return {"name": "box", "image": BOX, "command": ["sh", "-c", command], **more}


def workload(kind, name, labels, spec, containers):
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "labels": labels},
        "spec": {
            **spec, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels},
                         "spec": {"terminationGracePeriodSeconds": 0, "containers": containers}},
        },
    }  # fmt: skip


def service(name, **spec):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec,
    }


def fields(text):
    """`Name:  value` lines of describe."""
    return {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())
    }


def pod_names(kubectl, *argv):
    return {pod["metadata"]["name"] for pod in kubectl.get("pods", *argv)["items"]}


def test_chapter_7_a_deployment_is_exposed_found_by_name_and_followed(board, kubectl):
    labels = {"app": "alpaca", "ver": "1", "env": "prod"}
    probe = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    box = container(SERVE, ports=[{"containerPort": 8080}], readinessProbe=probe)
    kubectl.apply(workload("Deployment", "alpaca-prod", labels, {"replicas": 2}, [box]))
    kubectl("rollout", "status", "deployment/alpaca-prod", "--timeout=60s")
    kubectl("run", "early", f"--image={BOX}", "--", "sleep", "3600")
    kubectl("wait", "--for=condition=Ready", "pod/early", "--timeout=30s")
    assert kubectl("expose", "deployment", "alpaca-prod") == "service/alpaca-prod exposed\n"

    # S7.2: the table, a stable address, names short and long
    head, line = kubectl("get", "services", "-o", "wide").splitlines()
    row = dict(zip(head.split(), line.split(), strict=True))
    address = row["CLUSTER-IP"]
    assert [row[key] for key in ("NAME", "TYPE", "EXTERNAL-IP", "PORT(S)")] == [
        "alpaca-prod", "ClusterIP", "<none>", "8080/TCP",
    ]  # fmt: skip
    assert row["SELECTOR"] == "app=alpaca,env=prod,ver=1"
    full = f"alpaca-prod.{kubectl.namespace}.svc.cluster.local"
    for name in ("alpaca-prod", f"alpaca-prod.{kubectl.namespace}", full):

        def said(name=name):
            asked = ("exec", "early", "--", "wget", "-qO-", f"http://{name}:8080/")
            return kubectl(*asked, check=False).stdout

        assert wait_until(said, what=name).startswith("alpaca-prod-")
    assert f"{full}. 30 IN A {address}" in " ".join(board.run("dig", "@10.43.0.10", full).stdout.split())

    # S7.5: endpoints, watched; variables only where the Service came first
    one, other = sorted(pod_names(kubectl, "-l", "app=alpaca"))
    described = kubectl("describe", "endpoints", "alpaca-prod")
    assert "Subsets:" in described and "NotReadyAddresses:  <none>" in described and "app=alpaca" in described
    assert "ALPACA_PROD" not in kubectl("exec", "early", "--", "env")
    kubectl("run", "late", f"--image={BOX}", "--", "sleep", "3600")
    kubectl("wait", "--for=condition=Ready", "pod/late", "--timeout=30s")
    said = kubectl("exec", "late", "--", "env").splitlines()
    assert (
        f"ALPACA_PROD_SERVICE_HOST={address}" in said and f"ALPACA_PROD_PORT_8080_TCP_ADDR={address}" in said
    )
    argv = ["nsenter", f"--net=/run/netns/{board.name}", "kubectl", f"--kubeconfig={board.kubeconfig}",
            "-n", kubectl.namespace, "get", "endpoints", "alpaca-prod", "--watch", "--no-headers"]  # fmt: skip
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL) as watch:
        try:
            assert watch.stdout.readline().count(":8080") == 2, "the present state first"
            kubectl("exec", one, "--", "rm", "/www/ready")  # S7.2.2: one pod fails its readiness probe
            assert watch.stdout.readline().count(":8080") == 1
            answers = {board.curl(f"http://{address}:8080/").stdout.strip() for _ in range(10)}
            assert answers == {other}, "the one that is not ready gets no request"
            kubectl("exec", one, "--", "sh", "-c", ": > /www/ready")
            assert watch.stdout.readline().count(":8080") == 2, "back, without a restart"
        finally:
            watch.kill()
    assert kubectl.get("pod", one)["status"]["containerStatuses"][0]["restartCount"] == 0
    kubectl("delete", "pods", "-l", "app=alpaca", "--grace-period=0", "--force")
    kubectl("rollout", "status", "deployment/alpaca-prod", "--timeout=60s")
    assert kubectl.get("service", "alpaca-prod")["spec"]["clusterIP"] == address

    # S7.3: the type is changed in place
    kubectl("patch", "service", "alpaca-prod", "-p", '{"spec": {"type": "NodePort"}}')
    text = kubectl("describe", "service", "alpaca-prod")
    found = fields(text)
    assert [found[key] for key in ("Name", "Type", "IP", "Session Affinity")] == [
        "alpaca-prod", "NodePort", address, "None",
    ]  # fmt: skip
    assert found["Selector"] == "app=alpaca,env=prod,ver=1" and found["Endpoints"].count(":8080") == 2
    port = re.search(r"NodePort:\s+<unset>\s+(\d+)/TCP", text)[1]
    pods = pod_names(kubectl, "-l", "app=alpaca")
    for host in (ADDRESS, "127.0.0.1"):  # on the node itself, too: ssh NODE -L 8080:localhost:PORT

        def answers(host=host):
            return {board.curl(f"http://{host}:{port}/").stdout.strip() for _ in range(10)} == pods

        wait_until(answers, what=f"both pods answer on {host}:{port}")

    # S7.7
    assert "deleted" in kubectl("delete", "services,deployments", "-l", "app")
    wait_until(lambda: board.curl(f"http://{address}:8080/").returncode == 7, what="the address refuses")


REFUSED = [
    ({"clusterIP": "10.99.0.1"}, "the provided network does not match the current range"),
    ({"clusterIP": "10.43.0.10"}, "provided IP is already allocated"),
    ({"ipFamilyPolicy": "RequireDualStack"}, "this cluster is not configured for dual-stack services"),
    ({"ipFamilies": ["IPv6"]}, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'),
    ({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]}, "provided port is not in the valid range"),
    ({"type": "ExternalName", "externalName": "Not A Name"}, "spec.externalName: Invalid value"),
    ({"ports": []}, "spec.ports: Required value"),
]  # fmt: skip


def test_chapter_7_what_a_service_cannot_have_is_refused_in_upstreams_words(kubectl):
    kubectl.apply(service("held", ports=[{"port": 80}]))
    patch = '{"spec": {"clusterIP": "10.43.7.7", "clusterIPs": ["10.43.7.7"]}}'
    done = kubectl("patch", "service", "held", "-p", patch, check=False)
    assert "may not change once set" in done.stderr, done.stderr
    for spec, words in REFUSED:
        text = json.dumps(service("refused", **{"ports": [{"port": 80}], **spec}))
        done = kubectl("apply", "-f", "-", text_in=text, check=False)
        assert done.returncode == 1 and words in done.stderr, (spec, done.stderr)


def test_chapter_15_services_stand_for_what_is_elsewhere(board, kubectl):
    """An alias; one name in two namespaces; addresses that a person keeps, balanced and never overwritten."""
    there = f"{kubectl.namespace}-prod"
    board.kubectl("create", "namespace", there)
    try:
        database = {"type": "ExternalName", "externalName": "database.company.com"}
        kubectl.apply(service("my-database", **database))
        text = json.dumps(service("my-database", ports=[{"port": 3306}]))
        board.kubectl("-n", there, "apply", "-f", "-", text_in=text)

        def dig(namespace):
            return board.run(
                "dig", "+short", "@10.43.0.10", f"my-database.{namespace}.svc.cluster.local", "CNAME"
            ).stdout

        assert wait_until(lambda: dig(kubectl.namespace)) == "database.company.com.\n"
        own = board.get("service", "my-database", "-n", there)["spec"]["clusterIP"]
        assert (
            board.run("dig", "+short", "@10.43.0.10", f"my-database.{there}.svc.cluster.local").stdout
            == f"{own}\n"
        )
        assert board.curl(f"http://{own}:3306/").returncode == 7, "an address, and nobody behind it yet"

        kubectl.apply(*(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
             "spec": {"terminationGracePeriodSeconds": 0, "containers": [container(SERVE)]}}
            for name in ("db-0", "db-1")
        ))  # fmt: skip
        kubectl("wait", "--for=condition=Ready", "pod/db-0", "pod/db-1", "--timeout=30s")
        ips = [kubectl.get("pod", name)["status"]["podIP"] for name in ("db-0", "db-1")]
        endpoints = {
            "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "my-database"},
            "subsets": [{"addresses": [{"ip": ip} for ip in ips], "ports": [{"port": 8080}]}],
        }  # fmt: skip
        board.kubectl("-n", there, "apply", "-f", "-", text_in=json.dumps(endpoints))

        def both_answer():
            return {board.curl(f"http://{own}:3306/").stdout.strip() for _ in range(8)} == {"db-0", "db-1"}

        wait_until(both_answer, what="two addresses, balanced")
        board.kubectl("-n", there, "label", "service", "my-database", "seen=yes")
        kept = board.get("endpoints", "my-database", "-n", there)["subsets"][0]["addresses"]
        assert sorted(address["ip"] for address in kept) == sorted(ips), "the controller leaves them alone"
    finally:
        board.kubectl("delete", "namespace", there, "--wait=false")


def test_chapter_15_members_of_a_set_have_names_of_their_own(board, kubectl):
    spec = {"serviceName": "mongo", "replicas": 2}
    kubectl.apply(
        service(
            "mongo", clusterIP="None", selector={"app": "mongo"}, ports=[{"port": 27017, "name": "peer"}]
        ),
        workload("StatefulSet", "mongo", {"app": "mongo"}, spec, [container("exec sleep 3600")]),
    )
    kubectl("rollout", "status", "statefulset/mongo", "--timeout=60s")
    ips = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in kubectl.get("pods")["items"]}
    base = f"mongo.{kubectl.namespace}.svc.cluster.local"

    def dig(*argv):
        return set(board.run("dig", "+short", "@10.43.0.10", *argv).stdout.split("\n")) - {""}

    wait_until(lambda: dig(base) == set(ips.values()), what="all addresses")
    for name, ip in ips.items():
        assert dig(f"{name}.{base}") == {ip}
        assert dig("-x", ip) == {f"{name}.{base}."}
    assert dig("SRV", f"_peer._tcp.{base}") == {f"0 50 27017 {name}.{base}." for name in ips}
    said = kubectl("exec", "mongo-0", "--", "busybox", "nslookup", f"mongo-1.{base}")
    assert ips["mongo-1"] in said, said
    command = ("run", "-i", "--rm", "--restart=Never", f"--image={BOX}", "look", "--")
    script = "cat; hostname; busybox ping -c1 -W2 mongo-1.mongo"  # what is said before kubectl has attached is lost
    said = kubectl(*command, "sh", "-c", script, text_in="")
    assert f"({ips['mongo-1']})" in said and "1 packets received" in said, said
