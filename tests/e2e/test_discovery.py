"""Leaders are seen on the LAN."""

import json
import os
import subprocess
import sys

import pytest
from board import ROOT, wait_until
from terminal import Screen


def test_the_leader_is_found_on_its_lan(board):
    answer = board.run(sys.executable, "-m", "pikube", "discover", "-o", "json")
    [leader] = json.loads(answer.stdout)["leaders"]
    assert leader["cluster"] == "pikube" and leader["node"] == "board"
    assert leader["id"] == board.get("namespace", "kube-system")["metadata"]["uid"]
    assert leader["urls"] == ["https://198.51.100.7:6443"]  # the pods' bridge has an address, too


def test_nobody_is_found_where_nobody_announces(board):
    answer = board.run(
        sys.executable, "-m", "pikube", "discover", "--discovery-interface", "eth9", check=False
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("pikube: ") and answer.stderr.count("\n") == 1


@pytest.fixture
def two_boards(cluster):
    """A board that runs a leader of somebody else, and a board that has not joined."""
    other, newcomer = cluster.add_bare_board(), cluster.add_bare_board()
    yield other, newcomer
    for board in (other, newcomer):
        cluster.remove_board(board)
    cluster.leader.kubectl("delete", "node", newcomer.node, "--ignore-not-found")


def answers(board):
    """Who answers within a second; several may name one URL."""
    quick = ("--timeout", "1")
    answer = board.run(sys.executable, "-m", "pikube", "discover", *quick, "-o", "json", check=False)
    return json.loads(answer.stdout)["leaders"]


def leaders(board):
    return {leader["urls"][0]: leader for leader in answers(board)}


def test_other_leaders_on_the_lan_get_no_board_and_no_secret(cluster, two_boards):
    other, newcomer = two_boards
    other.start_leader("--no-agent", "--cluster-name", "other")
    false_url = f"https://{other.address}:6443"
    wait_until(lambda: {cluster.url, false_url} <= set(leaders(newcomer)), what="both leaders on the LAN")
    ours = wait_until(lambda: leaders(newcomer).get(cluster.url), what="our leader on the LAN")

    # a person who names nobody is told of both, and how to choose
    with Screen(newcomer.command("join"), newcomer.environment()) as screen:
        assert screen.end() == 1
        assert "more than one leader was found" in screen.text
        assert cluster.url in screen.text and false_url in screen.text and "--leader" in screen.text

    # the other one also claims to be ours, and is asked first; who has a token is not misled
    lie = (other.address, "6443", ours["cluster"], ours["id"], ours["caFingerprints"][0])
    program = [*other.command("")[:3], str(ROOT / "tests" / "e2e" / "false_leader.py"), *lie]
    liar = subprocess.Popen(program, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        wait_until(lambda: "liar" in [leader["node"] for leader in answers(newcomer)], what="the lie")
        joined = newcomer.run(*newcomer.command("join", "--no-start", "--token", cluster.token())[2:])
        assert f"This board is the node {newcomer.node} of the cluster pikube." in joined.stdout
    finally:
        liar.terminate()
        liar.wait(timeout=30)
    assert newcomer.node in cluster.nodes()
    assert other.get("nodes")["items"] == []
    assert "pairing" not in other.log.read_text() and "joined" not in other.log.read_text()

    # and who stops says goodbye
    other.stop()
    wait_until(lambda: set(leaders(newcomer)) == {cluster.url}, timeout_s=60, what="one leader on the LAN")
