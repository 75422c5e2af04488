"""A board joins because a person saw the same six digits on both screens."""

import json
import shutil
import sys

import pytest
from terminal import Screen


@pytest.fixture
def newcomer(cluster):
    """A board on the LAN that has not joined; forgotten afterwards."""
    board = cluster.add_board()
    yield board
    board.close()
    cluster.leader.kubectl("delete", "node", board.node, "--ignore-not-found")
    cluster.boards.remove(board)


def joining(board, *flags):
    """`pikube join` as somebody types it on the board: nothing is configured, the leader is found by mDNS."""
    return Screen(board.command("join", *flags), board.environment())


def pair(cluster, *argv, check=True):
    return cluster.leader.pikube("pair", *argv, check=check)


def test_a_board_joins_by_comparing_digits(cluster, newcomer):
    name = newcomer.node
    with joining(newcomer) as screen:
        digits = screen.expect(r"The digits of this board, b\d+: (\d\d\d \d\d\d)")[1]
        [waiting] = json.loads(pair(cluster, "list", "-o", "json").stdout)["pairings"]
        assert waiting["name"] == name and waiting["address"] == newcomer.address
        assert waiting["digits"] == digits.replace(" ", "")
        assert digits in pair(cluster, "list").stdout

        wrong = pair(cluster, "approve", name, f"{(int(waiting['digits']) + 1) % 10**6:06}", check=False)
        assert wrong.returncode == 1 and "does not wait with the digits" in wrong.stderr
        assert name not in cluster.nodes()

        screen.expect(r"Does the leader show .* too\?")
        pair(cluster, "approve", name, digits)
        screen.type("yes")
        screen.expect(f"This board is the node {name} of the cluster pikube")
        cluster.wait_ready(name)
        node = cluster.nodes()[name]
        assert json.loads(pair(cluster, "list", "-o", "json").stdout)["pairings"] == []
    log = cluster.leader.log.read_text()
    assert f"event=pairing_approved node='{name}'" in log and "by='kubernetes-admin'" in log

    # the card is written anew: the board is another one now, until a person says that it takes the old one's place
    newcomer.podman("pod", "rm", "--all", "--force", "--time", "0")
    shutil.rmtree(newcomer.directory / "data" / "agent" / "member")
    taken = newcomer.run(*newcomer.command("join", "--no-start", "--token", cluster.token())[2:], check=False)
    assert taken.returncode == 1 and f"there is another board called {name}" in taken.stderr
    with joining(newcomer, "--replace") as screen:
        digits = screen.expect(r"The digits of this board, b\d+: (\d\d\d \d\d\d)")[1]
        [waiting] = json.loads(pair(cluster, "list", "-o", "json").stdout)["pairings"]
        assert waiting["replace"] and waiting["takesThePlaceOf"]
        pair(cluster, "approve", name, digits)
        screen.type("yes")
        screen.expect("event=node_ready")
    assert cluster.nodes()[name]["metadata"]["uid"] == node["metadata"]["uid"]


def test_a_person_answers_on_both_screens(cluster, newcomer):
    """`pikube pair` without arguments waits for the board, shows it and asks."""
    command = ["nsenter", f"--net=/run/netns/{cluster.leader.name}", sys.executable, "-m", "pikube", "pair"]
    command += ["--kubeconfig", str(cluster.leader.kubeconfig)]
    with Screen(command, cluster.leader.environment()) as desk:
        desk.expect("No board is waiting yet")
        with joining(newcomer, "--no-start") as screen:
            digits = screen.expect(r": (\d\d\d \d\d\d)\n")[1]
            desk.expect(f"Does {newcomer.node} show {digits}")
            desk.type("n")
            assert desk.end() == 0 and f"{newcomer.node} is rejected" in desk.text
            assert screen.end() == 1
            assert "the leader refused this board: it was rejected on the leader" in screen.text
    assert newcomer.node not in cluster.nodes()
    assert not (newcomer.directory / "data" / "agent" / "member").exists()  # nothing is left behind


def test_whoever_says_no_at_the_board_has_not_joined(cluster, newcomer):
    with joining(newcomer, "--no-start") as screen:
        screen.expect("too?")
        screen.type("no")
        assert screen.end() == 1
        assert "this board was not joined" in screen.text
    with joining(newcomer, "--no-start") as screen:
        screen.expect("too?")
        screen.interrupt()
        assert screen.end() == 130 and "Traceback" not in screen.text
    assert json.loads(pair(cluster, "list", "-o", "json").stdout)["pairings"] == []


def test_without_a_terminal_somebody_must_say_whom_to_trust(cluster, newcomer):
    refused = newcomer.run(*newcomer.command("join")[2:], check=False)
    assert refused.returncode == 1 and "there is no terminal: give --token" in refused.stderr
