"""Boot files for new cards, as the programs that read them see them."""

import shutil
import subprocess

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pikube.__main__ import main
from pikube.flash.card import BadCard, Card, Wifi
from pikube.flash.render import boot_files, command_line, meta_data, network_config, network_key, user_data

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7mF3g8Pq0example0000000000000000000000000 me@laptop"
CARD = Card(
    node="pi-2", mode="agent", ssh_keys=(KEY,), token="abcdef.0123456789abcdef", timezone="Europe/Berlin"
)
WIFI = Wifi(ssid="IEEE", passphrase="password", country="DE")


def test_the_key_of_a_wifi_is_the_standards():
    """IEEE 802.11i annex H.4: the pass phrase `password` for the SSID `IEEE`."""
    assert network_key(WIFI) == "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"


def test_user_data_says_who_may_log_in_and_what_runs():
    text = user_data(CARD)
    document = yaml.safe_load(text)
    assert text.startswith("#cloud-config\n")
    assert document["hostname"] == "pi-2"
    assert document["user"]["ssh_authorized_keys"] == [KEY]
    assert document["user"]["lock_passwd"] is True
    assert document["timezone"] == "Europe/Berlin"
    assert document["runcmd"][-1] == [
        "systemctl",
        "enable",
        "--now",
        "--no-block",
        "pikube-first-boot.service",
    ]
    assert "abcdef" not in text  # the token is in a file of its own, which goes when it is used


def test_the_network_does_not_wait_for_a_cable():
    document = yaml.safe_load(network_config(WIFI))
    assert document["ethernets"]["eth0"]["optional"] is True
    wlan = document["wifis"]["wlan0"]
    assert (wlan["optional"], wlan["regulatory-domain"]) == (True, "DE")
    assert wlan["access-points"] == {"IEEE": {"password": network_key(WIFI)}}


def test_a_changed_card_runs_cloud_init_again():
    first = meta_data(CARD, user_data(CARD))
    other = Card(node="pi-2", mode="agent", ssh_keys=(KEY,), token="x", settings=(("max-pods", "9"),))
    assert yaml.safe_load(first)["local-hostname"] == "pi-2"
    assert first == meta_data(CARD, user_data(CARD)) != meta_data(other, user_data(other))


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=32)


@given(TEXTS.filter(lambda text: len(text.encode()) <= 32))
def test_any_name_of_a_wifi_survives_the_writing(ssid):
    document = yaml.safe_load(network_config(Wifi(ssid=ssid, passphrase="12345678", country="DE")))
    assert list(document["wifis"]["wlan0"]["access-points"]) == [ssid]


@pytest.mark.parametrize("format_", ["cloud-init", "firstrun"])
@pytest.mark.parametrize("mode", ["agent", "leader"])
def test_the_scripts_are_scripts(format_, mode, tmp_path):
    card = Card(
        node="pi-2", mode=mode, ssh_keys=(KEY,), password_hash="$6$a$b'c", wifi=WIFI, timezone="UTC",
        token="abcdef.0123456789abcdef" if mode == "agent" else "",
    )  # fmt: skip
    files = boot_files(card, format_)
    for name in [name for name in files if name.endswith(".sh")]:
        shell = "bash" if name == "firstrun.sh" else "sh"
        done = subprocess.run([shell, "-n"], input=files[name], text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    assert yaml.safe_load(files["pikube/config.yaml"]) == {"node-name": "pi-2"}
    if shutil.which("systemd-analyze"):
        unit = tmp_path / "pikube-first-boot.service"
        text = files["pikube/first-boot.service"]
        unit.write_text(text.replace("/usr/local/sbin/pikube-first-boot", "/bin/true"))
        done = subprocess.run(
            ["systemd-analyze", "verify", unit], text=True, capture_output=True, check=False
        )
        assert [line for line in done.stderr.splitlines() if unit.name in line] == []


def test_the_kernels_line_names_the_script_once():
    before = "console=tty1 root=PARTUUID=1 rootwait\n"
    after = command_line(before, "firstrun")
    assert after.count("\n") == 1 and after.count("systemd.run=") == 1
    assert command_line(after, "firstrun") == after
    assert "systemd.run" not in command_line(before, "cloud-init")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"node": "Pi 2"}, "cannot be a node's name"),
        ({"node": "-a"}, "cannot be a node's name"),
        ({"user": "root user"}, "cannot be a user's name"),
        ({"ssh_keys": ()}, "nobody could log in"),
        ({"ssh_keys": ("-----BEGIN OPENSSH PRIVATE KEY-----",)}, "no public ssh key"),
        ({"token": ""}, "needs a way in"),
        ({"mode": "leader"}, "takes no token"),
    ],
)
def test_what_cannot_work_is_refused(change, words):
    values = {"node": "pi-2", "mode": "agent", "ssh_keys": (KEY,), "token": "abcdef.0123456789abcdef"}
    with pytest.raises(BadCard, match=words):
        Card(**values | change)


@pytest.mark.parametrize(
    ("ssid", "passphrase", "country", "words"),
    [
        ("", "12345678", "DE", "1 to 32"),
        ("a", "short", "DE", "8 to 63"),
        ("a", "12345678", "", "--wifi-country"),
    ],
)
def test_a_wifi_that_cannot_work_is_refused(ssid, passphrase, country, words):
    with pytest.raises(BadCard, match=words):
        Wifi(ssid=ssid, passphrase=passphrase, country=country)


class TestCommand:
    @pytest.fixture
    def card(self, tmp_path):
        """The boot partition of a Trixie image, and what a person has at hand."""
        boot = tmp_path / "bootfs"
        boot.mkdir()
        (boot / "cmdline.txt").write_text("console=tty1 root=PARTUUID=1 rootwait\n")
        (boot / "user-data").write_text("#cloud-config\n")
        (tmp_path / "id.pub").write_text(KEY + "\n")
        (tmp_path / "pikube-aarch64").write_bytes(b"program")
        return tmp_path

    def flash(self, card, *argv):
        return main(
            [
                "flash-files",
                "--node",
                "pi-2",
                "--out",
                str(card / "bootfs"),
                "--ssh-key",
                str(card / "id.pub"),
                *argv,
            ]
        )

    def test_a_card_gets_everything(self, card, capsys):
        assert (
            self.flash(
                card,
                "--token",
                "t.1",
                "--set",
                "node-label=disk=ssd",
                "--program",
                str(card / "pikube-aarch64"),
            )
            == 0
        )
        boot = card / "bootfs"
        assert "cgroup_enable=memory" in (boot / "cmdline.txt").read_text()
        assert (boot / "pikube/join-token").read_text() == "t.1\n"
        assert (boot / "pikube/pikube-aarch64").read_bytes() == b"program"
        assert yaml.safe_load((boot / "pikube/config.yaml").read_text())["node-label"] == "disk=ssd"
        assert yaml.safe_load((boot / "user-data").read_text())["hostname"] == "pi-2"
        assert str(boot / "user-data") in capsys.readouterr().out
        assert not list(boot.rglob("*.new"))

    def test_a_second_time_changes_nothing(self, card):
        def contents():
            return {path: path.read_bytes() for path in (card / "bootfs").rglob("*") if path.is_file()}

        self.flash(card, "--token", "t.1")
        first = contents()
        self.flash(card, "--token", "t.1")
        assert contents() == first

    @pytest.mark.parametrize(
        ("argv", "words"),
        [
            (("--out", "/nowhere"), "/nowhere"),
            (("--program", "/nowhere/pikube"), "there is no such file"),
            (("--set", "max-pod=3"), "write NAME=VALUE"),
            (("--set", "max-pods=many"), "cannot be 'many'"),
            (("--set", "cluster-name=x"), "a setting of the agent"),
            (("--ssh-key", "/nowhere/key.pub"), "cannot be read"),
            (("--wifi-ssid", "x", "--wifi-country", "DE"), "8 to 63"),
        ],
    )
    def test_a_wrong_word_changes_nothing_on_the_card(self, card, argv, words, capsys):
        before = sorted((card / "bootfs").rglob("*"))
        assert self.flash(card, "--token", "t.1", *argv) == 1
        assert words in capsys.readouterr().err
        assert sorted((card / "bootfs").rglob("*")) == before

    def test_an_unknown_image_is_asked_about(self, card, capsys):
        (card / "bootfs/user-data").unlink()
        assert self.flash(card, "--token", "t.1") == 1
        assert "--format" in capsys.readouterr().err
        (card / "bootfs/issue.txt").write_text("Raspberry Pi reference 2024-11-19\nGenerated using pi-gen\n")
        assert self.flash(card, "--token", "t.1") == 0
        assert "systemd.run=/boot/firmware/firstrun.sh" in (card / "bootfs/cmdline.txt").read_text()
