"""Parts of volumes: bound to a place of their own, whatever a container does to the path meanwhile."""

import os
import threading

import pytest

from pikube.agent.pods.mounting import is_mounted, unmount_below
from pikube.agent.pods.sub_paths import bind_sub_path
from pikube.agent.pods.volume_files import VolumeProblem

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts")


@pytest.fixture
def volume(tmp_path):
    """(the volume's root, where to bind): nothing stays mounted."""
    root = tmp_path / "volume"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "deep" / "er" / "file").write_text("inside")
    (root / "link").symlink_to("deep")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("the board's own")
    (root / "out").symlink_to(tmp_path / "secret")
    yield root, tmp_path / "places" / "0"
    unmount_below(tmp_path)


def test_a_directory_or_a_file_is_bound_also_by_a_link_that_stays_inside(volume):
    root, place = volume
    assert bind_sub_path(str(root), "link/er", place, may_make=True) == str(place)
    assert (place / "file").read_text() == "inside"
    (place / "new").write_text("x")
    assert (root / "deep" / "er" / "new").exists()
    bind_sub_path(str(root), "deep/er/file", place, may_make=True)  # another attempt, of another kind
    assert place.read_text() == "inside"


def test_what_is_not_there_is_made_for_whoever_may_write_to_the_volume(volume):
    root, place = volume
    root.chmod(0o2777)
    bind_sub_path(str(root), "a/b", place, may_make=True)
    assert (root / "a" / "b").stat().st_mode & 0o7777 == 0o2777
    with pytest.raises(VolumeProblem, match="No such file"):
        bind_sub_path(str(root), "nope", place, may_make=False)


@pytest.mark.parametrize("path", ["../secret", "out", "out/file", "deep/../../secret"])
def test_a_path_that_leads_out_is_refused(volume, path):
    root, place = volume
    with pytest.raises(VolumeProblem, match="leads out of its volume"):
        bind_sub_path(str(root), path, place, may_make=True)
    assert not place.exists()


def test_links_in_a_circle_are_a_problem_of_their_volume(volume):
    root, place = volume
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(VolumeProblem):
        bind_sub_path(str(root), "a", place, may_make=True)


def test_a_mount_stays_with_what_was_bound_when_the_path_is_replaced(volume):
    root, place = volume
    bind_sub_path(str(root), "deep/er", place, may_make=True)
    (root / "deep").rename(root / "old")
    (root / "deep").symlink_to(root.parent / "secret")
    assert (place / "file").read_text() == "inside"
    unmount_below(place.parent)
    assert not is_mounted(place) and (root / "old" / "er" / "file").exists()


def test_a_path_that_is_swapped_all_the_time_never_shows_the_boards_own_files(volume):
    root, place = volume
    ends = threading.Event()

    def swap():
        while not ends.is_set():
            (root / "deep").rename(root / "aside")
            (root / "deep").symlink_to("../secret")
            (root / "deep").unlink()
            (root / "aside").rename(root / "deep")

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(300):
            try:
                bind_sub_path(str(root), "deep", place, may_make=False)
            except VolumeProblem:
                continue
            assert sorted(os.listdir(place)) == ["er"]
    finally:
        ends.set()
        swapper.join()
