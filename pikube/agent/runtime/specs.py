"""Pure: our sandboxes and containers in the words of Podman's libpod API (SpecGenerator), and back.

Sources: podman pkg/specgen/{podspecgen,specgen}.go; the fields used are the same in 4.3 and 5.x.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pikube.agent.runtime.contract import (
    ATTEMPT,
    CONTAINER_NAME,
    INSTANCE,
    POD_NAME,
    POD_NAMESPACE,
    POD_UID,
    SPEC_HASH,
    Container,
    ContainerSpec,
    Image,
    Mount,
    Sandbox,
    SandboxSpec,
    Size,
)
from pikube.agent.runtime.signals import SIGNALS, signal_number

STOP_TIMEOUT = "org.systemd.property.TimeoutStopUSec"
"""Of the container's scope (crun, runc): without it, systemd waits 90 s for a deaf container when the board stops."""
LOG_BYTES = 256 * 1024 * 1024  # conmon cuts a log off there; pikube rotates long before, if it runs


def sandbox_name(namespace: str, name: str, uid: str) -> str:
    """Unique and readable in `podman pod ps`; kubelet's own scheme."""
    return f"k8s_{name}_{namespace}_{uid}"


def infra_name(namespace: str, name: str, uid: str) -> str:
    """The container that holds a sandbox's namespaces, by a name that is known before it is made."""
    return f"{sandbox_name(namespace, name, uid)}_infra"


def container_name(spec: ContainerSpec) -> str:
    return f"k8s_{spec.name}_{spec.pod_name}_{spec.pod_namespace}_{spec.pod_uid}_{spec.attempt}"


def pod_document(spec: SandboxSpec, instance: str) -> dict[str, Any]:
    """The body of POST /pods/create."""
    shared = ["net", "uts"]
    if not spec.uses_host_ipc:
        shared.append("ipc")
    if spec.shares_processes:
        shared.append("pid")
    document: dict[str, Any] = {
        "name": sandbox_name(spec.namespace, spec.name, spec.uid),
        "infra_name": infra_name(spec.namespace, spec.name, spec.uid),
        "hostname": spec.hostname,
        "labels": {
            POD_UID: spec.uid,
            POD_NAME: spec.name,
            POD_NAMESPACE: spec.namespace,
            INSTANCE: instance,
        },
        "shared_namespaces": shared,
        "exit_policy": "continue",
    }
    if spec.network:
        document["netns"] = {"nsmode": "bridge"}
        document["Networks"] = {spec.network: {}}
        document["dns_server"] = list(spec.dns_servers)
        document["dns_search"] = list(spec.dns_searches)
        document["dns_option"] = list(spec.dns_options)
        document["hostadd"] = [f"{name}:{address}" for name, address in spec.hosts]
    else:
        document["netns"] = {"nsmode": "host"}
        document["shared_namespaces"] = [name for name in shared if name not in ("net", "uts")]
    if spec.sysctls:
        document["sysctl"] = dict(spec.sysctls)
    if not spec.shares_processes and not spec.uses_host_pid:
        # a fifth of a start goes into the filter's rules (runc); the first process only waits, and nobody who could
        # make it do something else sees it. Containers keep Podman's own filter, or what their pod says
        document["security_opt"] = ["seccomp=unconfined"]
    return document


def container_document(spec: ContainerSpec, instance: str) -> dict[str, Any]:
    """The body of POST /containers/create."""
    document: dict[str, Any] = {
        "name": container_name(spec),
        "pod": spec.sandbox_id,
        "image": spec.image_id,
        "raw_image_name": spec.image,
        "labels": {
            POD_UID: spec.pod_uid,
            POD_NAME: spec.pod_name,
            POD_NAMESPACE: spec.pod_namespace,
            CONTAINER_NAME: spec.name,
            ATTEMPT: str(spec.attempt),
            SPEC_HASH: spec.spec_hash,
            INSTANCE: instance,
            "pikube.io/image": spec.image,
        },
        "env": dict(spec.env),
        "mounts": [_mount_document(mount) for mount in spec.mounts if not mount.is_image],
        "image_volumes": [
            {"Source": mount.source, "Destination": mount.target} for mount in spec.mounts if mount.is_image
        ],
        "log_configuration": {
            "driver": "k8s-file",
            "path": spec.log_path,
            "size": LOG_BYTES,
        },
        "terminal": spec.has_tty,
        "stdin": spec.has_stdin,
        "privileged": spec.is_privileged,
        "read_only_filesystem": spec.is_read_only,
        "no_new_privileges": spec.has_no_new_privileges,
        "cap_add": list(spec.capabilities_added),
        "cap_drop": list(spec.capabilities_dropped),
        "restart_policy": "no",
        "stop_timeout": spec.grace_s,
        "annotations": {STOP_TIMEOUT: f"uint64 {max(1, spec.grace_s) * 1_000_000}"},
        "init": False,
        "image_volume_mode": "anonymous",
        "oom_score_adj": spec.oom_score_adjust,
        "resource_limits": _limits(spec),
    }
    if spec.command:
        document["entrypoint"] = list(spec.command)
        document["command"] = list(spec.args)
    elif spec.args:
        document["command"] = list(spec.args)
    if spec.working_dir:
        document["work_dir"] = spec.working_dir
        document["create_working_dir"] = True  # as the CRI's runtimes do
    if spec.user:
        document["user"] = spec.user
    if spec.groups:
        document["groups"] = list(spec.groups)
    if spec.seccomp_profile:
        document["seccomp_profile_path"] = spec.seccomp_profile
    if spec.runtime:
        document["oci_runtime"] = spec.runtime
    if spec.apparmor_profile:
        document["apparmor_profile"] = spec.apparmor_profile
    if spec.selinux_options:
        document["selinux_opts"] = list(spec.selinux_options)
    if spec.is_proc_unmasked:
        document["unmask"] = ["ALL"]
    if spec.stop_signal:
        document["stop_signal"] = spec.stop_signal
    if spec.devices:
        document["devices"] = [{"path": ":".join(parts)} for parts in spec.devices]
    document |= _namespaces(spec)
    return document


def _namespaces(spec: ContainerSpec) -> dict[str, Any]:
    """What a container does not take from its pod's sandbox."""
    found: dict[str, Any] = {}
    if spec.process_namespace == "host":
        found["pidns"] = {"nsmode": "host"}
    elif spec.process_namespace:
        # by its path: of a container that another one names, Podman keeps each attempt for ever
        found["pidns"] = {"nsmode": "path", "value": spec.process_namespace}
    if spec.uses_host_ipc:
        found["ipcns"] = {"nsmode": "host"}
    if spec.uses_host_network:
        found["netns"] = {"nsmode": "host"}
        found["utsns"] = {"nsmode": "host"}
        if spec.dns_servers or spec.dns_searches or spec.dns_options:
            found["dns_server"] = list(spec.dns_servers)
            found["dns_search"] = list(spec.dns_searches)
            found["dns_option"] = list(spec.dns_options)
    return found


def _limits(spec: ContainerSpec) -> dict[str, Any]:
    limits = size_document(Size(spec.cpu_shares, spec.cpu_quota_us, spec.cpu_period_us, spec.memory_bytes))
    if spec.pids_limit:
        limits["pids"] = {"limit": spec.pids_limit}
    if spec.unified:  # not the document's own `unified`, which Podman reads and forgets (4.3)
        limits["unified"] = dict(spec.unified)
    return limits


def size_document(size: Size) -> dict[str, Any]:
    """The body of POST /containers/ID/update."""
    cpu: dict[str, int] = {}
    if size.cpu_shares:
        cpu["shares"] = size.cpu_shares
    if size.cpu_quota_us:
        cpu["quota"], cpu["period"] = size.cpu_quota_us, size.cpu_period_us
    limits: dict[str, Any] = {"cpu": cpu} if cpu else {}
    if size.memory_bytes:
        limits["memory"] = {"limit": size.memory_bytes, "swap": size.memory_bytes}
    return limits


def _mount_document(mount: Mount) -> dict[str, Any]:
    if not mount.source:
        options = ["rw", "nosuid", "nodev"]
        if mount.tmpfs_size_bytes:
            options.append(f"size={mount.tmpfs_size_bytes}")
        return {"destination": mount.target, "type": "tmpfs", "source": "tmpfs", "options": options}
    access = "ro" if mount.is_read_only else "rw"
    return {
        "destination": mount.target,
        "type": "bind",
        "source": mount.source,
        "options": ["rbind", access, mount.propagation],
    }


def read_pod(document: Mapping[str, Any]) -> Sandbox:
    """An entry of GET /pods/json."""
    labels = document.get("Labels") or {}
    infra_id = document.get("InfraId", "")
    infra: Mapping[str, Any] = next(
        (c for c in document.get("Containers") or () if c.get("Id") == infra_id), {}
    )
    return Sandbox(
        id=document["Id"],
        uid=labels.get(POD_UID, ""),
        name=labels.get(POD_NAME, ""),
        namespace=labels.get(POD_NAMESPACE, ""),
        is_running=infra.get("Status") == "running",
        infra_id=infra_id,
    )


def read_infra(sandbox: Sandbox, document: Mapping[str, Any]) -> Sandbox:
    """The sandbox by the answer of GET /containers/INFRA/json."""
    state = document["State"]
    networks = document["NetworkSettings"].get("Networks") or {}
    return replace(
        sandbox,
        infra_id=document["Id"],
        is_running=state.get("Status") == "running",
        address=next((n["IPAddress"] for n in networks.values() if n.get("IPAddress")), ""),
        pid=int(state.get("Pid") or 0),
    )


def read_container(document: Mapping[str, Any]) -> Container:
    """The answer of GET /containers/ID/json (inspect)."""
    labels = document["Config"].get("Labels") or {}
    state = document["State"]
    started_at, finished_at = _seconds(state.get("StartedAt", "")), _seconds(state.get("FinishedAt", ""))
    if finished_at and _state(state.get("Status", "")) == "exited":
        finished_at = max(finished_at, started_at)  # of one that ended at once, Podman notes the start later
    return Container(
        id=document["Id"],
        pod_uid=labels.get(POD_UID, ""),
        name=labels.get(CONTAINER_NAME, ""),
        attempt=int(labels.get(ATTEMPT) or 0),
        spec_hash=labels.get(SPEC_HASH, ""),
        state=_state(state.get("Status", "")),
        image=labels.get("pikube.io/image", ""),
        image_id=document.get("Image", ""),
        exit_code=int(state.get("ExitCode") or 0),
        was_oom_killed=bool(state.get("OOMKilled")),
        started_at=started_at,
        finished_at=finished_at,
        error=state.get("Error") or "",
        pid=int(state.get("Pid") or 0),
        layer_dir=((document.get("GraphDriver") or {}).get("Data") or {}).get("UpperDir", ""),
        log_control=f"{document['StaticDir']}/ctl" if document.get("StaticDir") else "",
        stop_signal=_signal(document["Config"].get("StopSignal")),
        oci_config=document.get("OCIConfigPath") or "",
        cgroup=state.get("CgroupPath") or "",
        monitor_pid=int(state.get("ConmonPid") or 0),
    )


def cannot_run(words: str) -> int:
    """The exit code of a container that could not be started because of its own program, by the words of runc or crun
    (127: not found, 126: not to be executed); 0 for any other failure, which may be over in a moment."""
    if not re.search(r'exec: "|executable|in \$PATH', words):
        return 0
    if re.search(r"not found|no such file", words, re.IGNORECASE):
        return 127
    return (
        126 if re.search(r"permission denied|is a directory|exec format error", words, re.IGNORECASE) else 0
    )


def read_listed(document: Mapping[str, Any]) -> Container:
    """An entry of GET /containers/json: enough to know whether anything changed."""
    labels = document.get("Labels") or {}
    return Container(
        id=document["Id"],
        pod_uid=labels.get(POD_UID, ""),
        name=labels.get(CONTAINER_NAME, ""),
        attempt=int(labels.get(ATTEMPT) or 0),
        spec_hash=labels.get(SPEC_HASH, ""),
        state=_state(document.get("State", "")),
        image=labels.get("pikube.io/image", ""),
        image_id=document.get("ImageID", ""),
        exit_code=int(document.get("ExitCode") or 0),
        pid=int(document.get("Pid") or 0),
        started_at=float(document.get("StartedAt") or 0),
        finished_at=float(document.get("ExitedAt") or 0),
    )


def read_image(document: Mapping[str, Any]) -> Image:
    """The answer of GET /images/NAME/json."""
    digests = document.get("RepoDigests") or ()
    return Image(
        id=document["Id"],
        repo_digest=digests[0] if digests else "",
        architecture=document.get("Architecture", ""),
        user=(document.get("Config") or {}).get("User", "") or document.get("User", ""),
        size_bytes=int(document.get("Size") or 0),
        names=tuple(document.get("RepoTags") or ()),
        is_of_a_list=_is_of_a_list(document),
        layers=_layers(document.get("GraphDriver") or {}),
    )


def _layers(driver: Mapping[str, Any]) -> tuple[str, ...]:
    """Of other drivers than overlay Podman does not tell where the files are."""
    data = driver.get("Data") or {}
    if driver.get("Name") != "overlay" or not data.get("UpperDir"):
        return ()
    return (data["UpperDir"], *(layer for layer in data.get("LowerDir", "").split(":") if layer))


def read_listed_image(document: Mapping[str, Any]) -> Image:
    """An entry of GET /images/json."""
    return Image(
        id=document["Id"],
        repo_digest=next(iter(document.get("RepoDigests") or ()), ""),
        architecture="",
        user="",
        size_bytes=int(document.get("Size") or 0),
        names=tuple(document.get("RepoTags") or document.get("Names") or ()),
        is_of_a_list=_is_of_a_list(document),
    )


def _is_of_a_list(document: Mapping[str, Any]) -> bool:
    """Podman notes the digest of the list beside that of the image itself."""
    return len({digest.partition("@")[2] for digest in document.get("RepoDigests") or ()}) > 1


def _signal(value: Any) -> int:
    """Podman 4 writes a number, Podman 5 a name."""
    if isinstance(value, int):
        return value or SIGNALS["SIGTERM"]
    return signal_number(str(value or "")) or SIGNALS["SIGTERM"]


def _state(word: str) -> str:
    if word in ("running", "paused", "stopping"):
        return "running"
    if word in ("exited", "stopped", "dead", "removing"):
        return "exited"
    return "created"


def _seconds(text: str) -> float:
    """Go's RFC 3339 with nanoseconds; its zero time is 0."""
    if not text or text.startswith("0001"):
        return 0.0
    head, dot, tail = text.partition(".")
    if dot:
        digits = tail.rstrip("Z").partition("+")[0].partition("-")[0]
        zone = tail[len(digits) :]
        text = f"{head}.{digits[:6]}{zone}"
    return datetime.fromisoformat(text).timestamp()
