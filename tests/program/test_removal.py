"""What is taken off a board that was made by a card: it must not become a node again at its next start."""

import os
import subprocess

import pytest

from pikube.config import merge
from pikube.flash.render import install_first_boot
from pikube.removal import Thing, remove, things


def board(root):
    """The files of a card's board below `root`."""
    files = (
        "usr/local/sbin/pikube-first-boot",
        "boot/firmware/pikube/first-boot.sh",
        "etc/systemd/system/pikube-first-boot.service",
        "etc/pikube/first-boot-done",
    )
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    (wants / "pikube-first-boot.service").symlink_to("../pikube-first-boot.service")
    return files


def test_a_board_from_a_card_does_not_become_a_node_again(tmp_path, tmp_path_factory):
    files = board(tmp_path)
    for name in (files[0], files[2]):
        assert f"/{name}" in install_first_boot()
    podman = str(tmp_path_factory.mktemp("podman"))
    flags = {"data-dir": str(tmp_path / "var/lib/pikube"), "podman-root": podman, "podman-runroot": podman}
    settings = merge(flags, {}, {}, host="pi-2")
    found = [
        thing for thing in things(settings, keep_data=False, root=tmp_path) if str(tmp_path) in thing.words
    ]
    assert remove(found, lambda words: None) == []
    left = [path for path in tmp_path.rglob("*") if not path.is_dir() or path.is_symlink()]
    assert left == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts")
def test_what_is_still_mounted_below_is_not_deleted_with_the_rest(tmp_path):
    share, data = tmp_path / "share", tmp_path / "data"
    share.mkdir()
    (share / "photos").write_text("of somebody")
    place = data / "shares" / "v"
    place.mkdir(parents=True)
    subprocess.run(["mount", "--bind", str(share), str(place)], check=True)
    try:
        settings = merge({"data-dir": str(data)}, {}, {}, host="pi-2")
        found = [
            thing for thing in things(settings, keep_data=False, root=tmp_path) if str(data) in thing.words
        ]
        held = [
            Thing(thing.words, lambda: None) if thing.words.startswith("mount ") else thing for thing in found
        ]
        assert remove(held, lambda words: None) == [f"directory {data}: {place} is still mounted"]
        assert (share / "photos").exists()
    finally:
        subprocess.run(["umount", str(place)], check=True)
