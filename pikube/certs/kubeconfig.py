"""Pure: kubeconfig documents, as kubectl and every client library read them."""

from __future__ import annotations

import base64

import yaml

from pikube.certs.authority import KeyPair


def render_kubeconfig(server: str, ca_certificate: bytes, client: KeyPair, *, name: str = "pikube") -> str:
    """One cluster, one user, one context, everything inside."""

    def b64(data: bytes) -> str:
        return base64.b64encode(data).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {"server": server, "certificate-authority-data": b64(ca_certificate)},
            }
        ],
        "users": [
            {
                "name": f"{name}-admin",
                "user": {
                    "client-certificate-data": b64(client.certificate),
                    "client-key-data": b64(client.key),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": f"{name}-admin"}}],
        "current-context": name,
    }
    return yaml.safe_dump(document, sort_keys=False)
