"""Shell: the certificates that a leader holds: its authority, its leaves, the key that signs service-account tokens.

Enter: settings, its address. Leave: files, TLS contexts that follow them, the Issuer. Called by run.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pikube.certs.contexts import LiveContext, client_context, server_context
from pikube.certs.directory import CertificateDirectory
from pikube.certs.files import read_or_none, write_atomic
from pikube.certs.issuer import Issuer
from pikube.certs.kubeconfig import render_kubeconfig
from pikube.certs.profiles import ADMIN, APISERVER, KUBELET_CLIENT, LEADER_NAME, NODE_SERVING
from pikube.certs.tokens import TokenSigner, make_signing_key
from pikube.config import Settings
from pikube.wire.addresses import host_names


class LeaderCertificates:
    """Made whole at construction: what is missing is made, what is due is renewed. Raises OSError, ValueError."""

    def __init__(self, settings: Settings, address: str, clock: Callable[[], float]) -> None:
        now = clock()
        self._settings = settings
        self.directory = CertificateDirectory(settings.certificates)
        ca = self.directory.load_or_make_ca(settings.cluster_name, now)
        self.issuer = Issuer(ca, self.directory.ca_file.read_bytes(), wall_clock=clock)
        self.names: frozenset[str] = frozenset()
        self.ensure(address, now)
        ca_file = self.directory.ca_file
        self.api = server_context(self._leaf(APISERVER.file), ca_file, requires_client=False)
        self.kubelet = server_context(self._leaf(NODE_SERVING.file), ca_file, requires_client=True)
        self.to_kubelets: LiveContext = client_context(ca_file, self._leaf(KUBELET_CLIENT.file))
        self.signer = TokenSigner(self._signing_key())

    def ensure(self, address: str, now: float) -> bool:
        """Make or renew what is due at this address; whether anything was. Raises OSError."""
        settings, directory, ca = self._settings, self.directory, self.issuer.ca
        domain = settings.cluster_domain
        self.names = frozenset({
            "kubernetes", "kubernetes.default", LEADER_NAME, f"{LEADER_NAME}.{domain}",
            "localhost", "127.0.0.1", "::1", settings.kubernetes_service_ip, address,
            *settings.tls_san, *host_names(),
        })  # fmt: skip
        node = settings.node_name
        made = [
            directory.ensure_leaf(ca, APISERVER, self.names, now),
            directory.ensure_leaf(ca, ADMIN, (), now),
            directory.ensure_leaf(ca, KUBELET_CLIENT, (), now),
            directory.ensure_leaf(ca, NODE_SERVING, {node, address, "127.0.0.1"}, now, node=node),
        ]
        return any(made)

    def renew(self, address: str, now: float) -> bool:
        """As `ensure`, and take what is new into use. Raises OSError."""
        is_new = self.ensure(address, now)
        if is_new:
            for context in (self.api, self.kubelet, self.to_kubelets):
                context.reload()
        return is_new

    def write_kubeconfig(self, address: str) -> None:
        """The administrator's, if it is not there as it should be. OSError."""
        admin = self.directory.read_leaf(ADMIN)
        server = f"https://{address}:{self._settings.https_listen_port}"
        text = render_kubeconfig(server, self.issuer.bundle, admin).encode()
        if read_or_none(self._settings.kubeconfig) != text:
            write_atomic(self._settings.kubeconfig, text)

    def _leaf(self, file: str) -> Path:
        return self.directory.path / f"{file}.pem"

    def _signing_key(self) -> bytes:
        path = self.directory.path / "service-account.key"
        key = read_or_none(path)
        if key is None:
            key = make_signing_key()
            write_atomic(path, key)
        return key
