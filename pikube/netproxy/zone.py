"""Pure: what the cluster's DNS answers: names of Services, their endpoints and pods.

Enter: a name, a type, and Services with their EndpointSlices (through `Records`). Leaves: an Answer: records,
no such name, or not ours. Source: kubernetes dns specification.md (Kubernetes DNS-Based Service Discovery).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import Endpoint, EndpointSlice
from pikube.netproxy.table import SERVICE_NAME

TTL_S = 5  # CoreDNS' kubernetes plugin: short, because pods come and go
REVERSE = ".in-addr.arpa"


class Record(NamedTuple):
    """type A, CNAME, SRV or PTR; data as zone files write it; name without the last dot."""

    name: str
    type: str
    data: str


@dataclass(frozen=True, slots=True)
class Answer:
    """exists: the name is there, perhaps without records of that type. additional goes with SRV."""

    exists: bool
    records: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


NOTHING = Answer(False)


class Records(Protocol):
    """Where services are looked up."""

    def service(self, namespace: str, name: str) -> Service | None: ...

    def slices(self, namespace: str, name: str) -> Sequence[EndpointSlice]: ...

    def by_address(self, address: str) -> Service | None: ...

    def endpoints_at(self, address: str) -> Sequence[EndpointSlice]:
        """Slices with an endpoint of that address."""
        ...

    def has_namespace(self, name: str) -> bool: ...


class Zone:
    """One cluster domain. Addresses of `networks` are the cluster's: nobody else knows their names."""

    def __init__(self, domain: str, records: Records, networks: Sequence[str] = ()) -> None:
        self.domain = domain.lower().rstrip(".")
        self._records = records
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def answer(self, name: str, type_: str) -> Answer | None:
        """None when the name is not ours to answer."""
        lower = name.lower().rstrip(".")
        if lower.endswith(REVERSE):
            return self._reverse(lower)
        if lower == self.domain:
            return Answer(True)
        if not lower.endswith(f".{self.domain}"):
            return None
        labels = lower[: -len(self.domain) - 1].split(".")
        match labels:
            case ["svc" | "pod"]:
                return Answer(True)
            case [namespace, "svc" | "pod"]:
                return Answer(self._records.has_namespace(namespace))
            case [*rest, namespace, "svc"]:
                return self._service(lower, rest, namespace, type_)
            case [address, namespace, "pod"]:
                return self._pod(lower, address, namespace, type_)
        return NOTHING

    def _service(self, name: str, rest: list[str], namespace: str, type_: str) -> Answer:
        service = self._records.service(namespace, rest[-1])
        if service is None:
            return NOTHING
        if service.spec.type == "ExternalName":
            if len(rest) > 1:
                return NOTHING
            return Answer(True, (Record(name, "CNAME", f"{service.spec.external_name.rstrip('.')}."),))
        endpoints = list(_endpoints(self._records.slices(namespace, rest[-1])))
        if len(rest) == 1:
            addresses = self._addresses(service, endpoints)
            if not addresses:
                return NOTHING if service.spec.cluster_ip == "None" else Answer(True)
            return Answer(True, _of_type(name, addresses, type_))
        if len(rest) == 2:
            named = [e for e, _ in endpoints if rest[0] in (e.hostname, _dashed(e.addresses[0]))]
            return Answer(bool(named), _of_type(name, sorted({e.addresses[0] for e in named}), type_))
        if len(rest) == 3 and rest[0].startswith("_") and rest[1] in ("_tcp", "_udp"):
            return self._port(name, service, endpoints, rest[0][1:], rest[1][1:].upper(), type_)
        return NOTHING

    def _addresses(self, service: Service, endpoints: list[tuple[Endpoint, EndpointSlice]]) -> list[str]:
        if service.spec.cluster_ip not in ("", "None"):
            return list(service.spec.cluster_ips)
        return sorted({address for endpoint, _ in endpoints for address in endpoint.addresses})

    def _port(
        self,
        name: str,
        service: Service,
        endpoints: list[tuple[Endpoint, EndpointSlice]],
        port_name: str,
        protocol: str,
        type_: str,
    ) -> Answer:
        base = f"{service.metadata.name}.{service.metadata.namespace}.svc.{self.domain}"
        targets: list[tuple[str, int, str]] = []
        if service.spec.cluster_ip == "None":
            for endpoint, slice_ in endpoints:
                for port in slice_.ports:
                    if port.name == port_name and (port.protocol or "TCP") == protocol and port.port:
                        host = endpoint.hostname or _dashed(endpoint.addresses[0])
                        targets.append((f"{host}.{base}", port.port, endpoint.addresses[0]))
        else:
            for own in service.spec.ports:
                if own.name == port_name and (own.protocol or "TCP") == protocol:
                    targets.append((base, own.port, service.spec.cluster_ip))
        if not targets:
            return NOTHING
        if type_ not in ("SRV", "ANY"):
            return Answer(True)
        share = max(1, 100 // len(targets))
        return Answer(
            True,
            tuple(Record(name, "SRV", f"0 {share} {port} {host}.") for host, port, _ in targets),
            tuple(dict.fromkeys(Record(host, _kind(address), address) for host, _, address in targets)),
        )

    def _pod(self, name: str, dashed: str, namespace: str, type_: str) -> Answer:
        """`10-42-0-7.default.pod.cluster.local`: the address is in the name itself."""
        for address in (dashed.replace("-", "."), dashed.replace("-", ":")):
            try:
                ipaddress.ip_address(address)
            except ValueError:
                continue
            if not self._records.has_namespace(namespace):
                return NOTHING
            return Answer(True, _of_type(name, [address], type_))
        return NOTHING

    def _reverse(self, name: str) -> Answer | None:
        parts = name[: -len(REVERSE)].split(".")
        address = ".".join(reversed(parts))
        service = self._records.by_address(address)
        if service is not None:
            meta = service.metadata
            return Answer(True, (Record(name, "PTR", f"{meta.name}.{meta.namespace}.svc.{self.domain}."),))
        names = sorted(self._endpoint_names(address))
        if names:
            return Answer(True, tuple(Record(name, "PTR", text) for text in names))
        try:
            is_ours = any(ipaddress.ip_address(address) in network for network in self._networks)
        except ValueError:
            return None
        return NOTHING if is_ours else None  # an address of the LAN: its own DNS knows it

    def _endpoint_names(self, address: str) -> set[str]:
        """What an endpoint of a headless Service is called."""
        found = set()
        for slice_ in self._records.endpoints_at(address):
            namespace = slice_.metadata.namespace
            service = self._records.service(namespace, slice_.metadata.labels.get(SERVICE_NAME, ""))
            if service is None or service.spec.cluster_ip != "None":
                continue
            for endpoint in slice_.endpoints:
                if endpoint.addresses[:1] == (address,):
                    host = endpoint.hostname or _dashed(address)
                    found.add(f"{host}.{service.metadata.name}.{namespace}.svc.{self.domain}.")
        return found


def _kind(address: str) -> str:
    return "AAAA" if ":" in address else "A"


def _of_type(name: str, addresses: Iterable[str], type_: str) -> tuple[Record, ...]:
    """Those that were asked for."""
    found = (Record(name, _kind(address), address) for address in addresses)
    return tuple(record for record in found if type_ in (record.type, "ANY"))


def _endpoints(slices: Iterable[EndpointSlice]) -> Iterable[tuple[Endpoint, EndpointSlice]]:
    """Ready endpoints with the slice that holds their ports."""
    for slice_ in slices:
        if slice_.address_type in ("IPv4", "IPv6"):
            for endpoint in slice_.endpoints:
                if endpoint.conditions.ready is not False and endpoint.addresses:
                    yield endpoint, slice_


def _dashed(address: str) -> str:
    return address.replace(".", "-").replace(":", "-")
