"""What people type to see how the cluster is, and to reach it from another computer."""

import json
import sys

import yaml


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
