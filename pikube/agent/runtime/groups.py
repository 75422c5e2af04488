"""Shell: takes away the empty control groups of a pod that is gone. Where cgroups v1 is mounted, Podman leaves them
in the hierarchies that have no controller (seen with 4.3: two for each pod), for as long as the board is up."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def remove_groups(pod_id: str, root: Path = ROOT) -> None:
    """Groups that still have a process stay: the kernel refuses."""
    for group in root.glob(f"*/libpod_parent/{pod_id}"):
        for directory, _, _ in os.walk(group, topdown=False):
            with suppress(OSError):
                os.rmdir(directory)
