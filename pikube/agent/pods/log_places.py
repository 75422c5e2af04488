"""Shell: where the logs of a pod's containers are: below the pod's own directory, or where log collectors look.

    /var/log/pods/NAMESPACE_NAME_UID/CONTAINER/ATTEMPT.log     the files
    /var/log/containers/NAME_NAMESPACE_CONTAINER-ID.log        a link to each
    DATA-DIR/pods/UID/logs                                     a link to the pod's directory of them

Enter: a pod, its directory, the directory of all pods' logs. Leave: directories and links, made or removed. Called by
the starter and whoever removes a pod. Source: kubernetes pkg/kubelet/kuberuntime/helpers.go, legacy.go.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pikube.agent.runtime.contract import Container
from pikube.api.kinds.core_pod import Pod

LONGEST = 255 - len(".log")  # the name of a file


def make_log_dir(directory: Path, pod: Pod, logs_dir: Path | None) -> Path:
    """The pod's logs as seen from its `directory`; without a `logs_dir` they are there. Raises OSError."""
    seen = directory / "logs"
    if logs_dir is None or (seen.exists() and not seen.is_symlink()):
        seen.mkdir(mode=0o750, parents=True, exist_ok=True)
        return seen
    target = target_of(logs_dir, pod)
    target.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not seen.is_symlink():
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        seen.symlink_to(target)
    return seen


def link_log(logs_dir: Path, pod: Pod, container: Container) -> None:
    """The name by which collectors know a container's log. Raises OSError."""
    meta = pod.metadata
    links = links_of(logs_dir)
    links.mkdir(mode=0o755, exist_ok=True)
    name = f"{meta.name}_{meta.namespace}_{container.name}-{container.id}"
    link = links / f"{name[:LONGEST]}.log"
    if not link.is_symlink():
        link.symlink_to(target_of(logs_dir, pod) / container.name / f"{container.attempt}.log")


def forget_links(log_dir: Path) -> None:
    """Remove the links to files of the pod that are gone; `log_dir` as make_log_dir gave it. Raises OSError."""
    if not log_dir.is_symlink():
        return
    target = log_dir.readlink()
    namespace, name, _ = target.name.split("_")
    for link in links_of(target.parent).glob(f"{name}_{namespace}_*.log"):
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)


def remove_logs(directory: Path) -> None:
    """All logs of the pod of this directory, wherever they are. Raises OSError."""
    seen = directory / "logs"
    if seen.is_symlink():
        shutil.rmtree(seen.readlink(), ignore_errors=True)
        forget_links(seen)
        seen.unlink(missing_ok=True)


def target_of(logs_dir: Path, pod: Pod) -> Path:
    """The directory of one pod's logs."""
    meta = pod.metadata
    return logs_dir / f"{meta.namespace}_{meta.name}_{meta.uid}"


def links_of(logs_dir: Path) -> Path:
    """The directory of the links, beside that of the pods."""
    return logs_dir.parent / "containers"
