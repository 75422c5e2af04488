"""What people type to see how the cluster is, and to reach it from another computer."""

import base64
import json
import sys

import yaml
from board import wait_until
from terminal import Screen


def test_status_shows_every_board_and_what_is_wrong(cluster):
    report = json.loads(cluster.leader.pikube("status", "-o", "json", check=False).stdout)
    lines = {line["name"]: line for line in report["nodes"]}
    assert {"b1", "b2", "b3"} <= set(lines)
    assert all(lines[name]["status"] == "Ready" for name in ("b1", "b2", "b3"))
    assert all(lines[name]["certificateDays"] in range(300, 366) for name in ("b1", "b2", "b3"))
    assert report["leader"]["certificateDays"] in range(300, 366) and report["leader"]["failing"] == []
    shown = cluster.leader.pikube("status", check=False).stdout
    assert f"leader {cluster.url}" in shown and "CERTIFICATE" in shown


def test_status_of_a_leader_that_is_not_there_is_one_sentence(cluster):
    gone = cluster.leader.pikube("status", "--kubeconfig", "/nonexistent", check=False)
    assert gone.returncode == 1 and gone.stderr.startswith(
        "pikube: there is no /nonexistent: run this on the leader"
    )


def test_a_kubeconfig_merges_and_works_from_another_board(cluster, tmp_path):
    leader, other = cluster.leader, cluster.boards[1]
    mine = tmp_path / "config"
    mine.write_text(yaml.safe_dump({"clusters": [{"name": "work", "cluster": {"server": "https://work"}}]}))
    merge = [
        sys.executable,
        "-m",
        "pikube",
        "kubeconfig",
        "--merge",
        "--data-dir",
        str(leader.directory / "data"),
    ]
    command = [
        "env",
        f"KUBECONFIG={mine}",
        *merge,
        "--write-kubeconfig",
        str(leader.kubeconfig),
        "--name",
        "home",
    ]
    leader.run(*command)
    leader.run(*command)  # again: nothing is doubled
    document = yaml.safe_load(mine.read_text())
    assert [entry["name"] for entry in document["clusters"]] == ["work", "home"]
    assert document["current-context"] == "home" and mine.stat().st_mode & 0o777 == 0o600
    seen = other.run("kubectl", "--kubeconfig", str(mine), "get", "nodes", "-o", "name").stdout
    assert {"node/b1", "node/b2", "node/b3"} <= set(seen.split())


def test_a_computer_without_pikubes_data_sees_the_status_with_a_kubeconfig(cluster):
    other = cluster.boards[1]
    answer = other.pikube("status", "--kubeconfig", str(cluster.leader.kubeconfig), "-o", "json", check=False)
    assert json.loads(answer.stdout)["cluster"] == "pikube"


def issued(cluster, tmp_path, *flags):
    """The kubeconfig that `pikube kubeconfig --user` printed, and what it may be used for."""
    leader = cluster.leader
    data = ["--data-dir", str(leader.directory / "data"), "--write-kubeconfig", str(leader.kubeconfig)]
    text = leader.run(sys.executable, "-m", "pikube", "kubeconfig", *flags, *data).stdout
    path = tmp_path / "issued"
    path.write_text(text)
    return path


def test_somebody_gets_a_certificate_and_what_rbac_gives_his_group(cluster, tmp_path):
    leader, other = cluster.leader, cluster.boards[1]
    config = issued(cluster, tmp_path, "--user", "ann", "--group", "team", "--expires", "8h")
    as_ann = ("kubectl", "--kubeconfig", str(config))
    me = json.loads(other.run(*as_ann, "auth", "whoami", "-o", "json").stdout)["status"]["userInfo"]
    assert me["username"] == "ann" and "team" in me["groups"]
    refused = other.run(*as_ann, "get", "pods", check=False)
    assert refused.returncode == 1 and 'User "ann" cannot list resource "pods"' in refused.stderr
    leader.kubectl("create", "rolebinding", "team-views", "--clusterrole=view", "--group=team")
    try:
        wait_until(
            lambda: other.run(*as_ann, "get", "pods", check=False).returncode == 0, what="the role's effect"
        )
    finally:
        leader.kubectl("delete", "rolebinding", "team-views")
    assert leader.get("csr")["items"] == []  # nothing is left of the request


def test_kubectl_approves_and_denies_what_others_ask_for(cluster, tmp_path):
    leader = cluster.leader
    key, csr = tmp_path / "key.pem", tmp_path / "csr.pem"
    subject = ("-subj", "/CN=bob/O=guests")
    leader.run_host(
        "openssl",
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        str(key),
        "-out",
        str(csr),
        *subject,
    )
    for name, action, words in (("bob", "approve", "Approved,Issued"), ("eve", "deny", "Denied")):
        manifest = {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"name": name},
            "spec": {
                "request": base64.b64encode(csr.read_bytes()).decode(),
                "signerName": "kubernetes.io/kube-apiserver-client",
                "usages": ["digital signature", "key encipherment", "client auth"],
            },
        }
        leader.kubectl("apply", "-f", "-", text_in=json.dumps(manifest))
        assert "Pending" in leader.kubectl("get", "csr", name)
        leader.kubectl("certificate", action, name)
        wait_until(lambda name=name, words=words: words in leader.kubectl("get", "csr", name), what=words)
    pem = tmp_path / "bob.pem"
    pem.write_bytes(base64.b64decode(leader.get("csr", "bob")["status"]["certificate"]))
    who = leader.run(
        "kubectl", "--kubeconfig=/dev/null", f"--server={cluster.url}", "--insecure-skip-tls-verify",
        f"--client-certificate={pem}", f"--client-key={key}", "auth", "whoami", "-o", "json", check=False,
    )  # fmt: skip
    shown = who.stdout or who.stderr
    leader.kubectl("delete", "csr", "bob", "eve")
    assert '"bob"' in shown and '"guests"' in shown, shown


def test_on_a_terminal_the_status_is_in_colour(cluster):
    leader = cluster.leader
    command = leader.command("status")[:6]
    with Screen([*command, "--kubeconfig", str(leader.kubeconfig)], leader.environment()) as screen:
        screen.expect("b3")
        screen.end()
    assert "\x1b[32mReady" in screen.text and "\x1b[1mNAME" in screen.text


def test_a_leader_that_does_not_answer_is_one_sentence(cluster, tmp_path):
    elsewhere = tmp_path / "config"
    text = cluster.leader.kubeconfig.read_text()
    elsewhere.write_text(text.replace(cluster.leader.address, cluster.boards[1].address))
    gone = cluster.leader.pikube("status", "--kubeconfig", str(elsewhere), check=False)
    assert gone.returncode == 1 and gone.stderr.count("\n") == 1
    assert f"the leader https://{cluster.boards[1].address}:6443 does not answer" in gone.stderr
