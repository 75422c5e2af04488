"""From three boards with sshd to a cluster and back: site.yml, upgrade.yml, reboot.yml, reset.yml over ssh.

The tests of this file are one story, told in order.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from board import wait_until
from load import Load
from traces import changes, settled_traces, traces, use_podman

from pikube.cli.failure import NO_MEMBER

PREPARATION = Path(__file__).parent / "prepare.yml"
NAMES = ("pi-1", "pi-2", "pi-3")
WEB = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: localhost/box:1
        command: [sh, -c, "hostname >/tmp/index.html; trap 'exit 0' TERM; httpd -f -p 8080 -h /tmp & wait"]
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
"""


@pytest.fixture(scope="module")
def boards(shelf, programs):
    """Three boards that are on; what Ansible calls the program is this checkout's."""
    for name in NAMES:
        shelf.add(name)
    shelf.start_boards()
    image = shelf.make_image()
    for board in shelf.boards:
        run_on_host = board.root / "srv/box.tar"
        run_on_host.write_bytes(image.read_bytes())
    return shelf.boards


@pytest.fixture(scope="module")
def play(shelf, boards, programs):
    """ansible-playbook with this checkout's program; the recap as {board: {word: count}}."""

    def run(book, *argv, program="this", **variables):
        done = shelf.play(book, *argv, pikube_program=str(programs[program]), **variables)
        recap = {
            board: {word: int(count) for word, count in re.findall(r"(\w+)=(\d+)", words)}
            for board, words in re.findall(r"^(\S+)\s+: (ok=.*)$", done.stdout, re.M)
        }
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert set(NAMES) <= recap.keys()
        return recap, done.stdout

    return run


def container_ids(board):
    return set(board.run("podman", "ps", "--quiet", "--no-trunc").split())


def test_a_check_of_bare_boards_changes_nothing(boards, play):
    before = [traces(board) for board in boards]
    play("site.yml", "--check")
    assert [changes(b, traces(board)) for b, board in zip(before, boards, strict=True)] == [{}, {}, {}]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"pikube_config": "max-pods: 5"}, "pikube_config must hold settings"),
        (
            {"board_packages": ["podman"], "servers": NAMES},
            "the group server has 3 boards, and pikube one leader",
        ),
    ],
)
def test_an_inventory_that_cannot_be_is_refused_before_anything_changes(boards, shelf, variables, words):
    before = [traces(board) for board in boards]
    done = shelf.play("site.yml", **variables)
    assert done.returncode != 0
    assert words in " ".join(done.stdout.split())
    assert [changes(b, traces(board)) for b, board in zip(before, boards, strict=True)] == [{}, {}, {}]


@pytest.fixture(scope="module")
def before(boards, play):
    """What is on boards with Podman and without pikube; they were restarted since Podman came, and use it once."""
    play(PREPARATION)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda board: board.restart(), boards))
    for board in boards:
        board.run("podman", "import", "--quiet", "/srv/box.tar", "localhost/box:1")
        use_podman(board)
    return [settled_traces(board) for board in boards]


def test_a_setting_that_nobody_knows_is_refused(boards, before, play, shelf, programs):
    done = shelf.play("site.yml", pikube_program=str(programs["this"]), pikube_config={"max-podz": 5})
    assert done.returncode != 0
    assert "max-pods" in done.stdout
    for board in boards:
        assert not (board.root / "etc/pikube/config.yaml").exists()


def test_a_disk_that_is_full_in_the_middle_of_an_install(boards, before, play, shelf, programs):
    """Where the program unpacks itself there is less room than it needs."""
    board = boards[2]
    board.run("mkdir", "/var/cache/pikube")
    board.run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", "/var/cache/pikube")
    done = shelf.play("site.yml", f"--limit=localhost,{board.name}", pikube_program=str(programs["this"]))
    assert done.returncode != 0
    assert "could not be unpacked to /var/cache/pikube (it needs" in done.stdout
    assert board.run("ls", "-A", "/var/cache/pikube") == ""
    board.run("umount", "/var/cache/pikube")
    board.run("rmdir", "/var/cache/pikube")
    assert changes(before[2], settled_traces(board)) == {}


def test_three_boards_become_three_ready_nodes(boards, before, play, shelf):
    play("site.yml")
    shelf.fetch_kubeconfig()
    shelf.wait_ready(*NAMES)


def test_a_second_run_changes_nothing(play):
    recap, said = play("site.yml")
    assert {name: recap[name]["changed"] for name in NAMES} == dict.fromkeys(NAMES, 0), said


def test_a_check_of_a_cluster_finds_nothing_to_change(play):
    recap, said = play("site.yml", "--check")
    assert {name: recap[name]["changed"] for name in NAMES} == dict.fromkeys(NAMES, 0), said


def test_an_upgrade_stops_no_pod(boards, play, shelf):
    shelf.kubectl("apply", "-f", "-", input=WEB)
    shelf.kubectl("rollout", "status", "daemonset/web", "--timeout=120s")
    before = [container_ids(board) for board in boards]
    with Load(shelf, [f"http://{board.address}:30080/" for board in boards]) as load:
        play("upgrade.yml", program="newer")
    assert [container_ids(board) for board in boards] == before
    for board in boards:
        assert board.run("pikube", "version").strip() == "pikube 99.0.0"
    versions = {
        node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"] for node in shelf.get("nodes")
    }
    assert all("99.0.0" in version for version in versions.values()), versions
    print(load.words())
    assert load.answered > 100
    shelf.wait_ready(*NAMES)


def test_half_a_program_takes_no_place(boards, shelf, programs):
    half = shelf.place / "half"
    whole = programs["this"].read_bytes()
    half.write_bytes(whole[: 10 << 20].replace(b"0.1.0-", b"0.1.9-"))  # one that no board has unpacked yet
    done = shelf.play("upgrade.yml", pikube_program=str(half))
    assert done.returncode != 0
    assert "could not be unpacked" in done.stdout
    for board in boards:
        assert board.run("pikube", "version").strip() == "pikube 99.0.0"
    shelf.wait_ready(*NAMES)


def test_boards_restart_one_after_the_other(boards, play, shelf):
    before = [board.run("cat", "/proc/sys/kernel/random/boot_id") for board in boards]
    play("reboot.yml")
    after = [board.run("cat", "/proc/sys/kernel/random/boot_id") for board in boards]
    assert all(a != b for a, b in zip(after, before, strict=True))
    shelf.wait_ready(*NAMES)
    shelf.kubectl("rollout", "status", "daemonset/web", "--timeout=120s")
    for board in boards:
        wait_until(
            lambda board=board: shelf.run("curl", "-s", "-m5", f"http://{board.address}:30080/"),
            30,
            "the page",
        )


def test_the_agent_of_a_board_that_is_no_member_has_failed_once(boards, shelf):
    """systemd leaves it alone: it neither starts it again nor forgets why. The reset finds it like that."""
    board = boards[2]

    def state():
        words = ("ActiveState", "SubState", "ExecMainStatus")
        shown = board.run("systemctl", "show", "pikube-agent", *(f"--property={word}" for word in words))
        return dict(line.split("=") for line in shown.splitlines())

    shelf.kubectl("delete", "node", board.name)
    failed = {"ActiveState": "failed", "SubState": "failed", "ExecMainStatus": str(NO_MEMBER)}
    wait_until(lambda: state() == failed, 90, f"a failed agent, {state()}")
    assert container_ids(board) == set()
    said = board.run("journalctl", "-u", "pikube-agent", "--no-pager")
    assert "pikube: " in said and "Traceback" not in said
    assert "Scheduled restart job" not in said.rsplit("Main process exited", 1)[1]


def test_a_reset_takes_away_what_it_lists(boards, before, play):
    _, said = play("reset.yml")
    for words in ("service pikube-leader.service", "service pikube-agent.service", "pod ", "network pikube0"):
        assert words in said
    for board, was in zip(boards, before, strict=True):
        use_podman(board)
        assert changes(was, settled_traces(board)) == {}


def test_a_second_reset_changes_nothing(play):
    recap, said = play("reset.yml")
    assert {name: recap[name]["changed"] for name in NAMES} == dict.fromkeys(NAMES, 0), said
