"""Helm, client-go and controller-runtime, unmodified, where scripts/build-clients has built them."""

import json
import os
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
BUILT = Path(os.environ.get("PIKUBE_CLIENTS", CACHE / "pikube-clients"))
PROTOBUF = "application/vnd.kubernetes.protobuf"
CHART = Path(__file__).parent / "chart"


def built(name):
    """The program, or a skip that says how to have it."""
    program = BUILT / name
    if not program.exists():
        pytest.skip(f"{name} is not in {BUILT}: scripts/build-clients builds it (Go, some minutes)")
    return str(program)


@pytest.fixture(params=["helm-v3", "helm-v4"])
def helm(request, board, namespace, tmp_path):
    """Runs Helm in the test's namespace."""
    program = built(request.param)

    def run(*argv, **options):
        homes = [f"HELM_{name}_HOME={tmp_path / name}" for name in ("CACHE", "CONFIG", "DATA")]
        return board.run("env", *homes, program, "-n", namespace, *argv, timeout_s=180, **options).stdout

    return run


def test_a_chart_is_installed_changed_rolled_back_and_removed(board, namespace, helm):
    def conf():
        return board.get("configmap", "my-conf", "-n", namespace)["data"]

    helm("install", "my", str(CHART), "--wait", "--timeout", "90s")
    assert conf() == {"colour": "blue", "has": "true", "found": "kube-system", "version": conf()["version"]}
    assert board.get("deployment", "my-web", "-n", namespace)["status"]["readyReplicas"] == 1
    assert board.kubectl("-n", namespace, "get", "jobs", "-o", "name") == ""  # the hook ran and was removed
    helm("upgrade", "my", str(CHART), "--set", "colour=red,replicas=2", "--wait", "--timeout", "90s")
    assert conf()["colour"] == "red"
    assert board.get("deployment", "my-web", "-n", namespace)["status"]["readyReplicas"] == 2
    helm("rollback", "my", "1", "--wait", "--timeout", "90s")
    assert conf()["colour"] == "blue"
    assert [entry["revision"] for entry in json.loads(helm("history", "my", "-o", "json"))] == [1, 2, 3]
    assert json.loads(helm("list", "-o", "json"))[0]["status"] == "deployed"
    helm("uninstall", "my", "--wait", "--timeout", "90s")
    left = board.kubectl("-n", namespace, "get", "deployments,services,secrets", "-o", "name")
    assert "my" not in left


@pytest.mark.parametrize(
    "environment",
    [
        (),
        ("KUBE_FEATURE_WatchListClient=true",),
        (f"PROTOBUF={PROTOBUF},application/json",),
        (f"PROTOBUF={PROTOBUF}",),
        (f"PROTOBUF={PROTOBUF}", "KUBE_FEATURE_WatchListClient=true"),
    ],
    ids=["json", "watchlist", "protobuf-or-json", "protobuf", "protobuf-watchlist"],
)
def test_client_go(board, namespace, environment):
    program = built("client-go")
    done = board.run("env", *environment, program, namespace, timeout_s=120)
    assert done.stdout == "all well\n"
    assert "falling back to the standard" not in done.stderr  # of a list that was to be streamed


def test_an_operator_of_controller_runtime(board, namespace):
    done = board.run(built("controller-runtime"), namespace, timeout_s=120)
    assert done.stdout == "all well\n"
