"""Pure: what the cluster's DNS answers: a table of names, put together from what each Service and namespace has.

Enter: entries by owner (`service_records` makes them in the agent); a name and a type. Leaves: an Answer: records,
no such name, or not ours. Imports nothing of the API, because the relay process, which answers, is kept small.
Source: kubernetes dns specification.md (Kubernetes DNS-Based Service Discovery).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

TTL_S = 5  # CoreDNS' kubernetes plugin: short, because pods come and go
REVERSE = ".in-addr.arpa"
SCHEMA, SCHEMA_TTL_S = '"1.1.0"', 28800  # of the names, as CoreDNS tells it (specification.md 2.2)

Entries = Mapping[str, Sequence[Sequence[Any]]]
"""Name → (type, data, TTL) of each record; none: the name is there, and has no record."""


class Record(NamedTuple):
    """type A, AAAA, CNAME, SRV, PTR, NS, SOA or TXT; data as zone files write it; name without the last dot."""

    name: str
    type: str
    data: str
    ttl_s: int = TTL_S


@dataclass(frozen=True, slots=True)
class Answer:
    """exists: the name is there, perhaps without records of that type. additional goes with SRV."""

    exists: bool
    records: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


NOTHING = Answer(False)


class Zone:
    """One cluster domain. Addresses of `networks` are the cluster's: nobody else knows their names."""

    def __init__(self, domain: str, networks: Sequence[str] = ()) -> None:
        self.domain = domain.lower().rstrip(".")
        self._ends = f".{self.domain}"
        self._always = {self.domain, f"svc.{self.domain}", f"pod.{self.domain}"}
        self._server = f"ns.dns.{self.domain}"
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._owned: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, list[tuple[str, tuple[Record, ...]]]] = {}  # of each owner; mostly one

    def __len__(self) -> int:
        return len(self._names)

    def put(self, owner: str, entries: Entries) -> None:
        """All that an owner has, in place of what it had."""
        self.drop(owner)
        if not entries:
            return
        self._owned[owner] = tuple(entries)
        for name, records in entries.items():
            made = tuple(Record(name, type_, data, ttl_s) for type_, data, ttl_s in records)
            self._names.setdefault(name, []).append((owner, made))

    def drop(self, owner: str) -> None:
        """It is gone."""
        for name in self._owned.pop(owner, ()):
            left = [pair for pair in self._names[name] if pair[0] != owner]
            if left:
                self._names[name] = left
            else:
                del self._names[name]

    def entries(self) -> dict[str, dict[str, list[tuple[str, str, int]]]]:
        """By owner, as `put` takes them."""
        found: dict[str, dict[str, list[tuple[str, str, int]]]] = {}
        for name, owners in self._names.items():
            for owner, records in owners:
                found.setdefault(owner, {})[name] = [(r.type, r.data, r.ttl_s) for r in records]
        return found

    def answer(self, name: str, type_: str) -> Answer | None:
        """None when the name is not ours to answer."""
        lower = name.lower().rstrip(".")
        found = self._names.get(lower)
        if found is not None:
            return self._known([record for _, records in found for record in records], type_)
        if lower.endswith(REVERSE):
            return self._reverse(lower)
        if lower in self._always:
            return self._apex(type_) if lower == self.domain else Answer(True)
        if lower == f"dns-version.{self.domain}":
            return Answer(
                True, (Record(lower, "TXT", SCHEMA, SCHEMA_TTL_S),) if type_ in ("TXT", "ANY") else ()
            )
        if lower == self._server:
            return Answer(True, self._addresses(type_))
        if lower.endswith(self._ends):
            return self._pod(lower, type_)
        return None

    def _known(self, records: Sequence[Record], type_: str) -> Answer:
        alias = tuple(record for record in records if record.type == "CNAME")
        if alias:  # whatever is asked
            return Answer(True, alias)
        chosen = tuple(record for record in records if type_ in (record.type, "ANY"))
        return Answer(True, chosen, tuple(self._of_hosts(chosen)))

    def _apex(self, type_: str) -> Answer:
        """Who is in charge of the domain (CoreDNS plugin/kubernetes, apex)."""
        soa = Record(self.domain, "SOA", self.authority)
        name_server = Record(self.domain, "NS", f"{self._server}.")
        chosen = tuple(record for record in (soa, name_server) if type_ in (record.type, "ANY"))
        return Answer(True, chosen, self._addresses("A") if name_server in chosen else ())

    @property
    def authority(self) -> str:
        """The SOA; its last number says how long a negative answer may be kept."""
        return f"{self._server}. hostmaster.{self.domain}. 1 7200 1800 86400 {TTL_S}"

    def _addresses(self, type_: str) -> tuple[Record, ...]:
        """Of the name server: the Service's that leads to it."""
        known = self._names.get(f"kube-dns.kube-system.svc.{self.domain}", ())
        records = [record for _, records in known for record in records]
        return tuple(
            record._replace(name=self._server)
            for record in records
            if record.type in ("A", "AAAA") and type_ in (record.type, "ANY")
        )

    def _of_hosts(self, records: Iterable[Record]) -> dict[Record, None]:
        """The addresses of the hosts that SRV records name, each once."""
        found: dict[Record, None] = {}
        for record in records:
            if record.type == "SRV":
                host = record.data.rsplit(" ", 1)[1].rstrip(".")
                for _, others in self._names.get(host, ()):
                    found |= dict.fromkeys(other for other in others if other.type in ("A", "AAAA"))
        return found

    def _pod(self, name: str, type_: str) -> Answer:
        """`10-42-0-7.default.pod.cluster.local`: the address is in the name itself."""
        dashed, _, rest = name.partition(".")
        namespace, _, kind = rest[: -len(self._ends)].partition(".")
        if kind != "pod" or f"{namespace}.pod{self._ends}" not in self._names:
            return NOTHING
        for address in (dashed.replace("-", "."), dashed.replace("-", ":")):
            try:
                version = ipaddress.ip_address(address).version
            except ValueError:
                continue
            record = Record(name, "A" if version == 4 else "AAAA", address)
            return Answer(True, (record,) if type_ in (record.type, "ANY") else ())
        return NOTHING

    def _reverse(self, name: str) -> Answer | None:
        """An address without a name: of the LAN's addresses its own DNS knows."""
        address = ".".join(reversed(name[: -len(REVERSE)].split(".")))
        try:
            is_ours = any(ipaddress.ip_address(address) in network for network in self._networks)
        except ValueError:
            return None
        return NOTHING if is_ours else None
