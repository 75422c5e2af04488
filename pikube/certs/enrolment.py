"""Declaration: what a board and its leader say to each other so that the board becomes, and stays, a node.

JSON over HTTPS under /enrol/v1/. Both sides read these declarations; the leader bounds every field.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from pikube.api.kinds.core_node import Taint

BASE = "/enrol/v1"
CLUSTER = f"{BASE}/cluster"  # GET, for anybody: which cluster is this, and its authority
JOIN = f"{BASE}/join"  # POST JoinRequest, with a token
RENEW = f"{BASE}/renew"  # POST RenewRequest, signed with the board's known key
REQUEST_BYTES = 16 * 1024

KEY_ANNOTATION = "pikube.io/board-key"
"""On a Node: the hash of the key that may speak for it. Who may change it may make another board that node."""
MACHINE_ANNOTATION = "pikube.io/board-machine"
"""On a Node: which machine holds the key, as people tell boards apart."""

TRUSTS_ANNOTATION = "pikube.io/board-trusts"
"""On a Node: the hash of the bundle of authorities that the board confirmed last."""
EXPIRES_ANNOTATION = "pikube.io/board-certificates-expire"
"""On a Node: when its certificates end, RFC 3339."""

HEARD_SESSION, HEARD_MACHINE, HEARD_ADDRESS = "pikube.io/session", "pikube.io/machine", "pikube.io/address"
"""On a node's Lease: which run of the agent on which machine sent the heartbeat. A copied card is found by them."""

Short: TypeAlias = Annotated[str, msgspec.Meta(max_length=253)]
Label: TypeAlias = Annotated[str, msgspec.Meta(max_length=63)]
Address: TypeAlias = Annotated[str, msgspec.Meta(max_length=45)]
Pem: TypeAlias = Annotated[str, msgspec.Meta(max_length=4096)]


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The base of all messages."""


class Machine(Wire, frozen=True):
    """A board as people tell it from another: '' for what it does not know of itself."""

    model: Short = ""
    serial: Short = ""
    mac: Short = ""
    address: Address = ""

    def __str__(self) -> str:
        parts = [self.model, f"serial {self.serial}" if self.serial else "", self.mac, self.address]
        return ", ".join(part for part in parts if part) or "an unknown machine"


class ClusterSettings(Wire, frozen=True):
    """What every board of a cluster must have in common; the names are those of the settings."""

    cluster_cidr: str
    service_cidr: str
    cluster_dns: str
    cluster_domain: str


class ClusterDocument(Wire, frozen=True):
    """`ca` is a bundle: during the change to another authority it holds both. `time` is the leader's, in seconds
    since 1970; `id` never changes (the uid of the namespace kube-system)."""

    cluster: str
    id: str
    ca: str
    servers: tuple[str, ...]
    version: str
    time: float
    settings: ClusterSettings


class JoinRequest(Wire, frozen=True):
    """`request` is a PEM certificate request, signed with the board's key; only its key is used."""

    token: Short
    node: Short
    request: Pem
    machine: Machine = Machine()
    addresses: Annotated[tuple[Address, ...], msgspec.Meta(max_length=16)] = ()
    labels: Annotated[dict[str, Label], msgspec.Meta(max_length=64)] = {}
    taints: Annotated[tuple[Taint, ...], msgspec.Meta(max_length=32)] = ()
    replace: bool = False


class RenewRequest(Wire, frozen=True):
    """The request's key is the credential: it must be the one that is known for the node. `trusts` is the hash of the
    bundle that the board has taken into use."""

    node: Short
    request: Pem
    addresses: Annotated[tuple[Address, ...], msgspec.Meta(max_length=16)] = ()
    trusts: Short = ""


class Certificates(Wire, frozen=True):
    """The answer to both: PEM."""

    client: str
    serving: str
    cluster: ClusterDocument
