"""Pure: what is served, as clients discover it: lists of groups and resources, plain and aggregated.

Enter: the Scheme. Leave: documents as builtins. Sources: kubernetes apimachinery metav1.APIResourceList,
api/apidiscovery/v2, KEP-3352.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from pikube.api.aggregation import Extension, discovered, with_extensions
from pikube.api.scheme import KindInfo, Scheme, Subresource

GROUP_ORDER = ("", "apiregistration.k8s.io", "apps", "events.k8s.io", "authentication.k8s.io",
               "authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io", "networking.k8s.io",
               "policy", "rbac.authorization.k8s.io", "storage.k8s.io", "admissionregistration.k8s.io",
               "apiextensions.k8s.io", "scheduling.k8s.io", "coordination.k8s.io", "node.k8s.io",
               "discovery.k8s.io")  # fmt: skip


def groups_of(scheme: Scheme) -> dict[str, list[str]]:
    """The versions of each named group, in the order of the table; the first is preferred."""
    found: dict[str, list[str]] = {}
    for group, version in scheme.group_versions():
        found.setdefault(group, []).append(version)
    known = [group for group in GROUP_ORDER if group in found]
    return {group: found[group] for group in [*known, *(g for g in found if g not in known)]}


def legacy_versions(address: str) -> dict[str, Any]:
    """/api"""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list(scheme: Scheme, extensions: Sequence[Extension] = ()) -> dict[str, Any]:
    """/apis"""
    groups = with_extensions(groups_of(scheme), extensions)
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name, versions) for name, versions in groups.items() if name],
    }


def group_document(scheme: Scheme, group: str, extensions: Sequence[Extension] = ()) -> dict[str, Any] | None:
    """/apis/GROUP; None when it is not served."""
    versions = with_extensions(groups_of(scheme), extensions).get(group)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)} if versions else None


def _group(name: str, versions: list[str]) -> dict[str, Any]:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def resource_list(scheme: Scheme, group: str, version: str) -> dict[str, Any] | None:
    """/api/v1 or /apis/GROUP/VERSION; None when it is not served."""
    infos = [i for i in scheme if (i.names.group, i.names.version) == (group, version)]
    if not infos:
        return None
    resources: list[dict[str, Any]] = []
    for info in sorted(infos, key=lambda i: i.names.plural):
        resources.append(_resource(info))
        resources += [_subresource(info, sub) for sub in info.subresources]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": resources,
    }


def _resource(info: KindInfo) -> dict[str, Any]:
    names = info.names
    out: dict[str, Any] = {
        "name": names.plural,
        "singularName": names.singular or names.kind.lower(),
        "namespaced": names.namespaced,
        "kind": names.kind,
        "verbs": sorted(info.verbs),
    }
    if names.short:
        out["shortNames"] = list(names.short)
    if names.categories:
        out["categories"] = list(names.categories)
    if not info.is_review and not info.is_measured:
        out["storageVersionHash"] = _storage_hash(info)
    return out


def _storage_hash(info: KindInfo) -> str:
    text = f"{info.names.group}/{info.names.version}/{info.names.kind}".encode()
    return base64.b64encode(hashlib.sha256(text).digest()[:8]).decode()


def _subresource(info: KindInfo, sub: Subresource) -> dict[str, Any]:
    names = info.names
    out: dict[str, Any] = {
        "name": f"{names.plural}/{sub.name}",
        "singularName": "",
        "namespaced": names.namespaced,
        "kind": _kind_of(info, sub)[2],
        "verbs": sorted(sub.verbs),
    }
    if sub.cls is not None and sub.cls.names.group != names.group:
        out["group"], out["version"] = sub.cls.names.group, sub.cls.names.version
    return out


OPTIONS = {
    "exec": "PodExecOptions",
    "attach": "PodAttachOptions",
    "portforward": "PodPortForwardOptions",
}


def _kind_of(info: KindInfo, sub: Subresource) -> tuple[str, str, str]:
    if sub.cls is not None:
        names = sub.cls.names
        return names.group, names.version, names.kind
    if sub.name == "proxy":
        return info.names.group, info.names.version, f"{info.names.kind}ProxyOptions"
    return info.names.group, info.names.version, OPTIONS.get(sub.name, info.names.kind)


def aggregated(
    scheme: Scheme, *, is_legacy: bool, version: str, extensions: Sequence[Extension] = ()
) -> dict[str, Any]:
    """The APIGroupDiscoveryList of /api (is_legacy) or /apis; version is v2 or v2beta1."""
    items = []
    others = {(extension.group, extension.version): extension for extension in extensions}
    for group, versions in with_extensions(groups_of(scheme), extensions).items():
        if bool(group) is is_legacy:
            continue
        entries = [
            discovered(others[group, v])
            if (group, v) in others
            else {
                "version": v,
                "resources": [
                    _discovered(info)
                    for info in sorted(scheme, key=lambda i: i.names.plural)
                    if (info.names.group, info.names.version) == (group, v)
                ],
                "freshness": "Current",
            }
            for v in versions
        ]
        items.append({"metadata": {"name": group} if group else {}, "versions": entries})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }


def _discovered(info: KindInfo) -> dict[str, Any]:
    names = info.names
    out: dict[str, Any] = {
        "resource": names.plural,
        "responseKind": {"group": names.group, "version": names.version, "kind": names.kind},
        "scope": "Namespaced" if names.namespaced else "Cluster",
        "singularResource": names.singular or names.kind.lower(),
        "verbs": sorted(info.verbs),
    }
    if names.short:
        out["shortNames"] = list(names.short)
    if names.categories:
        out["categories"] = list(names.categories)
    if info.subresources:
        out["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": dict(zip(("group", "version", "kind"), _kind_of(info, sub), strict=True)),
                "verbs": sorted(sub.verbs),
            }
            for sub in info.subresources
        ]
    return out


def etag_of(document: bytes) -> str:
    """A strong validator for a document."""
    return f'"{hashlib.sha256(document).hexdigest()[:32].upper()}"'


def encoded(document: dict[str, Any]) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(document) + b"\n"
