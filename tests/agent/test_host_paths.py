"""Directories and files of the board: hostPath with each of its types, and the group of a pod's volumes."""

import os
import socket
import stat

import pytest

from pikube.agent.pods.host_paths import give_all_to_group, host_path
from pikube.agent.pods.volume_files import VolumeProblem
from pikube.api.kinds.core_volume import HostPathVolumeSource

KINDS = {
    "": None,
    "Directory": "is not a directory",
    "File": "is not a file",
    "Socket": "is not a socket file",
    "CharDevice": "is not a character device",
    "BlockDevice": "is not a block device",
}


@pytest.fixture
def places(tmp_path):
    """A path of each kind by the type that it is."""
    (tmp_path / "file").touch()
    (tmp_path / "dir").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        yield {
            "File": tmp_path / "file",
            "Directory": tmp_path / "dir",
            "Socket": tmp_path / "socket",
            "CharDevice": "/dev/null",
        }


@pytest.mark.parametrize("wanted", KINDS)
def test_what_is_there_must_be_of_the_type_that_is_asked_for(places, wanted):
    for kind, path in places.items():
        source = HostPathVolumeSource(path=str(path), type=wanted)
        if wanted in ("", kind):
            assert host_path(source) == str(path)
        else:
            with pytest.raises(VolumeProblem) as refused:
                host_path(source)
            assert str(refused.value) == f"hostPath type check failed: {path} {KINDS[wanted]}"


@pytest.mark.parametrize(
    ("wanted", "is_made"),
    [("", os.path.isdir), ("DirectoryOrCreate", os.path.isdir), ("FileOrCreate", os.path.isfile)],
)
def test_what_is_not_there_is_made_if_its_type_says_so(tmp_path, wanted, is_made):
    path = str(tmp_path / "new")
    assert host_path(HostPathVolumeSource(path=path, type=wanted)) == path and is_made(path)
    with pytest.raises(VolumeProblem, match="is not a"):
        host_path(HostPathVolumeSource(path=str(tmp_path / "none"), type="Directory"))
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="changes owners")
def test_all_of_a_volume_is_the_groups_once(tmp_path):
    root, deep = tmp_path / "v", tmp_path / "v" / "deep"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    (deep / "file").chmod(0o600)
    (tmp_path / "outside").write_text("x")
    (root / "link").symlink_to(tmp_path / "outside")
    give_all_to_group(root, 2000, None)
    assert (deep / "file").stat().st_gid == 2000 and (deep / "file").stat().st_mode & 0o777 == 0o660
    assert stat.S_IMODE(deep.stat().st_mode) & 0o2070 == 0o2070
    assert (tmp_path / "outside").stat().st_gid == os.getgid(), "links lead out"
    (deep / "later").touch()
    os.chown(deep / "later", 0, 0)
    give_all_to_group(root, 2000, "OnRootMismatch")
    assert (deep / "later").stat().st_gid == 0
    give_all_to_group(root, 2000, "Always")
    assert (deep / "later").stat().st_gid == 2000
    give_all_to_group(root, 3000, "OnRootMismatch")
    assert (deep / "file").stat().st_gid == 3000
