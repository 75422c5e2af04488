"""The self-contained file's first lines: they unpack the program behind them once, whole or not at all."""

import os
import platform
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

LAUNCHER = (Path(__file__).parent.parent.parent / "packaging/launcher.sh").read_text()
MIB = 1 << 20


def make(place, id_, says):
    """A file as packaging/build makes it, around a program of one line."""
    tree = place / id_ / "pikube"
    tree.mkdir(parents=True)
    (tree / "pikube").write_text(f"#!/bin/sh\necho {says}\n")
    (tree / "pikube").chmod(0o755)
    (tree / "library").write_bytes(os.urandom(MIB))
    archive = place / f"{id_}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tree, "pikube")
    words = {"VERSION": "1", "MACHINE": platform.machine(), "LOADER": "/bin/sh", "ID": id_, "SIZE_MB": "1"}
    text = LAUNCHER
    for name, word in words.items():
        text = text.replace(f"@{name}@", word)
    text = text.replace("@START@", "000000")
    text = text.replace("+000000", f"+{len(text.encode()) + 1:06}")
    file = place / f"pikube-{id_}"
    file.write_bytes(text.encode() + archive.read_bytes())
    file.chmod(0o755)
    return file


def start(file, home, before=""):
    return subprocess.run(
        ["sh", "-c", f'{before} exec "$0" version', file],
        capture_output=True, text=True, check=False, env={**os.environ, "PIKUBE_PROGRAM_DIR": str(home)},
    )  # fmt: skip


@pytest.fixture
def home(tmp_path):
    return tmp_path / "programs"


def test_the_first_start_unpacks_and_the_next_runs_what_is_there(tmp_path, home):
    file = make(tmp_path, "a", "one")
    assert start(file, home).stdout == "one\n"
    (home / "a/pikube").write_text("#!/bin/sh\necho changed\n")
    assert start(file, home).stdout == "changed\n"


def test_another_version_takes_the_place(tmp_path, home):
    start(make(tmp_path, "a", "one"), home)
    assert start(make(tmp_path, "b", "two"), home).stdout == "two\n"
    assert os.listdir(home) == ["b"]


def test_a_full_disk_says_so_and_leaves_nothing(tmp_path, home):
    file = make(tmp_path, "a", "one")
    done = start(file, home, before="trap '' XFSZ; ulimit -f 600;")  # 512-byte blocks: half of the library
    assert (done.returncode, done.stdout) == (1, "")
    assert "could not be unpacked" in done.stderr and "it needs 1 MB" in done.stderr
    assert os.listdir(home) == []
    assert start(file, home).stdout == "one\n"


def test_what_a_power_cut_left_goes(tmp_path, home):
    old, young = home / ".unpacking.old", home / ".unpacking.young"
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    start(make(tmp_path, "a", "one"), home)
    assert sorted(os.listdir(home)) == [".unpacking.young", "a"]


def test_several_first_starts_at_once_all_run(tmp_path, home):
    file = make(tmp_path, "a", "one")
    with ThreadPoolExecutor(8) as pool:
        said = [done.stdout + done.stderr for done in pool.map(lambda _: start(file, home), range(8))]
    assert said == ["one\n"] * 8
    assert os.listdir(home) == ["a"]


def test_where_nothing_can_be_written_says_so(tmp_path):
    (tmp_path / "file").touch()
    done = start(make(tmp_path, "a", "one"), tmp_path / "file/programs")
    assert (done.returncode, "cannot be made" in done.stderr) == (1, True)
