"""Shell: what a board remembers of the cluster it belongs to: its key, its certificates, whom it trusts, where the
leader was.

    board.key → ca.crt, node-client.pem, node-serving.pem → member.json

member.json is written last: without it the board has not joined. Enter: a directory. Leaves: `Member`. Called by
the commands join and agent.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pikube.certs.authority import make_key
from pikube.certs.enrolment import Certificates, ClusterDocument, Wire
from pikube.certs.files import read_or_none, write_atomic
from pikube.certs.profiles import NODE_CLIENT, NODE_SERVING


class Member(Wire, frozen=True):
    """The node that this board is, and its cluster as it last described itself."""

    node: str
    cluster: ClusterDocument


@dataclass(frozen=True, slots=True)
class Membership:
    """Where it is kept."""

    path: Path

    @property
    def key_file(self) -> Path:
        return self.path / "board.key"

    @property
    def ca_file(self) -> Path:
        return self.path / "ca.crt"

    @property
    def client_file(self) -> Path:
        return self.path / f"{NODE_CLIENT.file}.pem"

    @property
    def serving_file(self) -> Path:
        return self.path / f"{NODE_SERVING.file}.pem"

    @property
    def member_file(self) -> Path:
        return self.path / "member.json"

    def load(self) -> Member | None:
        """None when this board has not joined. ValueError when the file is damaged."""
        data = read_or_none(self.member_file)
        if data is None:
            return None
        try:
            return msgspec.json.decode(data, type=Member)
        except msgspec.DecodeError as error:
            raise ValueError(f"{self.member_file} is damaged: {error}") from None

    def key(self) -> bytes:
        """This board's key, made when there is none: it is on disk before anybody hears of it. OSError."""
        found = read_or_none(self.key_file)
        if found is None:
            found = make_key()
            write_atomic(self.key_file, found)
        return found

    def store(self, node: str, answer: Certificates) -> Member:
        """Keep what the leader answered; in an order in which a power cut leaves the old or the new. OSError."""
        key = self.key()
        write_atomic(self.ca_file, answer.cluster.ca.encode(), 0o644)
        write_atomic(self.client_file, answer.client.encode() + key)
        write_atomic(self.serving_file, answer.serving.encode() + key)
        return self.remember(node, answer.cluster)

    def remember(self, node: str, cluster: ClusterDocument) -> Member:
        """Keep what the cluster says of itself, if it is new. OSError."""
        member = Member(node=node, cluster=msgspec.structs.replace(cluster, time=0.0))
        data = msgspec.json.encode(member)
        if read_or_none(self.member_file) != data:
            write_atomic(self.member_file, data)
        return member

    def forget(self) -> None:
        """As if this board had never joined."""
        self.member_file.unlink(missing_ok=True)  # first: without it nothing else counts
        shutil.rmtree(self.path, ignore_errors=True)
