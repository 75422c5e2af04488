"""Shell: TLS contexts from certificate files: one context a role, reloaded in place when files change.

Enter: paths. Leave: ssl.SSLContext objects. ALPN offers http/1.1 only: kubectl and client-go are content
with it.
"""

from __future__ import annotations

import ssl
from pathlib import Path


def server_context(leaf: Path, ca: Path, *, requires_client: bool) -> ssl.SSLContext:
    """For a server: clients may show a certificate of our CA (the API), or must (the kubelet API)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(leaf)
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED if requires_client else ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    context.num_tickets = 0  # resumed TLS 1.3 sessions would not show the client's certificate anew
    return context


def client_context(ca: Path | None, leaf: Path | None = None, ca_data: str = "") -> ssl.SSLContext:
    """For a client that trusts our CA and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(ca, cadata=ca_data or None)
    if leaf is not None:
        context.load_cert_chain(leaf)
    context.set_alpn_protocols(["http/1.1"])
    return context


def reload(context: ssl.SSLContext, leaf: Path) -> None:
    """Take a renewed leaf into use for new connections."""
    context.load_cert_chain(leaf)
