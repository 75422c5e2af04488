"""What lies in directories: within bounds, and seldom."""

import threading

import trio

from pikube.agent.usage.disk import DiskMeter, fs_use, used_below
from pikube.agent.usage.disk_reports import FsUse


def test_a_directory_is_counted_as_du_does_and_a_mount_as_its_file_system(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    found = fs_use(str(tmp_path))
    assert found.used_bytes >= 200_000 and found.inodes_used == 2
    assert found.capacity_bytes > found.available_bytes > 0
    whole = fs_use("/proc")
    assert whole.used_bytes == 0
    assert fs_use(str(tmp_path / "nothing")) is None


def test_a_tree_that_is_too_large_is_unknown_and_not_nothing(tmp_path):
    for number in range(12):
        (tmp_path / str(number)).touch()
    assert used_below(tmp_path, most=10) == (None, None)
    assert used_below(tmp_path, most=12)[1] == 13


class Disks:
    """Counts what is measured; a path called slow answers when it may."""

    def __init__(self):
        self.asked = []
        self.may_answer = threading.Event()

    def measure(self, path):
        self.asked.append(path)
        if path == "slow":
            self.may_answer.wait()
        return None if path == "gone" else FsUse(1, 1, 1, 1, len(self.asked), 1)


async def test_an_answer_is_good_for_a_minute():
    disks = Disks()
    meter = DiskMeter(disks.measure)
    assert sorted(await meter.of(["a", "gone"])) == ["a"]
    assert sorted(await meter.of(["a", "b", "gone"])) == ["a", "b"]
    assert disks.asked == ["a", "gone", "b"]
    meter.forget_others(["a"])
    await meter.of(["a", "b"])
    assert disks.asked == ["a", "gone", "b", "b"]
    stale = DiskMeter(disks.measure, fresh_s=0.0)
    await stale.of(["a"])
    await stale.of(["a"])
    assert disks.asked[-2:] == ["a", "a"]


async def test_a_share_that_does_not_answer_holds_nobody_up():
    disks = Disks()
    meter = DiskMeter(disks.measure, patience_s=0.2)
    with trio.fail_after(5):
        assert sorted(await meter.of(["a", "slow", "z"])) == ["a"]
        assert sorted(await meter.of(["a", "other"])) == ["a"], "what is known is told meanwhile"
    disks.may_answer.set()
