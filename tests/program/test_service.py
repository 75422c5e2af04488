"""pikube as a service, installed below a directory that stands for a board's root."""

import argparse
import re
import resource
from contextlib import contextmanager

import pytest

from pikube import service
from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, flags_of, read_resolved


def test_the_unit_starts_this_program_with_the_flags_that_were_given(tmp_path, monkeypatch):
    monkeypatch.delenv("PIKUBE_FILE", raising=False)
    started_as = str(tmp_path / "venv/bin/pikube")
    unit = service.install("agent", ["--node-label=a=b c", "--max-pods=5"], tmp_path, started_as)
    assert unit == tmp_path / "etc/systemd/system/pikube-agent.service"
    started = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.M)
    assert started == [f"{tmp_path}/venv/bin/pikube agent '--node-label=a=b c' --max-pods=5"]
    assert unit.read_text().startswith(service.WRITTEN_BY_US)
    assert unit.stat().st_mode & 0o777 == 0o644


def test_a_unit_of_the_package_or_of_a_person_is_left_alone(tmp_path):
    packaged = tmp_path / "usr/lib/systemd/system/pikube-leader.service"
    packaged.parent.mkdir(parents=True)
    packaged.write_text("packaged")
    assert service.install("leader", (), tmp_path) == packaged
    own = tmp_path / "etc/systemd/system/pikube-agent.service"
    own.parent.mkdir(parents=True)
    own.write_text("[Unit]\n# mine\n")
    assert service.install("agent", (), tmp_path) == own
    assert own.read_text() == "[Unit]\n# mine\n"


def test_the_self_contained_file_is_copied_where_the_unit_finds_it(tmp_path, monkeypatch):
    file = tmp_path / "Downloads/pikube-aarch64"
    file.parent.mkdir()
    file.write_text("program 1")
    monkeypatch.setenv("PIKUBE_FILE", str(file))
    root = tmp_path / "root"
    unit = service.install("leader", (), root)
    assert "ExecStart=/usr/local/bin/pikube leader\n" in unit.read_text()
    there = root / "usr/local/bin/pikube"
    assert (there.read_text(), there.stat().st_mode & 0o777) == ("program 1", 0o755)
    file.write_text("program 2")
    service.install("leader", (), root)
    assert there.read_text() == "program 2"
    assert [path.name for path in there.parent.iterdir()] == ["pikube"]


@contextmanager
def full_after(limit_bytes):
    """A disk that takes no file of more bytes; not for longer than needed: the test's own output is a file, too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("program", [b"x" * 5000, b"x"], ids=["the program", "the unit"])
def test_a_full_disk_leaves_a_board_as_it_was(tmp_path, monkeypatch, program):
    file = tmp_path / "pikube-aarch64"
    file.write_bytes(program)
    monkeypatch.setenv("PIKUBE_FILE", str(file))
    root = tmp_path / "root"
    with (
        full_after(500),
        pytest.raises(StartupError, match=r"the service cannot be installed: .*File too large"),
    ):
        service.install("leader", (), root)
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_a_full_disk_leaves_the_program_that_was_there(tmp_path, monkeypatch):
    file = tmp_path / "pikube-aarch64"
    file.write_bytes(b"old")
    monkeypatch.setenv("PIKUBE_FILE", str(file))
    service.install("leader", (), tmp_path)
    file.write_bytes(b"new" * 500)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with full_after(500), pytest.raises(StartupError, match="the service cannot be installed"):
        service.install("leader", (), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("mode", ["leader", "agent"])
def test_the_units_travel_with_the_program(mode):
    assert (service.UNITS / service.unit_name(mode)).is_file()


def test_only_what_a_person_typed_is_typed_again(tmp_path, monkeypatch):
    monkeypatch.setenv("PIKUBE_MAX_PODS", "7")
    parser = argparse.ArgumentParser()
    add_flags(parser, "leader", "agent")
    given = parser.parse_args(["--no-agent", "--tls-san", "a", "--tls-san", "b", "--data-dir", "/srv/x"])
    assert flags_of(read_resolved(given)) == ["--data-dir=/srv/x", "--tls-san=a", "--tls-san=b", "--no-agent"]
