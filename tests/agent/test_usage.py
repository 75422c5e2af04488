"""What containers use, from the kernel's files as each kind of host has them, and the rates made of it."""

import json

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from pikube.agent.runtime.contract import Container
from pikube.agent.usage import cgroups, reports, samples
from pikube.agent.usage.cgroups import Hierarchies, MemoryUse
from pikube.agent.usage.disk_reports import FsUse, PodDisk, VolumePlace, volume_families
from pikube.agent.usage.durations import Durations
from pikube.agent.usage.meter import Meter
from pikube.agent.usage.samples import ContainerTotals, Rate, Sample, board_rate, container_rate, keep
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import ObjectMeta
from pikube.wire.prometheus import Family, render

V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev 0 0\n"
V1 = (
    "tmpfs /sys/fs/cgroup tmpfs ro 0 0\n"
    "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n"
    "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
)
HYBRID = V1 + "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
SYSTEMD_HYBRID = (
    "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
    "cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0\n"
)


@pytest.mark.parametrize(
    ("mounts", "controllers", "found"),
    [
        (
            V2,
            "cpuset cpu io memory pids",
            Hierarchies("/sys/fs/cgroup", "/sys/fs/cgroup", True, True, "/sys/fs/cgroup"),
        ),
        (
            V2,
            "cpuset cpu io pids",
            Hierarchies("/sys/fs/cgroup", "", True, True, "/sys/fs/cgroup"),
        ),  # a Pi without cgroup_enable
        (V1, "", Hierarchies("/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory", False, False)),
        (
            V1 + "cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n",
            "",
            Hierarchies(
                "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory", False, False, "/sys/fs/cgroup/pids"
            ),
        ),
        (HYBRID, "", Hierarchies("/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory", False, False)),
        (
            V1.replace("rw,memory", "rw,devices"),
            "",
            Hierarchies("/sys/fs/cgroup/cpu,cpuacct", "", False, True),
        ),
        (
            SYSTEMD_HYBRID,
            "memory",
            Hierarchies("/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified", True, True),
        ),
        ("", "", Hierarchies("", "", True, True)),
    ],
)
def test_each_kind_of_host_is_recognized(mounts, controllers, found):
    assert cgroups.find_hierarchies(mounts, lambda path: controllers) == found


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("/libpod_parent/podid/libpod-abc", "/libpod_parent/podid/libpod-abc"),
        ("/machine.slice/libpod-abc.scope/container", "/machine.slice/libpod-abc.scope"),
        ("/machine.slice/libpod-abc.scope/container/init.scope", "/machine.slice/libpod-abc.scope"),
        ("/elsewhere", "/elsewhere"),
        ("", ""),
    ],
)
def test_the_group_of_a_container_is_the_one_that_bears_its_name(path, group):
    assert cgroups.container_group(path, "abc") == group


def files(**texts):
    return {"/c/g/" + name.replace("__", "."): text for name, text in texts.items()}.get


def test_version_two_files_are_read():
    here = Hierarchies("/c", "/c", True, True)
    read = files(
        cpu__stat="usage_usec 1500\nuser_usec 1000\n",
        memory__current="5000\n",
        memory__stat="anon 3000\ninactive_file 1200\npgfault 7\npgmajfault 2\n",
    )
    assert cgroups.cpu_ns(here, "/g", read) == 1_500_000
    assert cgroups.memory_use(here, "/g", read) == MemoryUse(5000, 3800, 3000, 7, 2)


def test_processes_are_counted_where_the_kernel_counts_them():
    read = files(pids__current="7\n")
    assert cgroups.processes(Hierarchies(pids="/c"), "/g", read) == 7
    assert cgroups.processes(Hierarchies(), "/g", read) is None
    assert cgroups.processes(Hierarchies(pids="/c"), "/gone", read) is None


def test_version_one_files_are_read():
    here = Hierarchies("/c", "/c", False, False)
    read = files(
        cpuacct__usage="1500000\n",
        memory__usage_in_bytes="5000\n",
        memory__stat="rss 1\ninactive_file 1\ntotal_rss 3000\ntotal_inactive_file 6000\ntotal_pgfault 7\n",
    )
    assert cgroups.cpu_ns(here, "/g", read) == 1_500_000
    assert cgroups.memory_use(here, "/g", read) == MemoryUse(5000, 0, 3000, 7, 0)


def test_what_the_kernel_does_not_count_is_unknown_and_not_nothing():
    nothing = Hierarchies("", "", True, True)
    assert cgroups.cpu_ns(nothing, "/g", lambda path: None) is None
    assert cgroups.memory_use(nothing, "/g", lambda path: None) is None
    gone = Hierarchies("/c", "/c", True, True)
    assert cgroups.cpu_ns(gone, "/g", lambda path: None) is None
    assert cgroups.memory_use(gone, "/g", lambda path: None) is None
    assert cgroups.cpu_ns(gone, "", files(cpu__stat="usage_usec 1")) is None


def test_the_board_is_measured_like_the_root_of_all_groups():
    assert cgroups.board_cpu_ns("cpu  100 10 50 9000 800 5 5 0 40 0\ncpu0 1 1 1 1\n", 100) == 1_700_000_000
    assert cgroups.board_cpu_ns("", 100) is None
    use, available = cgroups.board_memory(
        "MemTotal: 1000 kB\nMemFree: 300 kB\nInactive(file): 200 kB\nAnonPages: 400 kB\n",
        "pgfault 9\npgmajfault 1\n",
    )
    assert use == MemoryUse(700 * 1024, 500 * 1024, 400 * 1024, 9, 1) and available == 500 * 1024
    assert cgroups.board_memory("", "") == (None, None)
    assert cgroups.network_bytes(
        "Inter-| x\n face |bytes\n lo: 9 0 0 0 0 0 0 0 9\n eth0: 5 0 0 0 0 0 0 0 7\n"
    ) == (5, 7)


def sample(at, containers=(), board=None):
    totals = {name: ContainerTotals(name, started, cpu, None) for name, started, cpu in containers}
    return Sample(at, 1000.0 + at, board, None, None, totals)


def test_a_rate_is_taken_over_the_longest_window_known():
    series = (
        sample(0, [("a", 900, 0)], 0),
        sample(10, [("a", 900, 10**9)], 10**9),
        sample(20, [("a", 900, 5 * 10**9)], 6 * 10**9),
    )
    assert board_rate(series) == Rate(300_000_000, 20)
    assert container_rate(series, "a") == Rate(250_000_000, 20)


def test_a_container_younger_than_the_samples_began_with_nothing():
    series = (
        sample(0),
        sample(10, [("new", 1006.0, 2 * 10**9), ("old", 100.0, 10**9), ("brand", 1009.9, 5)]),
    )
    assert container_rate(series, "new") == Rate(500_000_000, 4.0)
    assert container_rate(series, "old") is None, "it ran long before anybody measured"
    assert container_rate(series, "brand") is None, "a tenth of a second says nothing"


def test_a_counter_that_went_back_gives_no_rate():
    assert board_rate((sample(0, board=100), sample(10, board=50))) is None


@given(st.lists(st.floats(0.01, 60.0), max_size=40))
def test_few_samples_are_kept_and_who_keeps_asking_has_a_long_window(gaps):
    kept, at = (), 0.0
    for gap in gaps:
        at += gap
        kept = keep(kept, sample(at))
        assert kept[-1].at == at
        assert len(kept) <= samples.WINDOW_S / samples.APART_S + 3
        assert all(at - s.at <= samples.WINDOW_S for s in kept)
        assert [s.at for s in kept] == sorted(s.at for s in kept)
    if len(gaps) > 3 and max(gaps) <= samples.APART_S and sum(gaps) > 2 * samples.WINDOW_S:
        assert at - kept[0].at >= samples.WINDOW_S - 2 * samples.APART_S


def container(**changes):
    fields = {
        "id": "abc", "pod_uid": "u", "name": "web", "attempt": 0, "spec_hash": "", "state": "running",
        "image": "box", "image_id": "i", "started_at": 900.0, "cgroup": "/g",
    }  # fmt: skip
    return Container(**(fields | changes))


async def test_the_first_question_is_answered_after_a_second_and_the_next_at_once(tmp_path):
    used = iter(range(0, 10**12, 10**8))

    def read(path):
        if path.endswith("cpu.stat"):
            return f"usage_usec {next(used) // 1000}"
        return {"/proc/mounts": V2}.get(path)

    meter = Meter(lambda: [container()], read=read, wall_clock=lambda: 1000.0)
    began = trio.current_time()
    series = await meter.samples()
    assert 0.9 < trio.current_time() - began < 5
    assert 0 < container_rate(series, "abc").nanocores < 10**9
    assert await meter.samples() is series, "asked again within a second"


async def test_a_rate_is_measured_also_where_somebody_just_asked_for_totals():
    used = iter(range(0, 10**12, 10**8))

    def read(path):
        if path.endswith("cpu.stat"):
            return f"usage_usec {next(used) // 1000}"
        return {"/proc/mounts": V2}.get(path)

    meter = Meter(lambda: [container()], read=read, wall_clock=lambda: 1000.0)
    await meter.latest()
    assert container_rate(await meter.samples(), "abc") is not None


async def test_a_container_that_the_board_hears_of_late_has_a_rate_too(autojump_clock):
    running, used = [], iter(range(0, 10**12, 10**8))

    def read(path):
        if path.endswith("cpu.stat"):
            return f"usage_usec {next(used) // 1000}"
        return {"/proc/mounts": V2}.get(path)

    meter = Meter(lambda: running, read=read, wall_clock=lambda: 1000.0)
    await meter.samples()
    await trio.sleep(3)
    running.append(container())  # it runs for longer than samples are kept, and is in none of them
    assert container_rate(await meter.samples(), "abc") is not None
    for _ in range(100):
        await trio.sleep(1)
        series = await meter.samples()
        assert container_rate(series, "abc") is not None
        assert len(series) <= samples.WINDOW_S / samples.APART_S + 4


def pod_entry():
    pod = Pod(metadata=ObjectMeta(name="p", namespace="n", uid="u"))
    return reports.PodContainers(pod, (container(),))


def used(amount, inodes=1):
    return FsUse(1000, 400, 50, 20, amount, inodes)


DISK = PodDisk(
    {"web": "/layer"},
    {"web": "/logs"},
    (
        VolumePlace("scratch", "/scratch", is_own=True),
        VolumePlace("data", "/data", "claim"),
        VolumePlace("large", "/large", "other"),
        VolumePlace("gone", "/gone"),
    ),
)
USES = {
    "/layer": used(10),
    "/logs": used(3),
    "/scratch": used(5),
    "/data": used(700),
    "/large": used(None, None),
}
BOARD = reports.BoardUse("board", 0.0, 100, 40, 10, 4, 1, 2)


def test_the_summary_has_kubelets_shape_and_leaves_out_what_is_unknown():
    before = Sample(0, 1000, 0, None, None, {"abc": ContainerTotals("abc", 900, 0, None)})
    after = Sample(10, 1010, 10**9, None, None, {"abc": ContainerTotals("abc", 900, 10**9, None)})
    document = reports.summary(BOARD, [pod_entry()], (before, after), {}, {}, {}, only_cpu_and_memory=True)
    assert document["node"]["cpu"]["usageNanoCores"] == 10**8
    assert "memory" not in document["node"] and "fs" not in document["node"]
    found = document["pods"][0]
    assert found["podRef"] == {"name": "p", "namespace": "n", "uid": "u"}
    assert found["containers"][0]["cpu"] == {
        "time": "1970-01-01T00:16:50Z", "usageCoreNanoSeconds": 10**9, "usageNanoCores": 10**8,
        "window": "10.000s",
    }  # fmt: skip
    assert found["cpu"]["usageNanoCores"] == 10**8
    assert "memory" not in found and "memory" not in found["containers"][0]
    json.dumps(document)
    whole = reports.summary(
        BOARD, [pod_entry()], (before, after), {"u": (7, 9)}, {"u": DISK}, USES, only_cpu_and_memory=False
    )
    assert whole["node"]["runtime"]["imageFs"]["usedBytes"] == whole["node"]["fs"]["usedBytes"] == 60
    assert whole["node"]["rlimit"]["maxpid"] == 0
    (found,) = whole["pods"]
    assert (found["network"]["rxBytes"], found["network"]["txBytes"]) == (7, 9)
    (web,) = found["containers"]
    assert (web["rootfs"]["usedBytes"], web["logs"]["usedBytes"], web["logs"]["capacityBytes"]) == (
        10,
        3,
        1000,
    )
    scratch, data, large = found["volume"]
    assert (scratch["name"], scratch["usedBytes"]) == ("scratch", 5) and "pvcRef" not in scratch
    assert data["pvcRef"] == {"name": "claim", "namespace": "n"}
    assert large["capacityBytes"] == 1000 and "usedBytes" not in large, "too much to count is not nothing"
    assert found["ephemeral-storage"]["usedBytes"] == 10 + 3 + 5, "what is of a claim is not the pod's own"


class Probed:
    def __init__(self, results, *seconds):
        self.results, took = results, Durations()
        for one in seconds:
            took.add(one)
        self.durations = {("web", "liveness"): took} if seconds else {}


def test_prometheus_reads_how_probes_went():
    results = {("web", "readiness", "failed"): 2, ("web", "liveness", "successful"): 5}
    lines = render(reports.probe_families([(pod_entry().pod, Probed(results))])).decode().splitlines()
    assert lines[2:] == [
        'prober_probe_total{container="web",namespace="n",pod="p",pod_uid="u",probe_type="Liveness",'
        'result="successful"} 5',
        'prober_probe_total{container="web",namespace="n",pod="p",pod_uid="u",probe_type="Readiness",'
        'result="failed"} 2',
    ]


def test_prometheus_reads_the_resource_metrics():
    use = MemoryUse(5000, 3800, 3000, 7, 2)
    now = Sample(0, 1000, 10**9, use, 1, {"abc": ContainerTotals("abc", 900, 2_500_000_000, use)})
    lines = render(reports.resource_families([pod_entry()], now)).decode().splitlines()
    assert 'container_cpu_usage_seconds_total{container="web",namespace="n",pod="p"} 2.5 1000000' in lines
    assert 'container_memory_working_set_bytes{container="web",namespace="n",pod="p"} 3800 1000000' in lines
    assert 'container_start_time_seconds{container="web",namespace="n",pod="p"} 900' in lines
    assert "node_cpu_usage_seconds_total 1 1000000" in lines
    assert 'pod_memory_working_set_bytes{namespace="n",pod="p"} 3800 1000000' in lines
    assert "# TYPE node_cpu_usage_seconds_total counter" in lines


def test_labels_and_histograms_are_written_as_prometheus_wants_them():
    family = Family("f_seconds", "histogram", "A\nhelp.")
    family.add_histogram((0.1, 1), (2, 1, 1), 3.5, {"verb": 'G"E\\T\n'})
    assert render([family, Family("empty", "gauge", "None.")]).decode() == (
        "# HELP f_seconds A\\nhelp.\n# TYPE f_seconds histogram\n"
        'f_seconds_bucket{verb="G\\"E\\\\T\\n",le="0.1"} 2\n'
        'f_seconds_bucket{verb="G\\"E\\\\T\\n",le="1"} 3\n'
        'f_seconds_bucket{verb="G\\"E\\\\T\\n",le="+Inf"} 4\n'
        'f_seconds_sum{verb="G\\"E\\\\T\\n"} 3.5\n'
        'f_seconds_count{verb="G\\"E\\\\T\\n"} 4\n'
    )


def test_volumes_with_a_claim_are_told_once_by_kubelet_s_names():
    pod = Pod(metadata=ObjectMeta(name="p", namespace="n", uid="u"))
    text = render(volume_families([(pod, DISK), (pod, DISK)], USES)).decode()
    of_data = '{namespace="n",persistentvolumeclaim="claim"}'
    assert text.count(f"kubelet_volume_stats_used_bytes{of_data} 700\n") == 1
    assert f"kubelet_volume_stats_available_bytes{of_data} 400" in text
    assert 'kubelet_volume_stats_capacity_bytes{namespace="n",persistentvolumeclaim="other"} 1000' in text
    assert 'used_bytes{namespace="n",persistentvolumeclaim="other"}' not in text


def test_probes_are_counted_and_timed():
    probed = Probed({("web", "liveness", "successful"): 3}, 0.004, 0.005, 0.3, 99.0)
    pod = Pod(metadata=ObjectMeta(name="p", namespace="n", uid="u"))
    text = render(reports.probe_families([(pod, probed)])).decode()
    labels = 'container="web",namespace="n",pod="p"'
    assert f'prober_probe_total{{{labels},pod_uid="u",probe_type="Liveness",result="successful"}} 3' in text
    for bound, count in (("0.005", 2), ("0.25", 2), ("0.5", 3), ("10", 3), ("+Inf", 4)):
        line = f'prober_probe_duration_seconds_bucket{{{labels},probe_type="Liveness",le="{bound}"}} {count}'
        assert line in text
    assert f'prober_probe_duration_seconds_count{{{labels},probe_type="Liveness"}} 4' in text
