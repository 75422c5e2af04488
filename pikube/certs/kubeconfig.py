"""Pure: kubeconfig documents, as kubectl and every client library read and write them.

Enter: certificates, or documents that were read from YAML. Leave: documents, `Access`. Called by the leader and by
every command that talks to the API.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

from pikube.certs.authority import KeyPair, named_by_kind

SECTIONS = (("clusters", "cluster"), ("users", "user"), ("contexts", "context"))


class BadKubeconfig(ValueError):
    """The document cannot be used; the message is a part of a sentence about the file."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach an API: PEM texts, '' for what is not used."""

    server: str
    ca: str = ""
    certificate: str = ""
    key: str = ""
    token: str = ""


def kubeconfig_document(
    server: str, ca_certificate: bytes, client: KeyPair, *, name: str = "pikube", user: str = ""
) -> dict[str, Any]:
    """One cluster, one user, one context, everything inside."""
    user_name = f"{name}-{user or 'admin'}"
    context = name if not user else f"{user}@{name}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": server, "certificate-authority-data": _b64(ca_certificate)}}
        ],
        "users": [
            {
                "name": user_name,
                "user": {
                    "client-certificate-data": _b64(client.certificate),
                    "client-key-data": _b64(named_by_kind(client.key)),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": name, "user": user_name}}],
        "current-context": context,
    }


def render_cluster_info(server: str, ca_certificate: bytes) -> str:
    """A kubeconfig with nobody in it: where the cluster is and whom to trust (kubeadm's cluster-info)."""
    cluster = {"server": server, "certificate-authority-data": _b64(ca_certificate)}
    document = {"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "", "cluster": cluster}]}
    return yaml.safe_dump(document, sort_keys=False)


def render_document(document: Mapping[str, Any]) -> str:
    """YAML in the order of the document."""
    return yaml.safe_dump(dict(document), sort_keys=False)


def parse_document(text: str) -> dict[str, Any]:
    """A kubeconfig; an empty text is an empty one. BadKubeconfig."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadKubeconfig(f"is no YAML: {' '.join(str(error).split())}") from None
    if document is None:
        return {"apiVersion": "v1", "kind": "Config"}
    if not isinstance(document, dict):
        raise BadKubeconfig("is no kubeconfig")
    for section, _ in SECTIONS:
        entries = document.get(section) or []
        if not isinstance(entries, list) or not all(isinstance(e, dict) and "name" in e for e in entries):
            raise BadKubeconfig(f"is no kubeconfig: {section} is not a list of named entries")
    return document


def read_access(document: Mapping[str, Any], context: str = "") -> Access:
    """What the (current) context says. Only what is inside the document counts, no files that it names.
    BadKubeconfig."""
    wanted = context or str(document.get("current-context") or "")
    found = _entry(document, "contexts", "context", wanted)
    cluster = _entry(document, "clusters", "cluster", str(found.get("cluster", "")))
    user = _entry(document, "users", "user", str(found.get("user", "")))
    server = str(cluster.get("server", ""))
    if not server.startswith("https://"):
        raise BadKubeconfig(f"names no https:// server for its cluster {found.get('cluster')!r}")
    return Access(
        server,
        _plain(cluster, "certificate-authority-data"),
        _plain(user, "client-certificate-data"),
        _plain(user, "client-key-data"),
        str(user.get("token") or ""),
    )


def with_server(document: Mapping[str, Any], server: str) -> dict[str, Any]:
    """The same document with another server for every cluster in it."""
    clusters = [
        {**entry, "cluster": {**entry["cluster"], "server": server}} for entry in document["clusters"]
    ]
    return {**document, "clusters": clusters}


def renamed(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A document of our own (one cluster, one user, one context) with another cluster name."""
    access = read_access(document)
    user = str(document["users"][0]["name"]).removeprefix(f"{document['clusters'][0]['name']}-")
    client = KeyPair(access.certificate.encode(), access.key.encode())
    return kubeconfig_document(
        access.server, access.ca.encode(), client, name=name, user="" if user == "admin" else user
    )


def merged(document: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`document` with the entries of `new`, whose context becomes the current one. Entries of the same name are
    replaced. BadKubeconfig when that would replace the access to another cluster: one at another place with another
    CA. A cluster may have moved, or have changed its CA."""
    result = dict(document)
    for entry in new["clusters"]:
        old = (_find(document, "clusters", entry["name"]) or {}).get("cluster") or {}
        same = [old.get(key) == entry["cluster"][key] for key in ("server", "certificate-authority-data")]
        if old and not any(same):
            raise BadKubeconfig(f"has another cluster called {entry['name']} already")
    for section, _ in SECTIONS:
        names = {entry["name"] for entry in new[section]}
        kept = [entry for entry in document.get(section) or [] if entry["name"] not in names]
        result[section] = [*kept, *new[section]]
    result["current-context"] = new["current-context"]
    return result


def refreshed(document: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """A document that we wrote and a person may have changed, with today's address, authority and certificate.

    Whatever else is in it stays: other clusters, a context's namespace, the current context, a server that is called
    by a name rather than by an address. BadKubeconfig when it is not one of ours any more.
    """
    cluster, user = ours["clusters"][0], ours["users"][0]
    theirs = _entry(document, "clusters", "cluster", cluster["name"])
    today = dict(cluster["cluster"])
    host = urlsplit(str(theirs.get("server") or "")).hostname or ""
    if host and not _is_address(host):
        del today["server"]
    result = dict(document)
    for section, key, name, news in (
        ("clusters", "cluster", cluster["name"], today),
        ("users", "user", user["name"], user["user"]),
    ):
        _entry(document, section, key, name)
        result[section] = [
            {**entry, key: {**entry[key], **news}} if entry["name"] == name else entry
            for entry in document[section]
        ]
    return result


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _find(document: Mapping[str, Any], section: str, name: str) -> dict[str, Any] | None:
    return next((entry for entry in document.get(section) or [] if entry.get("name") == name), None)


def _entry(document: Mapping[str, Any], section: str, key: str, name: str) -> dict[str, Any]:
    found = _find(document, section, name)
    if found is None or not isinstance(found.get(key), dict):
        raise BadKubeconfig(f"has no {key} {name!r}" if name else f"names no current {key}")
    content: dict[str, Any] = found[key]
    return content


def _plain(entry: Mapping[str, Any], key: str) -> str:
    try:
        return base64.b64decode(str(entry.get(key) or ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise BadKubeconfig(f"has no valid {key}") from None


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
