"""Pure: what a pod asks of a node, as integers that add up.

Enter: pods and nodes. Leave: amounts by resource: thousandths of a core for cpu, whole units for all else.
Called by the scheduler and by quotas. Source: kubernetes component-helpers resource/helpers.go:PodRequests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from pikube.api.kinds.core_container import Container
from pikube.api.kinds.core_pod import Pod, PodSpec
from pikube.api.quantity import QuantityError, bytes_of, cpu_millicores

Amounts: TypeAlias = dict[str, int]

CPU, MEMORY, PODS = "cpu", "memory", "pods"
DEFAULT_CPU, DEFAULT_MEMORY = 100, 200 * 1024 * 1024
"""What scoring counts for a container that asks for nothing (kubernetes scheduler util/pod_resources.go)."""


def amounts(quantities: Mapping[str, str | int | float]) -> Amounts:
    """Quantities as integers; one that cannot be read counts as nothing."""
    found: Amounts = {}
    for name, quantity in quantities.items():
        try:
            found[name] = cpu_millicores(quantity) if name == CPU else bytes_of(quantity)
        except QuantityError:
            continue
    return found


def pod_requests(spec: PodSpec) -> Amounts:
    """The most the pod needs at any time: all containers and sidecars together, or one init container beside the
    sidecars begun before it; plus overhead. Requests of the pod as a whole count instead where given."""
    total = _peak(spec, "requests")
    if spec.resources is not None:
        total.update(amounts(spec.resources.requests))
    _add(total, amounts(spec.overhead))
    return total


def pod_limits(spec: PodSpec) -> Amounts:
    """The same of limits; containers without one count as nothing, and overhead only beside a limit."""
    total = _peak(spec, "limits")
    if spec.resources is not None:
        total.update(amounts(spec.resources.limits))
    _add(total, {name: n for name, n in amounts(spec.overhead).items() if total.get(name)})
    return total


def _peak(spec: PodSpec, which: str) -> Amounts:
    total: Amounts = {}
    for container in spec.containers:
        _add(total, _container(container, which))
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.init_containers:
        wanted = _container(container, which)
        if container.restart_policy == "Always":
            _add(sidecars, wanted)
            _add(total, wanted)
            continue
        _add(wanted, sidecars)
        _raise_to(peak, wanted)
    _raise_to(total, peak)
    return total


def scoring_requests(pod: Pod, requests: Amounts) -> Amounts:
    """CPU and memory with a modest guess for containers that ask for nothing, so that they spread as well."""
    guess_cpu = sum(DEFAULT_CPU for c in pod.spec.containers if CPU not in c.resources.requests)
    guess_memory = sum(DEFAULT_MEMORY for c in pod.spec.containers if MEMORY not in c.resources.requests)
    return {
        CPU: requests.get(CPU, 0) + guess_cpu,
        MEMORY: requests.get(MEMORY, 0) + guess_memory,
    }


def host_ports(spec: PodSpec) -> frozenset[tuple[str, str, int]]:
    """(protocol, host IP, port) of every port that the pod takes on its node."""
    found: set[tuple[str, str, int]] = set()
    sidecars = (c for c in spec.init_containers if c.restart_policy == "Always")
    for container in (*spec.containers, *sidecars):
        for port in container.ports:
            number = port.host_port or (port.container_port if spec.host_network else 0)
            if number:
                found.add((port.protocol or "TCP", port.host_ip or "0.0.0.0", number))
    return frozenset(found)


def ports_conflict(
    wanted: Iterable[tuple[str, str, int]], taken: Mapping[tuple[str, int], Iterable[str]]
) -> bool:
    """Whether a wanted port is taken on the same address; 0.0.0.0 is every address."""
    for protocol, address, number in wanted:
        others = taken.get((protocol, number))
        if others and (address == "0.0.0.0" or any(other in (address, "0.0.0.0") for other in others)):
            return True
    return False


def _container(container: Container, which: str) -> Amounts:
    return amounts(getattr(container.resources, which))


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _raise_to(total: Amounts, least: Amounts) -> None:
    for name, amount in least.items():
        if amount > total.get(name, 0):
            total[name] = amount
