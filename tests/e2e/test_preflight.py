"""`pikube check` on a board: what it finds of the real Podman, and what it leaves behind (nothing)."""

import json
import sys

CHECK = (sys.executable, "-m", "pikube", "check", "-o", "json")


def findings(done):
    return {each["name"]: each for each in json.loads(done.stdout)["findings"]}


def flags(board):
    """Those of the board's Podman."""
    settings = board.settings()
    pairs = zip(settings[::2], settings[1::2], strict=True)
    ours = ("--data-dir", "--podman-root", "--podman-runroot", "--podman-network-dir", "--containers-conf")
    return [word for flag, value in pairs if flag in ours for word in (flag, value)]


def test_podman_is_asked_through_its_api_and_a_container_runs(board):
    pods = board.podman("pod", "ps", "--format", "{{.Name}}").stdout
    done = board.run(*CHECK, *flags(board), check=False, timeout_s=120)
    found = findings(done)
    assert found["podman"]["level"] == "ok", found
    assert found["container"]["level"] == "ok", found
    assert "pikube-check" not in board.podman("pod", "ps", "--format", "{{.Name}}").stdout
    assert "pikube-check" not in pods


def test_a_container_that_cannot_run_is_told_in_the_words_of_its_runtime(board, tmp_path):
    conf = tmp_path / "containers.conf"
    conf.write_text('[engine]\nruntime = "broken"\n[engine.runtimes]\nbroken = ["/bin/false"]\n')
    done = board.run(*CHECK, *flags(board), "--containers-conf", str(conf), check=False, timeout_s=120)
    assert done.returncode == 1
    container = findings(done)["container"]
    assert container["level"] == "fail"
    assert container["message"].startswith("a container does not run: ")
    assert container["message"].isprintable()
    assert "Errs" not in container["message"]
    assert "pikube-check" not in board.podman("pod", "ps", "--format", "{{.Name}}").stdout


def test_a_board_without_podman_is_told_so(board):
    done = board.run("env", "PATH=/nowhere", *CHECK, *flags(board), check=False)
    assert done.returncode == 1
    assert findings(done)["podman"]["message"] == "podman is not installed"
