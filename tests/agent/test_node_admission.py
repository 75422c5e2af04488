"""What a board refuses to run."""

import pytest

from pikube.agent.pods.container_specs import (
    apparmor_problem,
    apparmor_profile,
    selinux_options,
    unified_limits,
)
from pikube.agent.pods.node_admission import Enforced, refusal, sandbox_problem
from pikube.agent.runtime.contract import Size
from pikube.api.kinds.core_container import AppArmorProfile, Container, SecurityContext, SELinuxOptions
from pikube.api.kinds.core_pod import Pod, PodSecurityContext, PodSpec, Sysctl
from pikube.api.kinds.core_references import Toleration
from pikube.api.kinds.meta import ObjectMeta

DOMAIN = "cluster.local"


def pod(*sysctls, profile=None, memory="", static=False, **spec):
    security = PodSecurityContext(sysctls=tuple(Sysctl(name=name, value="1") for name in sysctls))
    own = SecurityContext(app_armor_profile=AppArmorProfile(type=profile)) if profile else None
    container = Container(name="c", security_context=own)
    if memory:
        container.resources.requests["memory"] = memory
    meta = ObjectMeta(annotations={"kubernetes.io/config.source": "file"} if static else {})
    return Pod(metadata=meta, spec=PodSpec(containers=(container,), security_context=security, **spec))


@pytest.mark.parametrize(
    ("wanted", "enforced", "words"),
    [
        (pod(), Enforced(), None),
        (pod("net.ipv4.tcp_syncookies"), Enforced(), None),
        (pod("net/ipv4/tcp_syncookies"), Enforced(), None),
        (pod("net.core.somaxconn"), Enforced(), '"net.core.somaxconn" not allowlisted'),
        (pod("net.core.somaxconn"), Enforced(["net.core.*"]), None),
        (pod("net.core.somaxconn"), Enforced(["net.core.somaxconn"]), None),
        (pod("net.core.somaxconn"), Enforced(["net.core.some"]), "not allowlisted"),
        (pod("net.ipv4.tcp_rmem", host_network=True), Enforced(), "not allowed with host net enabled"),
        (pod("kernel.shm_rmid_forced", host_ipc=True), Enforced(), "not allowed with host ipc enabled"),
        (pod("kernel.shm_rmid_forced", host_network=True), Enforced(), None),
        (pod(profile="Unconfined"), Enforced(), None),
        (pod(profile="RuntimeDefault"), Enforced(), "AppArmor is not enabled on the host"),
        (pod(profile="Localhost"), Enforced(has_apparmor=True), None),
    ],
)
def test_a_pod_is_refused_for_what_the_board_cannot_or_must_not_do(wanted, enforced, words):
    found = refusal(wanted, enforced)
    assert (found is None) == (words is None)
    assert words is None or words in found[1]


CRITICAL = {"priority": 2_000_000_000}
TOLERANT = {"tolerations": (Toleration(key="node.kubernetes.io/memory-pressure", operator="Exists"),)}


@pytest.mark.parametrize(
    ("wanted", "pressures", "named"),
    [
        (pod(), (), ""),
        (pod(), ("MemoryPressure",), "[MemoryPressure]"),
        (pod(), ("PIDPressure", "DiskPressure"), "[DiskPressure PIDPressure]"),
        (pod(**CRITICAL), ("MemoryPressure", "DiskPressure"), ""),
        (pod(static=True), ("DiskPressure",), ""),
        (pod(memory="1Mi"), ("MemoryPressure",), ""),
        (pod(memory="1Mi"), ("MemoryPressure", "DiskPressure"), "[DiskPressure MemoryPressure]"),
        (pod(memory="1Mi"), ("DiskPressure",), "[DiskPressure]"),
        (pod(**TOLERANT), ("MemoryPressure",), ""),
        (pod(**TOLERANT), ("PIDPressure",), "[PIDPressure]"),
    ],
)
def test_a_board_that_runs_short_takes_what_its_shortage_allows(wanted, pressures, named):
    words = f"Pod was rejected: The node had condition: {named}. "
    assert refusal(wanted, Enforced(), set(pressures)) == (("Evicted", words) if named else None)


def test_users_of_its_own_are_not_pretended():
    assert "does not support user namespaces" in sandbox_problem(
        pod(host_users=False), "", frozenset(), DOMAIN
    )
    assert (
        sandbox_problem(pod(), "", frozenset(), DOMAIN)
        == sandbox_problem(pod(host_users=True), "", frozenset(), DOMAIN)
        == ""
    )


def test_a_class_of_runtime_must_be_one_that_the_board_has():
    words = 'failed to get sandbox runtime: no runtime for "kata" is configured'
    assert sandbox_problem(pod(), "kata", frozenset({"runc"}), DOMAIN) == words
    assert sandbox_problem(pod(), "runc", frozenset({"runc"}), DOMAIN) == ""


def test_a_full_name_that_the_kernel_cannot_hold_is_refused():
    full = {"hostname": "h" * 50, "subdomain": "sub", "set_hostname_as_fqdn": True}
    name = f"{'h' * 50}.sub..svc.cluster.local"
    words = f"FQDN {name} is too long (64 characters is the max, {len(name)} characters requested)"
    problem = sandbox_problem(pod(**full), "", frozenset(), DOMAIN)
    assert problem == f"failed to construct FQDN from pod hostname and cluster domain, {words}"
    for fits in (
        {"hostname": "h"},
        {"set_hostname_as_fqdn": False},
        {"subdomain": ""},
        {"host_network": True},
    ):
        assert sandbox_problem(pod(**full | fits), "", frozenset(), DOMAIN) == ""


def test_profiles_and_labels_are_podmans():
    assert apparmor_profile(None) == apparmor_profile(AppArmorProfile(type="RuntimeDefault")) == ""
    assert apparmor_profile(AppArmorProfile(type="Unconfined")) == "unconfined"
    assert apparmor_profile(AppArmorProfile(type="Localhost", localhost_profile="web")) == "web"
    assert selinux_options(SELinuxOptions(type="spc_t", level="s0:c1")) == ("type:spc_t", "level:s0:c1")


def test_a_profile_that_is_not_loaded_is_named():
    assert apparmor_problem("deny-write", {"deny-write", "other"}) == ""
    assert apparmor_problem("", set()) == apparmor_problem("unconfined", set()) == ""
    assert apparmor_problem("deny-write", {"other"}).endswith("apparmor profile not found deny-write")


FILES = frozenset({"memory.oom.group", "memory.swap.max"})


@pytest.mark.parametrize(
    ("memory_bytes", "files", "wanted"),
    [
        (0, FILES, {"memory.oom.group": "1", "memory.swap.max": "0"}),
        (1 << 20, FILES, {"memory.oom.group": "1"}),
        (0, frozenset({"memory.oom.group"}), {"memory.oom.group": "1"}),  # a kernel that does not count swap
        (0, frozenset(), {}),  # cgroups v1, or a Pi that was booted without cgroup_enable=memory
    ],
)
def test_what_version_two_of_control_groups_is_asked_for(memory_bytes, files, wanted):
    assert unified_limits(Size(2, 0, 100_000, memory_bytes), files) == wanted
