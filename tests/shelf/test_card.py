"""From a card to a node with nobody logging in: flash.yml, then a board that starts from the card.

The first card is a leader's, the second an agent's with a token (both for cloud-init), the third an agent's of
Bookworm's kind that waits to be approved. Addresses come from a DHCP server, packages from the LAN.
"""

import json
import subprocess

import pytest
from board import wait_until
from image import make_image, root_of, sha256
from shelf import BIN
from system import run


class Dhcp:
    """A DHCP server on the LAN, as a home has one; it gives each board the address that is reserved for it."""

    def __init__(self, shelf) -> None:
        self._shelf = shelf
        self._conf = shelf.place / "udhcpd.conf"
        self._server = None
        (shelf.place / "leases").touch()
        self._conf.write_text(
            f"start {shelf.lan.address(100)}\nend {shelf.lan.address(150)}\ninterface lan\n"
            f"lease_file {shelf.place}/leases\noption subnet 255.255.255.0\n"
            f"option router {shelf.lan.address(254)}\n"
        )

    def reserve(self, board):
        link = json.loads(run("ip", "-n", board.space, "-json", "link", "show", "eth0"))[0]
        with self._conf.open("a") as conf:
            conf.write(f"static_lease {link['address']} {board.address}\n")
        self.close()
        self._server = subprocess.Popen(
            self._shelf.inside("busybox", "udhcpd", "-f", "-S", self._conf),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def close(self):
        if self._server is not None:
            self._server.terminate()
            self._server.wait(10)


@pytest.fixture(scope="module")
def lan(shelf):
    """The LAN with a DHCP server."""
    shelf.dhcp = Dhcp(shelf)
    yield shelf
    shelf.dhcp.close()


@pytest.fixture(scope="module")
def images(shelf):
    """An image of each format, by its name."""
    sources = f"deb [trusted=yes] http://{shelf.lan.address(254)}/ ./\n"
    made = {}
    for format_ in ("cloud-init", "firstrun"):
        place = shelf.place / format_
        place.mkdir()
        made[format_] = make_image(place, shelf.system, sources, format_)
    return made


@pytest.fixture(scope="module")
def flash(lan, images, programs):
    """Write a card, put it into a board and switch the board on."""
    roots = []

    def power_on(name, format_="cloud-init", **card):
        place = lan.place / f"card-{name}"
        place.mkdir()
        target = place / "card.img"
        values = {
            "card_image": str(images[format_]), "card_sha256": sha256(images[format_]),
            "card_target": str(target), "card_node": name, "card_ssh_key": str(lan.key) + ".pub",
            "card_programs": [str(programs["this"])], "card_pikube": str(BIN / "pikube"), **card,
        }  # fmt: skip
        (place / "vars.json").write_text(json.dumps(values))
        done = lan.play_local("flash.yml", "-e", f"@{place / 'vars.json'}")
        assert done.returncode == 0, done.stdout + done.stderr
        root = root_of(target, place / "root")
        roots.append(root)
        board = lan.add(name, root.__enter__())
        lan.dhcp.reserve(board)
        board.start(is_waited_for=False)
        return board

    yield power_on
    for board in lan.boards:
        board.close()
    for root in roots:
        root.__exit__(None, None, None)


def wait_done(board):
    """Until the first-boot script says that the board is a node."""
    wait_until(
        lambda: (board.root / "etc/pikube/first-boot-done").exists(), 400,
        f"the first boot of {board.name}, see {board.log}",
    )  # fmt: skip


def test_a_leaders_card(flash, lan):
    board = flash("pi-1", card_mode="leader")
    wait_done(board)
    lan.fetch_kubeconfig()
    lan.wait_ready("pi-1")
    assert board.run("hostname").strip() == "pi-1"
    assert lan.key.with_suffix(".pub").read_text().strip() in board.run(
        "cat", "/home/pi/.ssh/authorized_keys"
    )


def test_what_cloud_init_read_it_accepts(lan):
    board = lan.boards[0]
    said = board.run("cloud-init", "schema", "--config-file", "/boot/firmware/user-data")
    assert "Valid" in said
    status = json.loads(board.run("cloud-init", "status", "--format", "json", check=False) or "{}")
    assert status.get("errors", []) == [], status


def test_an_agents_card_with_a_token(flash, lan):
    token = lan.leader.run("pikube", "token", "create").strip()
    board = flash("pi-2", card_token=token)
    wait_done(board)
    lan.wait_ready("pi-1", "pi-2")
    assert not (board.root / "boot/firmware/pikube/join-token").exists()
    assert "cgroup_enable=memory" in (board.root / "boot/firmware/cmdline.txt").read_text()


def test_a_card_of_bookworm_that_is_approved(flash, lan):
    found = json.loads(lan.leader.run("pikube", "discover", "-o", "json"))
    (ca_hash,) = found["leaders"][0]["caFingerprints"]
    board = flash("pi-3", "firstrun", card_ca_hash=ca_hash)
    wait_until(lambda: "pi-3" in lan.leader.run("pikube", "pair", "list"), 400, "a board that waits")
    (waiting,) = json.loads(lan.leader.run("pikube", "pair", "list", "-o", "json"))["pairings"]
    lan.leader.run("pikube", "pair", "approve", "pi-3", waiting["digits"])
    wait_done(board)
    lan.wait_ready("pi-1", "pi-2", "pi-3")
    assert board.run("hostname").strip() == "pi-3"


def test_a_card_board_starts_again_as_a_node(lan):
    for board in lan.boards[1:]:
        board.run("systemctl", "reboot", "--no-block")
    wait_until(lambda: not all(map(is_up, lan.boards[1:])), 30, "boards that are off")
    wait_until(lambda: all(map(is_up, lan.boards[1:])), 120, "boards that are on")
    lan.wait_ready("pi-1", "pi-2", "pi-3")


def test_a_card_board_that_was_freed_stays_free(lan):
    board = lan.boards[2]
    board.run("pikube", "uninstall", "--yes", timeout_s=180)
    board.run("systemctl", "reboot", "--no-block")
    wait_until(lambda: not board.first_process(), 60, "a board that is off")
    wait_until(lambda: is_up(board, "multi-user.target"), 120, "a board that is on")
    assert board.run("systemctl", "list-unit-files", "--no-legend", "pikube*", check=False) == ""
    assert board.run("sh", "-c", "command -v pikube", check=False) == ""


def is_up(board, unit="pikube-agent.service"):
    return bool(board.first_process()) and (
        board.run("systemctl", "is-active", unit, check=False).strip() == "active"
    )
