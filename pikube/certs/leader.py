"""Shell: the certificates that a leader holds: its authority, its leaves, the key that signs service-account tokens.

Enter: settings, its address. Leave: files, TLS contexts that follow them, the Issuer. Called by run.py.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

from pikube.certs.authority import facts_of
from pikube.certs.authority_files import AuthorityFiles, Held
from pikube.certs.ca_rotation import Phase
from pikube.certs.contexts import LiveContext, client_context, server_context
from pikube.certs.directory import CertificateDirectory
from pikube.certs.files import read_or_none, write_atomic
from pikube.certs.issuer import Issuer
from pikube.certs.kubeconfig import (
    BadKubeconfig,
    kubeconfig_document,
    parse_document,
    refreshed,
    render_document,
)
from pikube.certs.profiles import (
    ADMIN,
    APISERVER,
    FRONT_PROXY,
    KUBELET_CLIENT,
    LEADER_NAME,
    LEADER_PROFILES,
    NODE_SERVING,
)
from pikube.certs.tokens import TokenSigner, make_signing_key
from pikube.config import Settings
from pikube.wire.addresses import host_names


class LeaderCertificates:
    """Made whole at construction: what is missing is made, what is due is renewed. Raises OSError, ValueError."""

    def __init__(self, settings: Settings, address: str, clock: Callable[[], float]) -> None:
        now = clock()
        self._settings = settings
        self.clock = clock
        self.directory = CertificateDirectory(settings.certificates)
        self._authority = AuthorityFiles(settings.certificates)
        self.held = self._authority.load_or_make(settings.cluster_name, now)
        self.issuer = Issuer(self.held.signing, self.held.bundle, wall_clock=clock)
        self.names: frozenset[str] = frozenset()
        self.ensure(address, now)
        ca_file = self.directory.ca_file
        self.api = server_context(self._leaf(APISERVER.file), ca_file)
        self.kubelet = server_context(self._leaf(NODE_SERVING.file), ca_file)
        self.to_kubelets: LiveContext = client_context(ca_file, self._leaf(KUBELET_CLIENT.file))
        self.signer = TokenSigner(self._signing_key())

    def ensure(self, address: str, now: float) -> bool:
        """Make or renew what is due at this address; whether anything was. Raises OSError."""
        self._address = address
        settings, directory, ca = self._settings, self.directory, self.held.signing
        domain = settings.cluster_domain
        self.names = frozenset({
            "kubernetes", "kubernetes.default", LEADER_NAME, f"{LEADER_NAME}.{domain}",
            "localhost", "127.0.0.1", "::1", settings.kubernetes_service_ip, address,
            *({settings.bind_address} - {"0.0.0.0", "::"}), *settings.tls_san, *host_names(),
        })  # fmt: skip
        node = settings.node_name
        made = [
            directory.ensure_leaf(self.held.serving, APISERVER, self.names, now),
            directory.ensure_leaf(ca, ADMIN, (), now),
            directory.ensure_leaf(ca, KUBELET_CLIENT, (), now),
            directory.ensure_leaf(ca, FRONT_PROXY, (), now),
            directory.ensure_leaf(ca, NODE_SERVING, {node, address, "127.0.0.1"}, now, node=node),
        ]
        return any(made)

    def renew(self, address: str, now: float) -> bool:
        """As `ensure`, and take what is new into use. Raises OSError."""
        is_new = self.ensure(address, now)
        if is_new:
            self._reload()
        return is_new

    def begin_rotation(self) -> None:
        """Trust another authority, too. OSError."""
        self._take(self._authority.begin(self._settings.cluster_name, self.clock()))

    def step_rotation(self) -> Held:
        """The next phase; `renew` makes the leaves that belong to it. OSError."""
        is_trusting = self.held.phase is Phase.TRUSTING
        self._take(self._authority.switch() if is_trusting else self._authority.finish())
        return self.held

    def expiries(self) -> list[tuple[str, float]]:
        """(file, seconds since 1970) of each leaf."""
        read = self.directory.read_leaf
        return [(p.file, facts_of(read(p).certificate).expires_at) for p in LEADER_PROFILES]

    def _take(self, held: Held) -> None:
        """The API shows a certificate that everybody trusts before anybody is told to trust less."""
        self.held = held
        self.ensure(self._address, self.clock())
        self._reload()
        self.issuer.ca, self.issuer.bundle = held.signing, held.bundle

    def _reload(self) -> None:
        for context in (self.api, self.kubelet, self.to_kubelets):
            context.reload()

    def write_kubeconfig(self, address: str) -> None:
        """The administrator's, if it is not there as it should be; what a person changed in it stays. OSError."""
        admin = self.directory.read_leaf(ADMIN)
        server = f"https://{self._listened(address)}:{self._settings.https_listen_port}"
        wanted = kubeconfig_document(server, self.issuer.bundle, admin)
        try:
            found = parse_document((read_or_none(self._settings.kubeconfig) or b"").decode())
            wanted = refreshed(found, wanted)
        except (BadKubeconfig, UnicodeDecodeError):
            found = {}
        if found != wanted:
            write_atomic(self._settings.kubeconfig, render_document(wanted).encode())

    def _listened(self, address: str) -> str:
        """Where the API answers, as a URL has it: one that listens on an address of its own does not on others."""
        bound = ip_address(self._settings.bind_address)
        shown = ip_address(address) if bound.is_unspecified else bound
        return f"[{shown}]" if shown.version == 6 else str(shown)

    def _leaf(self, file: str) -> Path:
        return self.directory.path / f"{file}.pem"

    def _signing_key(self) -> bytes:
        path = self.directory.path / "service-account.key"
        key = read_or_none(path)
        if key is None:
            key = make_signing_key()
            write_atomic(path, key)
        return key
