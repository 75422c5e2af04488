"""Somebody sits in the cable between a new board and the LAN: all that it hears and says goes through him.

He has the board's own cluster announced to it, under his authority, and carries everything on to the true leader with
a key of his own. Real boards, real TLS, real mDNS; a person looks at both screens.
"""

import json
import subprocess

import pytest
from board import ROOT, wait_until
from terminal import Screen

THERE, HERE = "198.18.250.1", "198.18.250.2"


@pytest.fixture(scope="module")
def cable(cluster, tmp_path_factory):
    """(the attacker's program, what it hears, the board behind it)."""
    attacker, newcomer = cluster.add_bare_board(), cluster.add_bare_board(is_plugged=False)
    attacker.run(*f"ip link add evil0 type veth peer name eth0 netns {newcomer.name}".split())
    attacker.run(*f"ip address add {THERE}/24 dev evil0".split())
    attacker.run("ip", "link", "set", "evil0", "up")
    newcomer.set_address(HERE)
    identity = cluster.leader.get("namespace", "kube-system")["metadata"]["uid"]
    heard = attacker.directory / "heard"
    program = [*attacker.command("")[:3], str(ROOT / "tests" / "e2e" / "man_in_the_middle.py")]
    program += [THERE, cluster.url, "pikube", identity, str(attacker.directory / "authority")]
    with heard.open("w") as out, attacker.log.open("w") as log:
        process = subprocess.Popen(program, cwd=ROOT, stdout=out, stderr=log)
    try:
        yield heard, newcomer
    finally:
        process.terminate()
        process.wait(timeout=30)
        for board in (attacker, newcomer):
            cluster.remove_board(board)


def test_the_digits_differ_and_nobody_is_joined(cluster, cable):
    heard, newcomer = cable
    leader = cluster.leader
    member = newcomer.directory / "data" / "agent" / "member"
    with Screen(newcomer.command("join", "--no-start"), newcomer.environment()) as screen:
        shown = screen.expect(r"The digits of this board, b\d+: (\d\d\d \d\d\d)")[1].replace(" ", "")
        assert f"cluster pikube at https://{THERE}:6443" in screen.text  # it knows no other
        [waiting] = json.loads(leader.pikube("pair", "list", "-o", "json").stdout)["pairings"]
        assert waiting["name"] == newcomer.node and waiting["digits"] != shown  # equal once in a million
        trusting = leader.pikube("pair", "approve", newcomer.node, shown, check=False)
        assert trusting.returncode == 1 and "somebody is between it and this leader" in trusting.stderr
        leader.pikube("pair", "reject", newcomer.node, waiting["digits"])
        screen.type("no")  # the false leader has approved already
        assert screen.end() == 1 and "somebody on this network interferes" in screen.text
    assert "/enrol/v1/pairings" in heard.read_text()
    assert newcomer.node not in cluster.nodes() and not member.exists()


def test_who_has_a_token_tells_it_to_the_true_leader_only(cluster, cable):
    heard, newcomer = cable
    token = cluster.token()
    refused = newcomer.run(*newcomer.command("join", "--no-start", "--token", token)[2:], check=False)
    assert refused.returncode == 1 and "does not prove it" in refused.stderr, refused.stderr
    assert token[7:23] not in heard.read_text()
    assert not (newcomer.directory / "data" / "agent" / "member").exists()
    # without him it joins
    newcomer.run("ip", "link", "delete", "eth0")
    newcomer.plug()
    joined = wait_until(
        lambda: newcomer.run(*newcomer.command("join", "--no-start", "--token", token)[2:], check=False),
        what="an end of `pikube join`",
    )
    assert f"This board is the node {newcomer.node} of the cluster pikube." in joined.stdout, joined.stderr
    cluster.leader.kubectl("delete", "node", newcomer.node)
