"""A cluster survives its card: backup while it runs, restore on another board."""

import pytest
from board import wait_until


@pytest.fixture
def cards(cluster):
    """Two boards that run nothing."""
    boards = [cluster.add_board(), cluster.add_board()]
    yield boards
    for board in boards:
        board.close()
        cluster.boards.remove(board)


def test_a_cluster_comes_back_on_a_fresh_card_with_its_own_authority(cards, tmp_path):
    old, fresh = cards
    old.start_leader("--no-agent", "--cluster-name", "drawer")
    old.kubectl("create", "configmap", "kept", "--from-literal=answer=42")
    made = old.pikube("backup", str(tmp_path), "--keep", "1")
    [archive] = tmp_path.glob("*.pikube-backup.tar.gz")
    assert "cluster drawer" in made.stdout and archive.stat().st_mode & 0o777 == 0o600
    old.kubectl("create", "configmap", "later", "--from-literal=answer=43")

    running = old.pikube("restore", str(archive), check=False)
    assert running.returncode == 1 and "add --force" in running.stderr
    running = old.pikube("restore", str(archive), "--force", check=False)
    assert running.returncode == 1 and "stop the other pikube first" in running.stderr
    old.stop()

    restored = fresh.pikube("restore", str(archive))
    assert "Cluster drawer" in restored.stdout and f"--node-name {old.node}" in restored.stdout
    fresh.start_leader("--no-agent", "--cluster-name", "drawer", "--node-name", old.node)
    # the kubeconfig that people have goes on working: same authority, another address
    fresh.kubeconfig = old.kubeconfig
    server = f"--server=https://{fresh.address}:6443"
    wait_until(
        lambda: fresh.kubectl(server, "get", "cm", "kept", check=False).returncode == 0, what="the old admin"
    )
    assert fresh.kubectl(server, "get", "cm", "kept", "-o", "jsonpath={.data.answer}") == "42"
    assert fresh.kubectl(server, "get", "cm", "later", check=False).returncode == 1
