import itertools
import shutil
import tempfile
from pathlib import Path

import pytest
from board import Board
from cluster import Cluster

NUMBERS = itertools.count(1)


def pytest_collection_modifyitems(items):
    for item in items:
        if "/e2e/" in str(item.path):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def board():
    """One board with a running leader for all end-to-end tests."""
    missing = [
        p
        for p in ("podman", "kubectl", "nft", "ip", "nsenter", "curl", "dig", "wrk", "iperf3")
        if shutil.which(p) is None
    ]
    assert not missing, f"make prepare installs what is missing: {missing}"
    board = Board(Path(tempfile.mkdtemp(prefix="pikube-e2e-")))
    try:
        board.open()
        board.start()
        yield board
    finally:
        board.close()


@pytest.fixture
def namespace(board):
    """A namespace of the test's own, deleted when it is over."""
    name = f"test-{next(NUMBERS)}"
    board.kubectl("create", "namespace", name)
    yield name
    board.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def cluster():
    """Three boards of one LAN, the leader and two that joined, all Ready. Leave them so."""
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="pikube-lan-")))
    try:
        cluster.open(3)
        cluster.start()
        yield cluster
    finally:
        cluster.close()
