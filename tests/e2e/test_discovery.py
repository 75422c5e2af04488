"""Leaders are seen on the LAN."""

import json
import sys


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
