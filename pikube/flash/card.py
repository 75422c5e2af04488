"""Declaration: what a new card is to become, checked as it is read.

Enter: what a person gave. Leaves: a Card, or BadCard in one sentence. Called by `pikube flash-files`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

NODE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")  # RFC 1123, also the node's name
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")  # useradd(8)
SSH_KEY = re.compile(r"(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-\S+) [A-Za-z0-9+/=]+( .*)?")
FORMATS = ("cloud-init", "firstrun")


class BadCard(Exception):
    """One sentence: what cannot be, and what could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wifi:
    """`passphrase` is 8 to 63 characters, or the key of 64 hex digits; `country` is two letters (ISO 3166)."""

    ssid: str
    passphrase: str = field(repr=False)
    country: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.ssid.encode()) <= 32:
            raise BadCard("the name of a Wi-Fi has 1 to 32 bytes")
        if not (8 <= len(self.passphrase) <= 63 or re.fullmatch(r"[0-9a-fA-F]{64}", self.passphrase)):
            raise BadCard("a Wi-Fi passphrase has 8 to 63 characters")
        if not re.fullmatch(r"[A-Z]{2}", self.country):
            raise BadCard(
                "a Wi-Fi needs --wifi-country, two capital letters such as DE: the radio stays off without"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One board. `settings` are lines of its config.yaml; `token` or `ca_hash` let an agent in."""

    node: str
    mode: str
    user: str = "pi"
    ssh_keys: tuple[str, ...] = ()
    password_hash: str = ""
    wifi: Wifi | None = None
    timezone: str = ""
    token: str = field(default="", repr=False)
    ca_hash: str = ""
    settings: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not NODE.fullmatch(self.node):
            raise BadCard(f"{self.node!r} cannot be a node's name: small letters, digits and -, at most 63")
        if not USER.fullmatch(self.user):
            raise BadCard(f"{self.user!r} cannot be a user's name")
        if not self.ssh_keys and not self.password_hash:
            raise BadCard("nobody could log in: give --ssh-key FILE (or --password-hash)")
        for key in self.ssh_keys:
            if not SSH_KEY.fullmatch(key):
                raise BadCard(f"{key[:30]!r}… is no public ssh key")
        if self.mode == "agent" and not self.token and not self.ca_hash:
            raise BadCard(
                "an agent needs a way in: --token from `pikube token create`, or --ca-hash from `pikube discover` "
                "to be approved by `pikube pair`"
            )
        if self.mode == "leader" and (self.token or self.ca_hash):
            raise BadCard("a leader starts a cluster of its own and takes no token")
