"""Pure: who a container runs as, by the users and groups that its image declares.

Enter: the user that is asked for, /etc/passwd and /etc/group of the image. Leaves: what to tell Podman, which
looks into the image's groups exactly when no group is named beside the user (podman libpod/container_internal_*.go:
generateSpec); Kubernetes asks for them by supplementalGroupsPolicy alone. Called where a container's spec is made.
Source: containerd internal/cri/opts and pkg/oci/spec_opts.go:WithAdditionalGIDs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

STRICT = "Strict"


@dataclass(frozen=True, slots=True)
class ImageUsers:
    """The text of the two files; '' for one that is not there."""

    passwd: str = ""
    group: str = ""


def must_know_users(user: str, policy: str) -> bool:
    """Whether the image's files must be read, because Podman by itself would do what the policy does not say."""
    return (":" in user) != (policy == STRICT)


def identity(user: str, policy: str, users: ImageUsers) -> tuple[str, tuple[int, ...]]:
    """The user for Podman, and the groups of the image that it would leave out."""
    name, has_group, _ = user.partition(":")
    if policy == STRICT:
        return (user if has_group else f"{name}:{_main_group(name, users)}"), ()
    return user, _groups(name, users) if has_group else ()


def _main_group(name: str, users: ImageUsers) -> int:
    """0 for a number that the image knows nothing of."""
    return next((gid for _, _, gid in _accounts(name, users)), 0)


def _groups(name: str, users: ImageUsers) -> tuple[int, ...]:
    """Those that list the user by its name."""
    known = next((account for account, _, _ in _accounts(name, users)), "" if name.isdigit() else name)
    found = []
    for fields in _lines(users.group, 4):
        if fields[2].isdigit() and known and fields[0] != known and known in fields[3].split(","):
            found.append(int(fields[2]))
    return tuple(dict.fromkeys(found))


def _accounts(name: str, users: ImageUsers) -> Iterator[tuple[str, int, int]]:
    """(name, uid, gid) of those that are meant by a name or a number."""
    for fields in _lines(users.passwd, 4):
        if not fields[2].isdigit() or not fields[3].isdigit():
            continue
        if name == fields[0] or (name.isdigit() and int(name) == int(fields[2])):
            yield fields[0], int(fields[2]), int(fields[3])


def _lines(text: str, count: int) -> Iterator[list[str]]:
    for line in text.splitlines():
        fields = line.strip().split(":")
        if len(fields) >= count:
            yield fields
