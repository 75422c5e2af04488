"""flash.yml on an image with a FAT boot partition and an ext4 root, as card writers make them."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7mF3g8Pq0example0000000000000000000000000 me@laptop"
MIB = 1 << 20
BOOT_MIB = 40

pytestmark = pytest.mark.e2e


def run(*argv, **options):
    return subprocess.run([str(word) for word in argv], check=True, capture_output=True, **options)


def fat(image):
    return f"{image}@@{MIB}"


def read(image, name):
    return run("mcopy", "-i", fat(image), "-n", f"::/{name}", "-").stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Two partitions, the first with what a Trixie image has."""
    place = tmp_path_factory.mktemp("image")
    path = place / "os.img"
    with path.open("wb") as file:
        file.truncate((BOOT_MIB + 8) * MIB)
    table = f"label: dos\nstart=2048, size={BOOT_MIB * 2048}, type=c\ntype=83\n"
    run("sfdisk", "--quiet", path, input=table.encode())
    run("mformat", "-i", fat(path), "-F", "-T", BOOT_MIB * 2048, "::")
    (place / "cmdline.txt").write_text("console=tty1 root=PARTUUID=1-02 rootwait\n")
    (place / "user-data").write_text("#cloud-config\n")
    for name in ("cmdline.txt", "user-data"):
        run("mcopy", "-i", fat(path), place / name, f"::/{name}")
    run("mkfs.ext4", "-q", "-F", "-E", f"offset={(BOOT_MIB + 1) * MIB}", path, "6M")
    run("xz", "--keep", "-0", path)
    return path


@pytest.fixture
def bench(tmp_path):
    (tmp_path / "id.pub").write_text(KEY + "\n")
    (tmp_path / "pikube-aarch64").write_bytes(b"program")
    return tmp_path


def flash(bench, image, argv=(), **changed):
    values = {
        "card_image": image,
        "card_sha256": hashlib.sha256(image.read_bytes()).hexdigest() if image.exists() else "0",
        "card_target": bench / "card.img",
        "card_node": "pi-2",
        "card_token": "abcdef.0123456789abcdef",
        "card_ssh_key": bench / "id.pub",
        "card_pikube": BIN / "pikube",
        **changed,
    }
    variables = {key: str(value) for key, value in values.items()}
    variables["card_programs"] = [str(bench / "pikube-aarch64")]
    settings = bench / "vars.yml"
    settings.write_text(yaml.safe_dump(variables))
    environment = {
        **os.environ, "ANSIBLE_HOME": str(bench / "ansible"), "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False", "ANSIBLE_NOCOLOR": "1",
        "PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin",
    }  # fmt: skip
    return subprocess.run(
        [BIN / "ansible-playbook", ROOT / "ansible/flash.yml", "-e", f"@{settings}", *argv],
        capture_output=True, text=True, check=False, env=environment, cwd=bench, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("packed", [False, True], ids=["img", "img.xz"])
def test_a_card_gets_the_image_and_what_makes_it_a_node(bench, image, packed):
    source = image.with_suffix(".img.xz") if packed else image
    done = flash(bench, source)
    assert done.returncode == 0, done.stdout + done.stderr
    card = bench / "card.img"
    assert card.stat().st_size == image.stat().st_size
    assert read(card, "cmdline.txt") == b"console=tty1 root=PARTUUID=1-02 rootwait cgroup_enable=memory\n"
    assert yaml.safe_load(read(card, "user-data"))["hostname"] == "pi-2"
    assert read(card, "pikube/join-token") == b"abcdef.0123456789abcdef\n"
    assert read(card, "pikube/pikube-aarch64") == b"program"
    behind = (BOOT_MIB + 1) * MIB
    assert card.read_bytes()[behind:] == image.read_bytes()[behind:], "the root filesystem is the image's"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"card_sha256": "0" * 64}, "has the checksum"),
        ({"card_image": "/nowhere/os.img", "card_sha256": "0"}, "is not there"),
        ({"card_node": ""}, "give card_node"),
        ({"card_target": "/proc"}, "neither a device nor a file"),
        ({"card_node": "Pi 2"}, "cannot be a node's name"),
        ({"card_ssh_key": "/nowhere/id.pub"}, "--ssh-key /nowhere/id.pub cannot be read"),
        ({"card_pikube": "/nowhere/pikube"}, "/nowhere/pikube does not start on this computer"),
        ({"card_wifi_ssid": "Lab", "card_wifi_country": "DE"}, "passphrase has 8 to 63"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(bench, image, changed, words):
    done = flash(bench, image, **changed)
    assert done.returncode != 0
    assert words in " ".join(done.stdout.split())
    assert not (bench / "card.img").exists()


def test_an_image_is_not_written_over_itself(bench, image):
    before = image.read_bytes()
    done = flash(bench, image, card_target=image)
    assert done.returncode != 0
    assert "are the same file" in " ".join(done.stdout.split())
    assert image.read_bytes() == before


def test_a_check_writes_nothing(bench, image):
    done = flash(bench, image, argv=("--check",))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (bench / "card.img").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system is mounted by root")
def test_a_file_that_there_is_no_room_for_is_refused(bench, image):
    small = bench / "small"
    small.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", small)
    try:
        done = flash(bench, image, card_target=small / "card.img")
        assert done.returncode != 0
        assert "bytes, and there are" in " ".join(done.stdout.split())
        assert list(small.iterdir()) == []
    finally:
        run("umount", small)


def test_the_disk_of_this_machine_is_refused(bench, image):
    source = run("findmnt", "--noheadings", "--output", "SOURCE", "/").stdout.decode().strip()
    if not source.startswith("/dev/"):
        pytest.skip("the root filesystem of this machine is not on a device of its own")
    done = flash(bench, image, card_target=source, card_confirm="yes")
    assert done.returncode != 0
    assert "is not written to" in " ".join(done.stdout.split())


@pytest.fixture
def device(bench, request):
    """A block device with a file system on it, and the file behind it."""
    if os.geteuid() != 0:
        pytest.skip("a loop device is made by root")
    file = bench / "device"
    file.touch()
    os.truncate(file, getattr(request, "param", 64 * MIB))
    run("mkfs.ext4", "-q", "-F", file)
    name = run("losetup", "--find", "--show", file).stdout.decode().strip()
    yield Path(name), file
    run("blockdev", "--setrw", name)  # the kernel remembers it for the next one
    run("losetup", "--detach", name)


def refusal(bench, image, device, **changed):
    """What is said; the device is as it was."""
    before = device[1].read_bytes()
    done = flash(bench, image, card_target=device[0], **changed)
    assert done.returncode != 0
    run("blockdev", "--flushbufs", device[0])
    assert device[1].read_bytes() == before
    return " ".join(done.stdout.split())


def test_a_device_is_written_to_once_its_size_is_typed(bench, image, device):
    done = flash(bench, image, card_target=device[0], card_confirm=64 * MIB)
    assert done.returncode == 0, done.stdout + done.stderr
    assert yaml.safe_load(read(device[1], "user-data"))["hostname"] == "pi-2"


def test_another_device_than_the_one_that_was_meant_is_refused(bench, image, device):
    said = refusal(bench, image, device, card_confirm="31914983424 STORAGE DEVICE")
    assert f"{device[0]} is '{64 * MIB}', which is not what was confirmed" in said


def test_a_mounted_device_is_refused(bench, image, device):
    place = bench / "mounted"
    place.mkdir()
    run("mount", "-o", "ro", device[0], place)
    try:
        said = refusal(bench, image, device, card_confirm=64 * MIB)
        assert f"{device[0]} is not written to: it is mounted at {place}" in said
    finally:
        run("umount", place)


def test_a_read_only_device_is_refused(bench, image, device):
    run("blockdev", "--setro", device[0])
    assert "is not written to: it is read-only" in refusal(bench, image, device, card_confirm=64 * MIB)


@pytest.mark.parametrize("device", [16 * MIB], indirect=True)
def test_a_card_that_is_too_small_is_refused(bench, image, device):
    said = refusal(bench, image, device, card_confirm=16 * MIB)
    assert f"it has {16 * MIB} bytes, and the image {image.stat().st_size}" in said


def test_the_collection_has_no_lint(tmp_path):
    done = subprocess.run(
        [BIN / "ansible-lint", "--offline", "--nocolor"],
        capture_output=True, text=True, check=False, cwd=ROOT / "ansible",
        env={**os.environ, "ANSIBLE_HOME": str(tmp_path), "PATH": f"{BIN}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
