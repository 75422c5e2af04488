"""NFS shares: what mount(8) is asked for, that a share goes with its pod, that a server that is away holds up nobody.

The kernels of test machines have no NFS; a small mount(8) of ours stands in, which plugs a directory in as the share.
"""

import json
import os
from pathlib import Path

import pytest

from pikube.agent.pods.mounting import mount_nfs, mounts_below
from pikube.agent.pods.volume_files import VolumeProblem
from pikube.agent.pods.volumes import PodVolumes
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeSpec
from pikube.api.kinds.core_volume import NFSVolumeSource, Volume
from pikube.api.kinds.meta import ObjectMeta

MOUNT = """\
#!/usr/bin/python3
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
if "nfs" in sys.argv:
    (here / "asked.json").write_text(json.dumps(sys.argv[1:]))
    if (here / "away").exists():
        import time; time.sleep(60)
    if (here / "refuses").exists():
        sys.exit("mount.nfs: access denied by server while mounting " + sys.argv[-2])
    os.execv("/bin/mount", ["mount", "--bind", str(here / "share"), sys.argv[-1]])
os.execv("/bin/mount", sys.argv)
"""


@pytest.fixture
def server(tmp_path, monkeypatch_path):
    """The fake's directory; `share` is what it exports."""
    folder = tmp_path / "bin"
    (folder / "share").mkdir(parents=True)
    (folder / "share" / "hello").write_text("from afar")
    for name, text in (("mount", MOUNT), ("mount.nfs", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch_path(folder)
    return folder


@pytest.fixture
def monkeypatch_path():
    """Puts a folder first on PATH, as a process' environment."""
    before = os.environ["PATH"]
    yield lambda folder: os.environ.update(PATH=f"{folder}:{before}")
    os.environ["PATH"] = before


def share(**more):
    return Volume(name="media", nfs=NFSVolumeSource(server="nas.local", path="/export/media", **more))


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts")


@needs_root
@pytest.mark.parametrize(
    ("source", "options", "asked"),
    [
        (share(), (), ["-t", "nfs", "nas.local:/export/media"]),
        (share(read_only=True), (), ["-t", "nfs", "-o", "ro", "nas.local:/export/media"]),
        (
            share(),
            ("nfsvers=4.1", "hard"),
            ["-t", "nfs", "-o", "nfsvers=4.1,hard", "nas.local:/export/media"],
        ),
        (
            Volume(name="media", nfs=NFSVolumeSource(server="fd00::5", path="/x")),
            (),
            ["-t", "nfs", "[fd00::5]:/x"],
        ),
    ],
)
def test_a_share_is_mounted_as_asked_once_and_goes_with_its_pod(tmp_path, server, source, options, asked):
    bound = PersistentVolume(
        metadata=ObjectMeta(name="pv"), spec=PersistentVolumeSpec(nfs=source.nfs, mount_options=options)
    )
    volumes = PodVolumes(tmp_path / "pod")
    place = volumes.make(Pod(), source, bound if options else None, None)
    assert json.loads((server / "asked.json").read_text()) == [*asked, place.path]
    assert Path(place.path, "hello").read_text() == "from afar"
    assert place.is_read_only == source.nfs.read_only
    (server / "asked.json").unlink()
    assert volumes.make(Pod(), source, None, None) == place
    assert not (server / "asked.json").exists(), "it was there already"
    volumes.remove()
    assert mounts_below(tmp_path) == [] and not volumes.directory.exists()
    assert (server / "share" / "hello").exists(), "what the share holds is its own"


@needs_root
def test_what_the_server_says_is_told_and_one_that_is_away_has_a_deadline(tmp_path, server):
    (server / "refuses").touch()
    with pytest.raises(
        VolumeProblem, match=r"access denied by server while mounting nas.local:/export/media"
    ):
        PodVolumes(tmp_path / "pod").make(Pod(), share(), None, None)
    (server / "away").touch()
    with pytest.raises(
        VolumeProblem, match=r"mount timed out after 0s: mount -t nfs nas.local:/export/media"
    ):
        mount_nfs(tmp_path / "pod" / "volumes" / "media", share().nfs, (), deadline_s=0.3)
    assert mounts_below(tmp_path) == []
