"""An operating system image as a card writer gets it: a FAT boot partition and an ext4 root, made from a root.

The kernel here may know no FAT, so a board that starts from a card gets the boot partition's files by mtools.
"""

import hashlib
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from system import run

MIB = 1 << 20
BOOT_MIB, ROOT_MIB = 128, 900
IMAGER_CUSTOM = """\
#!/bin/sh
# Stands for what raspberrypi-sys-mods brings: the two verbs that a board without Wi-Fi needs.
case $1 in
  set_hostname) echo "$2" >/etc/hostname; sed -i "s/raspberrypi/$2/" /etc/hosts ;;
  enable_ssh) shift 2; install -d -o pi -g pi /home/pi/.ssh; printf '%s\\n' "$@" >>/home/pi/.ssh/authorized_keys ;;
esac
"""


def make_image(place: Path, system: Path, sources: str, format_: str) -> Path:
    """An image of Trixie's kind (cloud-init) or of Bookworm's (firstrun)."""
    image, tree, layers = place / "os.img", place / "tree", place / "layers"
    for folder in (tree, layers / "upper", layers / "work"):
        folder.mkdir(parents=True)
    over = f"lowerdir={system},upperdir={layers / 'upper'},workdir={layers / 'work'}"
    run("mount", "-t", "overlay", "overlay", "-o", over, tree)
    try:
        (tree / "etc/hostname").write_text("raspberrypi\n")
        (tree / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 raspberrypi\n")
        (tree / "etc/apt/sources.list").write_text(sources)
        (tree / "boot/firmware").mkdir()
        run("chroot", tree, "systemctl", "enable", "systemd-networkd.service")
        if format_ == "cloud-init":
            (tree / "etc/cloud/cloud-init.disabled").unlink()
            (tree / "etc/cloud/cloud.cfg.d/99_board.cfg").write_text(
                "datasource_list: [NoCloud]\nlocale: C.UTF-8\n"
            )
            # Trixie's says `seedfrom: file:///boot/firmware`, by which this older cloud-init finds no network-config.
            seed = tree / "var/lib/cloud/seed/nocloud"
            seed.parent.mkdir(parents=True)
            seed.symlink_to("/boot/firmware")
        else:
            tool = tree / "usr/lib/raspberrypi-sys-mods/imager_custom"
            tool.parent.mkdir()
            tool.write_text(IMAGER_CUSTOM)
            tool.chmod(0o755)
            (tree / "etc/systemd/network/eth0.network").write_text(
                "[Match]\nName=eth0\n[Network]\nDHCP=yes\n"
            )
        with image.open("wb") as file:
            file.truncate((1 + BOOT_MIB + ROOT_MIB) * MIB)
        table = f"label: dos\nstart=2048, size={BOOT_MIB * 2048}, type=c\ntype=83\n"
        run("sfdisk", "--quiet", image, input=table)
        offset = (1 + BOOT_MIB) * MIB
        run(
            "mkfs.ext4", "-q", "-F", "-d", tree, "-E", f"offset={offset},root_owner=0:0",
            image, f"{ROOT_MIB}M",
        )  # fmt: skip
    finally:
        run("umount", "--lazy", tree)
    boot = place / "boot"
    boot.mkdir()
    (boot / "cmdline.txt").write_text("console=tty1 root=PARTUUID=1-02 rootfstype=ext4 rootwait\n")
    if format_ == "cloud-init":
        (boot / "user-data").write_text("#cloud-config\n")
    else:
        (boot / "issue.txt").write_text("Raspberry Pi reference 2024-11-19\n")
    run("mformat", "-i", fat(image), "-F", "-T", BOOT_MIB * 2048, "::")
    run("mcopy", "-i", fat(image), *boot.iterdir(), "::/")
    shutil.rmtree(layers)
    return image


def fat(image):
    return f"{image}@@{MIB}"


def sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def root_of(card: Path, place: Path):
    """The root of a card, mounted at `place`, with the files of its boot partition in boot/firmware."""
    place.mkdir()
    offset = (1 + BOOT_MIB) * MIB
    run("mount", "-o", f"loop,offset={offset}", card, place)
    try:
        run("mcopy", "-i", fat(card), "-s", "-n", "::/*", place / "boot/firmware")
        run("chmod", "-R", "755", place / "boot/firmware")  # as a FAT partition is mounted
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=False)
