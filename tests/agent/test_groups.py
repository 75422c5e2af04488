"""The control groups of pods that are gone."""

from pikube.agent.runtime.groups import remove_groups


def test_only_the_pods_own_groups_go_in_every_hierarchy(tmp_path):
    for hierarchy in ("systemd", "unified"):
        (tmp_path / hierarchy / "libpod_parent" / "gone" / "libpod-1").mkdir(parents=True)
        (tmp_path / hierarchy / "libpod_parent" / "there").mkdir()
    (tmp_path / "memory").mkdir()
    remove_groups("gone", tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*/*")) == [
        "systemd/libpod_parent/there",
        "unified/libpod_parent/there",
    ]


def test_a_group_that_is_in_use_stays(tmp_path):
    group = tmp_path / "unified" / "libpod_parent" / "pod"
    (group / "libpod-1").mkdir(parents=True)
    (group / "libpod-1" / "cgroup.procs").write_text("1")  # a directory that is not empty, as for the kernel
    (group / "libpod-2").mkdir()
    remove_groups("pod", tmp_path)
    assert [path.name for path in group.iterdir()] == ["libpod-1"]
