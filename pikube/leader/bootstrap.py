"""Shell: the objects that every cluster begins with; made when missing, at each start.

Called by run.py once the registry works. Sources: kubernetes pkg/controlplane, scheduling/rest,
DESIGN.md's conventions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from pikube.api.client import Client
from pikube.api.errors import AlreadyExists, Invalid, NotFound
from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_service import (
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    Service,
    ServicePort,
    ServiceSpec,
)
from pikube.api.kinds.discovery import Endpoint, EndpointConditions, EndpointSlice
from pikube.api.kinds.discovery import EndpointPort as SlicePort
from pikube.api.kinds.meta import Object, ObjectMeta
from pikube.api.kinds.scheduling import PriorityClass
from pikube.leader.controllers.local_path import local_path_class
from pikube.leader.flow_keeper import keep_flows

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def first_objects(cluster_ip: str) -> Iterable[Object]:
    """Everything that does not depend on where the leader is."""
    for name in NAMESPACES:
        yield Namespace(metadata=ObjectMeta(name=name))
    yield Service(
        metadata=ObjectMeta(
            name="kubernetes",
            namespace="default",
            labels={"component": "apiserver", "provider": "kubernetes"},
        ),
        spec=ServiceSpec(
            type="ClusterIP",
            cluster_ip=cluster_ip,
            ports=(ServicePort(name="https", protocol="TCP", port=443, target_port=6443),),
        ),
    )
    for name, value, words in (
        ("system-cluster-critical", 2_000_000_000, "Pods the cluster needs; they may move to another node."),
        ("system-node-critical", 2_000_001_000, "Pods a node needs; they must stay where they are."),
    ):
        yield PriorityClass(metadata=ObjectMeta(name=name), value=value, description=words)


def dns_service(dns_ip: str) -> Service:
    """What people look for in kube-system. Every board answers there itself: no proxy is to carry it (KEP-2447)."""
    return Service(
        metadata=ObjectMeta(
            name="kube-dns",
            namespace="kube-system",
            labels={
                "k8s-app": "kube-dns",
                "kubernetes.io/cluster-service": "true",  # what `kubectl cluster-info` looks for
                "kubernetes.io/name": "CoreDNS",
                "service.kubernetes.io/service-proxy-name": "pikube-dns",
            },
        ),
        spec=ServiceSpec(
            type="ClusterIP",
            cluster_ip=dns_ip,
            ports=(
                ServicePort(name="dns", protocol="UDP", port=53, target_port=53),
                ServicePort(name="dns-tcp", protocol="TCP", port=53, target_port=53),
            ),
        ),
    )


def leader_endpoints(addresses: Iterable[str], port: int) -> tuple[Endpoints, EndpointSlice]:
    """Where the Service `kubernetes` leads."""
    ips = tuple(addresses)
    endpoints = Endpoints(
        metadata=ObjectMeta(
            name="kubernetes", namespace="default", labels={"endpointslice.kubernetes.io/skip-mirror": "true"}
        ),
        subsets=(
            EndpointSubset(
                addresses=tuple(EndpointAddress(ip=ip) for ip in ips),
                ports=(EndpointPort(name="https", port=port, protocol="TCP"),),
            ),
        ),
    )
    slice_ = EndpointSlice(
        metadata=ObjectMeta(
            name="kubernetes",
            namespace="default",
            labels={"kubernetes.io/service-name": "kubernetes"},
        ),
        address_type="IPv4",
        endpoints=tuple(Endpoint(addresses=(ip,), conditions=EndpointConditions(ready=True)) for ip in ips),
        ports=(SlicePort(name="https", port=port, protocol="TCP"),),
    )
    return endpoints, slice_


async def _make_default_class(client: Client, volumes: str) -> None:
    """Once in a cluster's life: who deletes or replaces it means it. The namespace kube-system, made afterwards, is
    the sign that it was done."""
    with contextlib.suppress(NotFound):
        await client.get(Namespace, "kube-system")
        return
    with contextlib.suppress(AlreadyExists):
        await client.create(local_path_class(volumes))


async def make_first_objects(
    client: Client,
    cluster_ip: str,
    addresses: Iterable[str],
    port: int,
    volumes: str = "/var/lib/pikube/storage",
    dns_ip: str = "",
) -> None:
    """Create what is missing; point the Service `kubernetes` at this leader. `volumes` is the directory of each
    board that its volumes are in, `dns_ip` the address of the cluster's DNS."""
    await _make_default_class(client, volumes)
    for obj in first_objects(cluster_ip):
        try:
            await client.create(obj)
        except AlreadyExists:
            continue
    await keep_flows(client)
    if dns_ip:
        await _make_dns_service(client, dns_service(dns_ip))
    await point_service(client, addresses, port)


async def _make_dns_service(client: Client, wanted: Service) -> None:
    """The Service, with the labels by which it is found also where an older pikube made it."""
    meta = wanted.metadata
    try:
        await client.create(wanted)
    except AlreadyExists:
        found = await client.get(Service, meta.name, meta.namespace)
        if not meta.labels.items() <= found.metadata.labels.items():
            labels = {"metadata": {"labels": dict(meta.labels)}}
            await client.patch(Service, meta.name, meta.namespace, labels)
    except Invalid:
        pass  # outside the range of Services it needs no place in it


async def point_service(client: Client, addresses: Iterable[str], port: int) -> None:
    """Lead the Service `kubernetes` to this leader."""
    for wanted in leader_endpoints(addresses, port):
        try:
            await client.create(wanted)
        except AlreadyExists:
            await client.update(wanted)
