"""What is asked of Podman for a pod and its containers: the words of its API, also those that no test machine obeys
(AppArmor, SELinux, control groups of version 2 take the same limits)."""

import pytest

from pikube.agent.runtime.contract import ContainerSpec, Mount, SandboxSpec
from pikube.agent.runtime.specs import cannot_run, container_document, pod_document


def sandbox(**more):
    return SandboxSpec(
        **{"uid": "u", "name": "web", "namespace": "n", "hostname": "web", "network": "pikube0", **more}
    )


def container(**more):
    known = {
        "sandbox_id": "s", "pod_uid": "u", "pod_name": "web", "pod_namespace": "n", "name": "c", "attempt": 1,
        "image": "box", "image_id": "sha", "spec_hash": "h", "log_path": "/logs/c/1.log",
    }  # fmt: skip
    return container_document(ContainerSpec(**{**known, **more}), "board")


def test_a_sandbox_shares_what_kubernetes_shares():
    document = pod_document(sandbox(dns_servers=("10.43.0.10",), hosts=(("a", "10.0.0.1"),)), "board")
    assert document["name"] == "k8s_web_n_u" and document["infra_name"] == "k8s_web_n_u_infra"
    assert sorted(document["shared_namespaces"]) == ["ipc", "net", "uts"]
    assert document["Networks"] == {"pikube0": {}} and document["dns_server"] == ["10.43.0.10"]
    assert document["hostadd"] == ["a:10.0.0.1"] and document["exit_policy"] == "continue"
    assert document["labels"]["pikube.io/instance"] == "board"


def test_a_sandbox_on_the_host_shares_neither_network_nor_name():
    document = pod_document(sandbox(network="", uses_host_ipc=True), "board")
    assert document["netns"] == {"nsmode": "host"} and document["shared_namespaces"] == []
    assert "Networks" not in document and "dns_server" not in document


@pytest.mark.parametrize(
    ("spec", "is_filtered"),
    [({}, False), ({"shares_processes": True}, True), ({"uses_host_pid": True}, True)],
    ids=["alone", "shared processes", "the host's processes"],
)
def test_a_first_process_that_containers_can_see_keeps_its_filter_of_calls(spec, is_filtered):
    assert ("security_opt" not in pod_document(sandbox(**spec), "board")) == is_filtered


def test_limits_are_what_both_versions_of_control_groups_take():
    document = container(
        cpu_shares=512, cpu_quota_us=50_000, memory_bytes=2**26, pids_limit=99, oom_score_adjust=-997
    )
    assert document["resource_limits"] == {
        "cpu": {"shares": 512, "quota": 50_000, "period": 100_000},
        "memory": {"limit": 2**26, "swap": 2**26},  # no swap beside it, as kubelet's
        "pids": {"limit": 99},
    }
    assert document["oom_score_adj"] == -997
    assert container()["resource_limits"] == {}


def test_what_secures_a_container_is_said_in_podmans_words():
    document = container(
        seccomp_profile="/p.json", apparmor_profile="unconfined", selinux_options=("type:x_t", "level:s0"),
        is_proc_unmasked=True, has_no_new_privileges=True, is_read_only=True, user="1:2", groups=("3",),
        capabilities_added=("NET_ADMIN",), capabilities_dropped=("ALL",),
    )  # fmt: skip
    wanted = {
        "seccomp_profile_path": "/p.json", "apparmor_profile": "unconfined", "unmask": ["ALL"],
        "selinux_opts": ["type:x_t", "level:s0"], "no_new_privileges": True, "read_only_filesystem": True,
        "user": "1:2", "groups": ["3"], "cap_add": ["NET_ADMIN"], "cap_drop": ["ALL"], "privileged": False,
    }  # fmt: skip
    assert {name: document[name] for name in wanted} == wanted
    plain = container()
    absent = {"seccomp_profile_path", "apparmor_profile", "selinux_opts", "unmask", "user", "devices"}
    assert not absent & plain.keys(), "the runtime's own"


def test_namespaces_that_are_not_the_sandboxs():
    assert container(process_namespace="host")["pidns"] == {"nsmode": "host"}
    path = "/proc/77/ns/pid"
    assert container(process_namespace=path)["pidns"] == {"nsmode": "path", "value": path}
    document = container(uses_host_network=True, uses_host_ipc=True)
    assert all(document[kind] == {"nsmode": "host"} for kind in ("netns", "utsns", "ipcns"))
    assert not {"pidns", "ipcns", "netns", "utsns"} & container().keys()


def test_mounts_images_and_devices():
    document = container(
        mounts=(
            Mount("/data", "/d", is_read_only=True, propagation="rslave"),
            Mount("", "/tmp", tmpfs_size_bytes=4096),
            Mount("image-id", "/i", is_read_only=True, is_image=True),
        ),
        devices=(("/dev/gpiomem", "/dev/gpiomem", "rwm"),),
    )
    bind, tmpfs = document["mounts"]
    assert bind == {
        "destination": "/d", "type": "bind", "source": "/data", "options": ["rbind", "ro", "rslave"],
    }  # fmt: skip
    assert tmpfs["type"] == "tmpfs" and "size=4096" in tmpfs["options"]
    assert document["image_volumes"] == [{"Source": "image-id", "Destination": "/i"}]
    assert document["devices"] == [{"path": "/dev/gpiomem:/dev/gpiomem:rwm"}]


def test_files_of_a_group_are_asked_for_where_there_are_any():
    limits = container(unified={"memory.oom.group": "1"})["resource_limits"]
    assert limits["unified"] == {"memory.oom.group": "1"}
    assert "unified" not in container()["resource_limits"]


def test_a_container_may_have_another_runtime():
    assert container(runtime="runc")["oci_runtime"] == "runc"
    assert "oci_runtime" not in container()


def test_a_board_that_stops_waits_for_a_container_as_long_as_its_pod_says():
    document = container(grace_s=5)
    assert document["stop_timeout"] == 5
    assert document["annotations"] == {"org.systemd.property.TimeoutStopUSec": "uint64 5000000"}
    at_once = container(grace_s=0)["annotations"]  # to systemd, 0 is for ever
    assert at_once == {"org.systemd.property.TimeoutStopUSec": "uint64 1000000"}


def test_a_command_replaces_the_images_and_arguments_alone_do_not():
    document = container(command=("a",), args=("b",), stop_signal=2)
    assert (document["entrypoint"], document["command"], document["stop_signal"]) == (["a"], ["b"], 2)
    document = container(args=("b",))
    assert "entrypoint" not in document and document["command"] == ["b"] and "stop_signal" not in document


def test_a_container_on_the_hosts_network_may_have_a_resolv_conf_of_its_own():
    plain = container(uses_host_network=True)
    assert plain["netns"] == {"nsmode": "host"} and "dns_server" not in plain
    own = container(
        uses_host_network=True, dns_servers=("10.43.0.10",), dns_searches=("a.b",), dns_options=("ndots:5",)
    )
    assert (own["dns_server"], own["dns_search"], own["dns_option"]) == (["10.43.0.10"], ["a.b"], ["ndots:5"])


RUNC = "runc: runc create failed: unable to start container process:"
NOT_FOUND = "OCI runtime attempted to invoke a command that was not found"
REFUSED = "OCI permission denied"


@pytest.mark.parametrize(
    "words, code",
    [
        (f'{RUNC} exec: "nope": executable file not found in $PATH: {NOT_FOUND}', 127),
        (f'{RUNC} exec: "/no/such": stat /no/such: no such file or directory: {NOT_FOUND}', 127),
        (f'{RUNC} exec: "/etc/hosts": permission denied: {REFUSED}', 126),
        (f"crun: executable file `nope` not found in $PATH: No such file or directory: {NOT_FOUND}", 127),
        (f"crun: open executable: Permission denied: {REFUSED}", 126),
        # a board's failures, which may be over in a moment
        (f'runc: error mounting "/var/lib/x" to "/x": stat /var/lib/x: no such file or directory: {NOT_FOUND}', 0),
        (f"runc: lstat /proc/4711/ns/net: no such file or directory: {NOT_FOUND}", 0),
        ("Podman did not answer within 120 s", 0),
    ],
)  # fmt: skip
def test_a_program_that_cannot_be_run_has_an_exit_code_as_in_a_shell(words, code):
    assert cannot_run(words) == code
