"""A board that runs short: what is too little, who goes first, which images, and in which words."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.agent.pressure.images import Collection, chosen, unused
from pikube.agent.pressure.signals import (
    DISK,
    INODES,
    MEMORY,
    PIDS,
    PodUse,
    Room,
    conditions,
    eviction_words,
    met,
    parse_thresholds,
    ranked,
)
from pikube.agent.pressure.storage import exceeded, has_limits
from pikube.agent.runtime.contract import Image
from pikube.agent.usage.disk import disk_bytes, inodes_below
from pikube.api.kinds.core_pod import Pod

MI = 2**20
DEFAULT = parse_thresholds(
    "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,pid.available<5%"
)


@pytest.mark.parametrize(
    ("rooms", "signals"),
    [
        ({}, []),
        ({MEMORY: Room(100 * MI, 1000 * MI)}, []),
        ({MEMORY: Room(100 * MI - 1, 1000 * MI)}, [MEMORY]),
        ({DISK: Room(9, 100), INODES: Room(4, 100), PIDS: Room(4, 100)}, [DISK, INODES, PIDS]),
        ({DISK: Room(10, 100), INODES: Room(5, 100), PIDS: Room(5, 100)}, []),
    ],
)
def test_thresholds_are_met_below_and_not_at_them(rooms, signals):
    assert met(DEFAULT, rooms) == signals


@pytest.mark.parametrize(
    "text", ["memory.available", "memory<1Mi", "memory.available>1Mi", "nodefs.available<x%"]
)
def test_a_threshold_that_is_none_is_refused(text):
    with pytest.raises(ValueError):
        parse_thresholds(text)


def test_a_condition_stays_for_a_while_so_that_it_does_not_flap():
    first = conditions([MEMORY], {}, 100.0, 300.0)
    assert set(first) == {"MemoryPressure"}
    assert set(conditions([DISK], first, 101.0, 300.0)) == {"MemoryPressure", "DiskPressure"}
    assert conditions([], first, 100.0 + 300.0, 300.0) == {}


USES = st.lists(
    st.builds(
        PodUse,
        uid=st.text("abc", min_size=1, max_size=3),
        priority=st.integers(-5, 5),
        used=st.integers(0, 100),
        requested=st.integers(0, 100),
        is_critical=st.booleans(),
    ),
    max_size=8,
)


@given(USES)
def test_pods_over_their_requests_go_before_all_others_and_the_less_important_first(uses):
    order = ranked(uses)
    assert not [use for use in order if use.is_critical]
    for first, second in itertools.pairwise(order):
        over, also_over = first.used > first.requested, second.used > second.requested
        assert over or not also_over
        if over == also_over:
            assert first.priority <= second.priority
            if first.priority == second.priority:
                assert first.used - first.requested >= second.used - second.requested


def test_the_words_name_what_is_short_and_who_used_too_much():
    words = eviction_words(MEMORY, 100 * MI, Room(50 * MI, 0), [("a", 30 * MI, 10 * MI), ("b", 1, 2)])
    assert words == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
        "Container a was using 30Mi, request is 10Mi, has larger consumption of memory. "
    )
    words = eviction_words(PIDS, 1638, Room(1000, 32768), [("a", 30, 0)])
    assert words == "The node was low on resource: pids. Threshold quantity: 1638, available: 1k. ", (
        "what the kubelet knows no request of, it does not tell of"
    )


def test_images_go_only_when_the_disk_is_full_the_longest_unused_first_and_never_local_ones():
    rules = Collection()
    assert rules.bytes_to_free(20, 100) == 0
    assert rules.bytes_to_free(15, 100) == 5
    assert Collection(high_percent=100).bytes_to_free(0, 100) == 0, "kubelet: never"
    assert Collection(high_percent=50, low_percent=60).bytes_to_free(45, 100) == 0
    assert rules.bytes_to_free(0, 0) == 0
    images = [
        Image(id=name, repo_digest="", architecture="", user="", size_bytes=3, names=(f"{place}/{name}",))
        for place, name in (("docker.io", "a"), ("docker.io", "b"), ("localhost", "c"), ("docker.io", "d"))
    ]
    used_at = {"a": 50.0, "b": 10.0, "c": 0.0, "d": 1000.0 - 119}
    free = unused(images, {"x"}, used_at, 1000.0, 120.0)
    assert [image.id for image in free] == ["b", "a"]
    assert [image.id for image in chosen(free, 3)] == ["b"]
    assert unused(images, {"a", "b"}, used_at, 1000.0, 120.0) == []


def pod(volumes=(), limits=()):
    spec = {
        "containers": [
            {"name": name, "resources": {"limits": {"ephemeral-storage": amount}}} for name, amount in limits
        ]
        or [{"name": "c"}],
        "volumes": [{"name": name, "emptyDir": source} for name, source in volumes],
    }
    return msgspec.convert({"metadata": {"name": "p"}, "spec": spec}, Pod)


@pytest.mark.parametrize(
    ("declared", "volumes", "containers", "words"),
    [
        (pod(), {"v": 10**9}, {"c": 10**9}, ""),
        (pod([("v", {"sizeLimit": "1Mi"})]), {"v": MI}, {}, ""),
        (pod([("v", {"sizeLimit": "1Mi"})]), {"v": MI + 1}, {},
         'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '),
        (pod([("v", {"sizeLimit": "1Mi", "medium": "Memory"})]), {"v": 2 * MI}, {}, ""),
        (pod(limits=[("c", "1Mi")]), {}, {"c": 2 * MI},
         "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. "),
        (pod(limits=[("c", "1Mi"), ("d", "4Mi")]), {}, {"c": 2 * MI},
         'Container c exceeded its local ephemeral storage limit "1Mi". '),
        (pod([("v", {})], [("c", "1Mi")]), {"v": 2 * MI}, {},
         "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. "),
    ],
)  # fmt: skip
def test_a_pod_goes_when_it_exceeds_its_own_storage(declared, volumes, containers, words):
    assert exceeded(declared, volumes, containers) == words
    assert has_limits(declared) or not words


def test_a_directory_is_as_large_as_what_is_in_it_whatever_goes_meanwhile(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / "deep" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "deep" / name).write_bytes(b"x" * 8192)
    (tmp_path / "link").symlink_to("/usr")
    whole = disk_bytes(tmp_path)
    assert 3 * 8192 <= whole < 100_000
    assert disk_bytes(tmp_path / "nothing") == 0
    (tmp_path / "deep" / "again").hardlink_to(tmp_path / "deep" / "a")
    assert inodes_below(tmp_path) == 5, "the directory, three files and the link"
