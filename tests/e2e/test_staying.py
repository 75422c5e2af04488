"""A cluster stays one: addresses change, cables are pulled, clocks are wrong, certificates end, and boards go."""

import itertools
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from board import wait_until

from pikube.cli.failure import NO_MEMBER

DAY_S = 86400.0
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: on-NODE, labels: {app: staying}}
spec:
  nodeName: NODE
  terminationGracePeriodSeconds: 1
  tolerations: [{operator: Exists}]
  containers: [{name: box, image: "localhost/box:1", command: [sleep, "100000"]}]
"""


@pytest.fixture(scope="module")
def lan(cluster):
    """The cluster with a pod on each board."""
    for board in cluster.boards:
        cluster.leader.kubectl("apply", "-f", "-", text_in=POD.replace("NODE", board.node))
    cluster.leader.kubectl("wait", "pod", "-l", "app=staying", "--for=condition=Ready", "--timeout=60s")
    yield cluster
    cluster.leader.kubectl("delete", "pod", "-l", "app=staying", "--wait=false")


def works(lan, *nodes):
    """Whether the nodes are Ready and their pods can be entered."""
    found = lan.nodes()
    names = nodes or tuple(board.node for board in lan.boards)
    if not all(name in found and lan.is_ready(name) for name in names):
        return False
    return all(
        lan.leader.kubectl(
            "exec", "--request-timeout=5s", f"on-{name}", "--", "echo", "hi", check=False
        ).stdout
        == "hi\n"
        for name in names
    )


def address_of(lan, name):
    addresses = lan.nodes().get(name, {}).get("status", {}).get("addresses", [])
    return next((a["address"] for a in addresses if a["type"] == "InternalIP"), "")


def containers(lan):
    """The containers of the pods, by pod."""
    pods = lan.leader.get("pods", "-l", "app=staying")["items"]
    return {p["metadata"]["name"]: p["status"]["containerStatuses"][0]["containerID"] for p in pods}


def test_an_agent_gets_another_address(lan):
    board = lan.boards[2]
    board.set_address(lan.lan.address(103))
    wait_until(lambda: address_of(lan, board.node) == board.address, 25, "the node's new address")
    wait_until(lambda: works(lan, board.node), 20, "its pod can be entered")


def test_the_leader_gets_another_address(lan):
    leader = lan.leader
    leader.set_address(lan.lan.address(101))
    wait_until(lambda: works(lan), 40, "all boards found the leader")
    assert leader.address in leader.kubectl("get", "endpoints", "kubernetes")


def test_a_cable_is_pulled_and_put_back(lan):
    board, before = lan.boards[1], containers(lan)
    lan.wait_ready(board.node)
    board.cut()
    try:
        wait_until(lambda: not lan.is_ready(board.node), 30, "a node that is not Ready")
    finally:
        board.heal()
    wait_until(lambda: works(lan, board.node), 30, "the board is back")
    assert containers(lan) == before


def test_a_deleted_node_can_no_longer_speak_and_may_join_again(lan):
    leader, board = lan.leader, lan.boards[2]
    leader.kubectl("delete", "node", board.node)
    wait_until(lambda: board.process.poll() is not None, 20, "the end of its agent")
    assert "no longer the node b3" in board.log.read_text()
    assert board.process.returncode == NO_MEMBER  # systemd does not ask again
    assert board.node not in lan.nodes()
    board.join(lan.token(), lan.url, "--reset")
    lan.wait_ready(board.node)


def test_a_copied_card_is_found_and_both_boards_are_named(lan):
    original = lan.boards[1]
    copy = lan.add_board()
    member = original.directory / "data" / "agent" / "member"
    shutil.copytree(member, copy.directory / "data" / "agent" / "member")
    copy.spawn("agent")
    wait_until(lambda: copy.process.poll() is not None, 20, "the end of the copy's agent")
    words = copy.log.read_text()
    assert copy.process.returncode == 1 and "two boards at once" in words
    assert original.address in words and copy.address in words
    assert works(lan, original.node)
    wait_until(lambda: "CardCopied" in lan.leader.kubectl("get", "events", "-A"), 10, "an event for people")
    lan.remove_board(copy)


def test_the_authority_is_changed_under_load(lan):
    """Whoever works with the administrator's kubeconfig notices nothing, no board is lost; one that is away holds the
    change up, and meanwhile what was given to people counts as before."""
    leader, away = lan.leader, lan.boards[2]
    before = json.loads(leader.pikube("certs", "-o", "json").stdout)
    theirs = leader.directory / "kubeconfig-of-before"
    theirs.write_text(leader.kubeconfig.read_text())
    token = leader.kubectl("create", "token", "default").strip()
    failures, is_over = [], threading.Event()

    def load():
        for number in itertools.count():
            if is_over.is_set():
                return
            done = leader.kubectl("create", "configmap", f"load-{number}", check=False)
            if done.returncode:
                failures.append(done.stderr)

    def who(*flags):
        return leader.kubectl(
            *flags, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}", check=False
        )

    def held_up():
        change = json.loads(leader.pikube("certs", "-o", "json").stdout)
        return (change["phase"], change["waitingFor"]) == ("trusting", [away.node])

    with ThreadPoolExecutor(2) as pool:
        pool.submit(load)
        try:
            away.cut()
            rotating = pool.submit(leader.pikube, "certs", "rotate-ca", timeout_s=90)
            wait_until(held_up, 30, "a change that waits for the board that is away")
            assert who(f"--kubeconfig={theirs}").stdout == "kubernetes-admin"
            away.heal()
            rotated = rotating.result()
        finally:
            away.heal()
            is_over.set()
    assert failures == []
    after = json.loads(leader.pikube("certs", "-o", "json").stdout)
    assert after["phase"] == "idle" and len(after["authorities"]) == 1
    assert after["authorities"][0]["fingerprint"] != before["authorities"][0]["fingerprint"]
    assert after["authorities"][0]["fingerprint"] in rotated.stdout
    assert len(after["boards"]) == 2

    def all_follow():
        boards = json.loads(leader.pikube("certs", "-o", "json").stdout)["boards"]
        return all(board["follows"] for board in boards)

    wait_until(all_follow, 30, "boards that confirm the last step, too")
    wait_until(lambda: works(lan), 20, "every board under the new authority")
    inside = leader.kubectl("get", "configmap", "kube-root-ca.crt", "-o", "jsonpath={.data.ca\\.crt}")
    assert inside.count("BEGIN CERTIFICATE") == 1 and inside.strip() in leader.kubeconfig_ca()
    trust = leader.get("configmap", "-n", "kube-system", "extension-apiserver-authentication")["data"]
    assert trust["requestheader-client-ca-file"].strip() == inside.strip()
    assert "x509" in who(f"--kubeconfig={theirs}").stderr  # people get another one
    in_pod = (
        "--kubeconfig=/dev/null",
        "--insecure-skip-tls-verify",
        f"--server={lan.url}",
        f"--token={token}",
    )
    assert who(*in_pod).stdout == "system:serviceaccount:default:default"


def test_certificates_that_ended_are_renewed_by_the_board_s_key(lan):
    """Thirteen months later, by every clock; one board woke up in another century."""
    before = lan.leader.log.read_text().count("event=certificates_renewed node=")
    for board in lan.boards:
        board.kill()
    later_s = 400 * DAY_S
    lan.leader.start_leader(wrong_by_s=later_s)
    lan.boards[1].spawn("agent", wrong_by_s=later_s)
    lan.boards[2].spawn("agent", wrong_by_s=-25 * 365 * DAY_S)
    renewed = "event=certificates_renewed node="
    wait_until(
        lambda: lan.leader.log.read_text().count(renewed) >= 2 + before, 40, "certificates of both boards"
    )
    lan.wait_ready(*(board.node for board in lan.boards))
    for board in lan.boards:
        board.kill()
    lan.leader.start_leader()
    for board in lan.boards[1:]:
        board.spawn("agent")
    lan.wait_ready(*(board.node for board in lan.boards))
