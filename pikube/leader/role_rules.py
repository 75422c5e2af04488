"""Declaration: how the default roles are written: rules and subjects in few words.

Called by default_roles and controller_roles.
"""

from __future__ import annotations

from collections.abc import Iterable

from pikube.api.kinds.rbac import PolicyRule, Subject

RBAC = "rbac.authorization.k8s.io"
READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "patch", "update")
ALL = ("*",)


def rule(verbs: str | Iterable[str], groups: str, resources: str, names: str = "") -> PolicyRule:
    """Words are separated by blanks; the core group is written `core`. All are sorted, as upstream's are."""
    return PolicyRule(
        verbs=tuple(sorted(verbs.split() if isinstance(verbs, str) else verbs)),
        api_groups=tuple(sorted("" if group == "core" else group for group in groups.split())),
        resources=tuple(sorted(resources.split())),
        resource_names=tuple(sorted(names.split())),
    )


def paths(*urls: str) -> PolicyRule:
    return PolicyRule(verbs=("get",), non_resource_urls=urls)


def subject(words: str) -> Subject:
    """`Group NAME`, `User NAME`, `ServiceAccount NAMESPACE:NAME`."""
    kind, _, name = words.partition(" ")
    if kind == "ServiceAccount":
        namespace, _, name = name.partition(":")
        return Subject(kind=kind, namespace=namespace, name=name)
    return Subject(api_group=RBAC, kind=kind, name=name)


EVENTS = rule("create patch update", "core events.k8s.io", "events")
