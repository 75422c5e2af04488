"""Shell: the certificates of one board on disk: made when missing, renewed when due, never half written.

Enter: a directory, the names a server answers to, the time. Leave: one
`NAME.pem` (certificate and key together, so that no power cut can separate them) for each profile. Called
at start and by the renewal task.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pikube.certs.authority import Facts, KeyPair, facts_of, issue, key_id_of
from pikube.certs.files import read_or_none, write_atomic
from pikube.certs.profiles import Profile

KEY_MARK = b"-----BEGIN PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class CertificateDirectory:
    """Where the files are, and what is in them."""

    path: Path

    @property
    def ca_file(self) -> Path:
        return self.path / "ca.crt"

    def leaf_file(self, profile: Profile) -> Path:
        """Certificate and key in one PEM file: what ssl.load_cert_chain reads."""
        return self.path / f"{profile.file}.pem"

    def ensure_leaf(
        self, ca: KeyPair, profile: Profile, names: Iterable[str], now: float, *, node: str = ""
    ) -> bool:
        """Make or renew the leaf of a profile; whether the file was written."""
        wanted = frozenset(names)
        found = read_or_none(self.leaf_file(profile))
        if found and KEY_MARK in found and not is_due(found, ca.certificate, wanted, now):
            return False
        pair = issue(ca, profile, wanted, now, node=node)
        write_atomic(self.leaf_file(profile), pair.certificate + pair.key)
        return True

    def read_leaf(self, profile: Profile) -> KeyPair:
        """Its parts again; OSError if it was never made."""
        data = self.leaf_file(profile).read_bytes()
        certificate, mark, key = data.partition(KEY_MARK)
        return KeyPair(certificate, mark + key)


def is_due(leaf: bytes, ca_certificate: bytes, names: frozenset[str], now: float) -> bool:
    """Whether a leaf must be made anew: unreadable, of another authority, for other names, or past two thirds of
    its life."""
    try:
        facts = facts_of(leaf)
    except ValueError:
        return True
    return (
        facts.issuer_key_id != key_id_of(ca_certificate)
        or not names <= facts.names
        or now >= renewal_at(facts)
    )


def renewal_at(facts: Facts) -> float:
    """Two thirds of the way from issue to expiry."""
    return facts.issued_at + (facts.expires_at - facts.issued_at) * 2 / 3
