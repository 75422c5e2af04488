"""Boards that really boot, and the programs that Ansible puts on them: minutes, `make test-shelf` runs them alone."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from shelf import Shelf
from system import PLACE, ROOT, run, system

NEEDED = ("systemd-nspawn", "debootstrap", "ssh-keygen", "ssh", "kubectl", "mcopy", "mkfs.ext4")


def pytest_collection_modifyitems(items):
    for item in items:
        if "/shelf/" in str(item.path):
            item.add_marker(pytest.mark.shelf)
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def debian():
    """The root and the repository of every board."""
    missing = [
        program for program in NEEDED if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None
    ]
    assert not missing, f"apt install systemd-container debootstrap openssh-client mtools: missing {missing}"
    return system()


def source():
    """A digest of what a build is made from."""
    files = run("git", "ls-files", "-s", "--", "pikube", "systemd", "packaging", "pyproject.toml", cwd=ROOT)
    changed = run("git", "diff", "HEAD", "--", "pikube", "systemd", "packaging", "pyproject.toml", cwd=ROOT)
    return subprocess.run(
        ["sha256sum"], input=files + changed, capture_output=True, text=True, check=True
    ).stdout[:12]


@pytest.fixture(scope="session")
def programs():
    """The self-contained program of this checkout, and one of a newer version, by name; kept for the next time.

    $PIKUBE_PROGRAMS names a folder that has them already.
    """
    place = Path(os.environ.get("PIKUBE_PROGRAMS", PLACE / f"programs-{source()}"))
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=PLACE) as copy:
            run("sh", "-c", f"git ls-files -z | tar --null -T - -cf - | tar -xf - -C {copy}", cwd=ROOT)
            _build(Path(copy), place / "this", "0.1.0")
            _build(Path(copy), place / "newer", "99.0.0")
        (place / "complete").touch()
    machine = os.uname().machine
    return {name: place / name / f"pikube-{machine}" for name in ("this", "newer")}


@pytest.fixture(scope="session")
def arm64_system():
    """Where packaging/arm64 has its Debian root."""
    return Path(os.environ.get("PIKUBE_ARM64_ROOT", PLACE / "arm64"))


@pytest.fixture(scope="session")
def arm64_programs(arm64_system):
    """The folder of what `make binary-arm64` makes; kept for the next time. $PIKUBE_ARM64_PROGRAMS names another."""
    place = Path(os.environ.get("PIKUBE_ARM64_PROGRAMS", PLACE / f"arm64-{source()}"))
    if not list(place.glob("*_arm64.deb")):
        run(ROOT / "packaging/arm64", place, env={**os.environ, "PIKUBE_ARM64_ROOT": str(arm64_system)})
    return place


def _build(tree, out, version):
    for file, before, after in (
        (tree / "pyproject.toml", r'^version = ".*"', f'version = "{version}"'),
        (tree / "pikube/__init__.py", r'^__version__ = ".*"', f'__version__ = "{version}"'),
    ):
        run("sed", "-i", f"s/{before}/{after}/", file)
    run("packaging/build", out, cwd=tree)
    run("packaging/deb", out, cwd=tree)


@pytest.fixture(scope="module")
def shelf(debian):
    """A LAN without boards."""
    shelf = Shelf(Path(tempfile.mkdtemp(prefix="pikube-shelf-", dir=PLACE)), *debian)
    try:
        shelf.open()
        yield shelf
    finally:
        shelf.close()
