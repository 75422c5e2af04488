"""Shell: hands out cluster IPs and node ports to Services: an admission plugin with a memory.

The addresses in use are those of the stored Services; what was promised to a write that is still on its
way is held until it settles. Source of the rules: kubernetes pkg/registry/core/service/storage/alloc.go.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import structs

from pikube.api.defaulting.services import is_reached_from_outside, needs_health_port
from pikube.api.errors import Cause, Invalid
from pikube.api.kinds.core_service import Service
from pikube.api.names import ip_address
from pikube.api.validation.causes import invalid
from pikube.leader.request.admission import Attributes
from pikube.leader.request.ip_families import init_families

NODE_PORT_TYPES = ("NodePort", "LoadBalancer")


class ServiceAllocator:
    """`existing` are the stored services at start. Numbers are tried from a place that `random_number` chooses, so
    that a service that was just deleted does not hand its address to the next one."""

    def __init__(
        self,
        service_cidr: str,
        node_ports: range,
        existing: Iterator[Service],
        random_number: Callable[[int], int],
    ) -> None:
        self._network = ipaddress.ip_network(service_cidr)
        self._node_ports = node_ports
        self._random = random_number
        self._addresses: dict[str, str] = {}
        self._ports: dict[int, str] = {}
        for service in existing:
            self._take_all(service)

    def admit(self, attributes: Attributes) -> None:
        """Check what the user chose and fill in what he left out."""
        if attributes.info.cls is not Service or attributes.obj is None:
            return
        if attributes.subresource:
            return
        service: Service = attributes.obj
        old: Service | None = attributes.old
        if old is not None:
            _keep_addresses(service, old)
        owner = service.metadata.uid
        causes = init_families(service, old, f"IPv{self._network.version}")
        if not causes:
            causes = self._allocate_address(service, owner) + self._allocate_ports(service, owner)
        if causes:
            self._release(owner, keep=old)
            raise Invalid.of("Service", "", service.metadata.name, causes)

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """Give back what is no longer used: after a delete, a change, or a write that failed."""
        if attributes.info.cls is not Service or attributes.subresource:
            return
        if attributes.operation == "DELETE":
            if is_stored and attributes.old is not None:
                self._release(attributes.old.metadata.uid, keep=None)
            return
        owner = attributes.obj.metadata.uid
        self._release(owner, keep=attributes.obj if is_stored else attributes.old)

    def _allocate_address(self, service: Service, owner: str) -> list[Cause]:
        spec = service.spec
        if spec.type == "ExternalName":
            return []
        if spec.cluster_ips and not spec.cluster_ip:
            spec.cluster_ip = spec.cluster_ips[0]
        if spec.cluster_ip == "None":
            spec.cluster_ips = ("None",)
            return []
        if spec.cluster_ip:
            shape = [invalid("spec.clusterIPs[0]", spec.cluster_ip, w) for w in ip_address(spec.cluster_ip)]
            if shape:
                return shape
            problem = self._address_problem(spec.cluster_ip, owner)
            if problem:
                words = f'Invalid value: ["{spec.cluster_ip}"]: failed to allocate IP {spec.cluster_ip}: {problem}'
                return [Cause("FieldValueInvalid", words, "spec.clusterIPs")]
        else:
            found = self._free_address()
            if found is None:
                words = "Internal error: failed to allocate a serviceIP: range is full"
                return [Cause("InternalError", words, "spec.clusterIPs")]
            spec.cluster_ip = found
        self._addresses[spec.cluster_ip] = owner
        spec.cluster_ips = (spec.cluster_ip,)
        return []

    def _address_problem(self, text: str, owner: str) -> str:
        address = ipaddress.ip_address(text)
        if address not in self._network:
            return f"the provided network does not match the current range {self._network}"
        if address in (self._network.network_address, self._network.broadcast_address):
            return f"the provided IP ({text}) is not in the valid range. The range of valid IPs is {self._network}"
        holder = self._addresses.get(text)
        return "" if holder in (None, owner) else "provided IP is already allocated"

    def _free_address(self) -> str | None:
        first = int(self._network.network_address)
        usable = self._network.num_addresses - 2
        start = self._random(usable)
        for step in range(usable):
            text = str(ipaddress.ip_address(first + 1 + (start + step) % usable))
            if text not in self._addresses:
                return text
        return None

    def _allocate_ports(self, service: Service, owner: str) -> list[Cause]:
        spec = service.spec
        wants = spec.type in NODE_PORT_TYPES and not (
            spec.type == "LoadBalancer" and spec.allocate_load_balancer_node_ports is False
        )
        causes: list[Cause] = []
        ports = []
        for index, port in enumerate(spec.ports):
            if port.node_port:
                causes += self._port_causes(port.node_port, f"spec.ports[{index}].nodePort", owner)
            ports.append(port)
        if causes:
            return causes
        for port in ports:
            if port.node_port:
                self._ports[port.node_port] = owner
        shared: dict[int, int] = {}
        for index, port in enumerate(ports):
            if not wants or port.node_port:
                continue
            number = shared.get(port.port) or self._free_port()
            if number is None:
                words = "Internal error: failed to allocate a nodePort: range is full"
                return [Cause("InternalError", words, f"spec.ports[{index}].nodePort")]
            shared[port.port] = number
            self._ports[number] = owner
            ports[index] = structs.replace(port, node_port=number)
        spec.ports = tuple(ports)
        return self._allocate_health_port(service, owner)

    def _allocate_health_port(self, service: Service, owner: str) -> list[Cause]:
        """A port on which nodes say whether they have an endpoint, for balancers that must know (alloc.go)."""
        spec = service.spec
        if not needs_health_port(service):
            return []
        if spec.health_check_node_port:
            causes = self._port_causes(spec.health_check_node_port, "spec.healthCheckNodePort", owner)
            if causes:
                return causes
        number = spec.health_check_node_port or self._free_port()
        if number is None:
            words = "Internal error: failed to allocate a nodePort: range is full"
            return [Cause("InternalError", words, "spec.healthCheckNodePort")]
        spec.health_check_node_port = number
        self._ports[number] = owner
        return []

    def _port_causes(self, number: int, field: str, owner: str) -> list[Cause]:
        if number not in self._node_ports:
            low, high = self._node_ports.start, self._node_ports.stop - 1
            words = (
                f"Invalid value: {number}: provided port is not in the valid range. "
                f"The range of valid ports is {low}-{high}"
            )
            return [Cause("FieldValueInvalid", words, field)]
        if self._ports.get(number) not in (None, owner):
            return [
                Cause(
                    "FieldValueInvalid", f"Invalid value: {number}: provided port is already allocated", field
                )
            ]
        return []

    def _free_port(self) -> int | None:
        count = len(self._node_ports)
        start = self._random(count)
        for step in range(count):
            number = self._node_ports[(start + step) % count]
            if number not in self._ports:
                return number
        return None

    def _take_all(self, service: Service) -> None:
        owner = service.metadata.uid
        for address in service.spec.cluster_ips:
            if address != "None":
                self._addresses[address] = owner
        for port in service.spec.ports:
            if port.node_port:
                self._ports[port.node_port] = owner
        if service.spec.health_check_node_port:
            self._ports[service.spec.health_check_node_port] = owner

    def _release(self, owner: str, keep: Service | None) -> None:
        self._addresses = {a: o for a, o in self._addresses.items() if o != owner}
        self._ports = {p: o for p, o in self._ports.items() if o != owner}
        if keep is not None:
            self._take_all(keep)


def _forget_former_type(service: Service, old: Service) -> None:
    """What only the former type had goes with it, if the update left it alone (kubernetes
    service/strategy.go:dropTypeDependentFields)."""
    spec, before = service.spec, old.spec
    if before.type == "LoadBalancer" != spec.type:
        if spec.allocate_load_balancer_node_ports == before.allocate_load_balancer_node_ports:
            spec.allocate_load_balancer_node_ports = None
        if spec.load_balancer_class == before.load_balancer_class:
            spec.load_balancer_class = None
    keeps_policy = spec.external_traffic_policy == before.external_traffic_policy
    if keeps_policy and is_reached_from_outside(old) and not is_reached_from_outside(service):
        spec.external_traffic_policy = ""
    same_health_port = spec.health_check_node_port == before.health_check_node_port
    if same_health_port and needs_health_port(old) and not needs_health_port(service):
        spec.health_check_node_port = 0
    if before.type in NODE_PORT_TYPES and spec.type not in NODE_PORT_TYPES:
        had = {0, *(port.node_port for port in before.ports)}
        if all(port.node_port in had for port in spec.ports):
            spec.ports = tuple(structs.replace(port, node_port=0) for port in spec.ports)
    if spec.type == "ExternalName" != before.type:
        if spec.cluster_ip in ("", before.cluster_ip) and spec.cluster_ips in ((), before.cluster_ips):
            spec.cluster_ip, spec.cluster_ips = "", ()
        if spec.ip_families == before.ip_families:
            spec.ip_families = ()
        if spec.ip_family_policy == before.ip_family_policy:
            spec.ip_family_policy = None


def _keep_addresses(service: Service, old: Service) -> None:
    """An update that says nothing of addresses and ports keeps them (kubernetes
    service/storage/storage.go:patchAllocatedValues)."""
    spec: Any = service.spec
    _forget_former_type(service, old)
    has_addresses = spec.type != "ExternalName" and old.spec.type != "ExternalName"
    if has_addresses and not spec.cluster_ip and not spec.cluster_ips:
        spec.cluster_ip, spec.cluster_ips = old.spec.cluster_ip, old.spec.cluster_ips
    if spec.type not in NODE_PORT_TYPES:
        return
    if needs_health_port(service) and needs_health_port(old) and not spec.health_check_node_port:
        spec.health_check_node_port = old.spec.health_check_node_port
    before = {(p.protocol, p.port): p.node_port for p in old.spec.ports if p.node_port}
    taken = {p.node_port for p in spec.ports if p.node_port}
    ports = []
    for port in spec.ports:
        former = before.get((port.protocol, port.port), 0)
        if not port.node_port and former and former not in taken:
            port = structs.replace(port, node_port=former)
        ports.append(port)
    spec.ports = tuple(ports)
