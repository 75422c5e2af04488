"""Shell: the authority's files, through a change to another: each step is one rename, and a start after a power cut
at any instant finds where the cluster is.

    ca.crt       the bundle that is trusted; its first certificate signs boards and people
    ca.key       the key of one of them, ca-next.key that of the new one, ca-old.key that of the old one meanwhile

Enter: the directory, the time. Leave: `Held`. Called by the leader's certificates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pikube.certs.authority import KeyPair, is_key_of, make_ca, split_bundle
from pikube.certs.ca_rotation import Phase
from pikube.certs.files import read_or_none, write_atomic

SECRET, PUBLIC = 0o600, 0o644


@dataclass(frozen=True, slots=True)
class Held:
    """What a leader holds: `signing` and `serving` are pairs; `bundle` is trusted."""

    phase: Phase
    signing: KeyPair
    serving: KeyPair
    bundle: bytes


def remove_file(path: Path) -> None:
    """OSError but for what is gone already."""
    path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class AuthorityFiles:
    """Where they are, and the two things that are ever done to them."""

    path: Path
    write: Callable[[Path, bytes, int], None] = write_atomic
    remove: Callable[[Path], None] = remove_file

    @property
    def bundle_file(self) -> Path:
        return self.path / "ca.crt"

    def load_or_make(self, cluster_name: str, now: float) -> Held:
        """The key of a first authority is written before its certificate, so that one without the other is a start
        that was cut off. OSError, ValueError."""
        bundle = read_or_none(self.bundle_file)
        if bundle is None:
            pair = make_ca(cluster_name, now)
            self.write(self._key("ca"), pair.key, SECRET)
            self.write(self.bundle_file, pair.certificate, PUBLIC)
        return self.load()

    def load(self) -> Held:
        """OSError, ValueError."""
        certificates = split_bundle(self.bundle_file.read_bytes())
        keys = [key for name in ("ca", "ca-next", "ca-old") if (key := read_or_none(self._key(name)))]
        pairs = [self._pair(certificate, keys) for certificate in certificates]
        bundle = b"".join(certificates)
        if len(pairs) == 1:
            return Held(Phase.IDLE, pairs[0], pairs[0], bundle)
        first, second = pairs
        next_key = read_or_none(self._key("ca-next"))
        if next_key is not None and second.key == next_key:
            return Held(Phase.TRUSTING, first, first, bundle)
        return Held(Phase.SIGNING, first, second, bundle)

    def begin(self, cluster_name: str, now: float) -> Held:
        """From idle: another authority is trusted, too."""
        held = self.load()
        assert held.phase is Phase.IDLE
        pair = make_ca(cluster_name, now)
        self.write(self._key("ca-next"), pair.key, SECRET)
        self.write(self.bundle_file, held.bundle + pair.certificate, PUBLIC)
        return self.load()

    def switch(self) -> Held:
        """From trusting: the new one signs."""
        held = self.load()
        assert held.phase is Phase.TRUSTING
        old, new = split_bundle(held.bundle)
        next_key = self._key("ca-next").read_bytes()
        self.write(self._key("ca-old"), held.signing.key, SECRET)
        self.write(self.bundle_file, new + old, PUBLIC)  # this is the step; the rest tidies up
        self.write(self._key("ca"), next_key, SECRET)
        self.remove(self._key("ca-next"))
        return self.load()

    def finish(self) -> Held:
        """From signing: the old one is trusted no more."""
        held = self.load()
        assert held.phase is Phase.SIGNING
        self.write(self._key("ca"), held.signing.key, SECRET)
        self.write(self.bundle_file, held.signing.certificate, PUBLIC)
        for name in ("ca-old", "ca-next"):
            self.remove(self._key(name))
        return self.load()

    def _pair(self, certificate: bytes, keys: list[bytes]) -> KeyPair:
        for key in keys:
            if is_key_of(certificate, key):
                return KeyPair(certificate, key)
        raise ValueError(
            f"{self._key('ca')} is missing although {self.bundle_file} is there; restore it from a backup, "
            "or remove the directory to begin a new cluster"
        )

    def _key(self, name: str) -> Path:
        return self.path / f"{name}.key"
