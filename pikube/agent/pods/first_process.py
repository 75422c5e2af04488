"""Shell: who the first process of a container was started as, by the file that the OCI runtime was given.

Enter: a container, the groups that its pod declares. Leaves: what its status says of it. Called by the pod's worker,
once for each container. Source: kubernetes kubelet_pods.go:convertContainerStatusUser, containerd
internal/cri/server/container_status.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from pikube.agent.runtime.contract import Container
from pikube.api.kinds.core_container import ContainerUser, LinuxContainerUser


class _User(msgspec.Struct, rename="camel"):
    uid: int
    gid: int
    additional_gids: list[int] = []


class _Process(msgspec.Struct):
    user: _User


class _Configuration(msgspec.Struct):
    process: _Process


def user_of_process(container: Container, declared: Sequence[int]) -> ContainerUser | None:
    """The main group first, those of the image, then the declared ones, whose order Podman does not keep. None for a
    container that was not started, or whose file says it in no words that we know."""
    try:
        text = Path(container.oci_config).read_bytes() if container.oci_config else b""
        user = msgspec.json.decode(text, type=_Configuration).process.user
    except (OSError, msgspec.MsgspecError):
        return None
    of_image = [group for group in user.additional_gids if group not in declared]
    added = [group for group in declared if group in user.additional_gids]
    groups = tuple(dict.fromkeys((user.gid, *of_image, *added)))
    return ContainerUser(linux=LinuxContainerUser(uid=user.uid, gid=user.gid, supplemental_groups=groups))
