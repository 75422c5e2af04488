"""A small cluster's Services and endpoints for tests of its names."""

from pikube.api.kinds.core_service import Service, ServicePort, ServiceSpec
from pikube.api.kinds.discovery import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from pikube.api.kinds.meta import ObjectMeta
from pikube.netproxy.service_records import namespace_entries, service_entries
from pikube.netproxy.zone import Zone


def service(name, cluster_ip, ports=(), **spec):
    meta = ObjectMeta(name=name, namespace="shop")
    ips = (cluster_ip,) if cluster_ip else ()
    return Service(
        metadata=meta, spec=ServiceSpec(cluster_ip=cluster_ip, cluster_ips=ips, ports=ports, **spec)
    )


def endpoint(address, hostname=None, ready=True):
    return Endpoint(addresses=(address,), hostname=hostname, conditions=EndpointConditions(ready=ready))


def twins():
    """Endpoints of both families, two with one hostname; a port without a name."""
    labels = {"kubernetes.io/service-name": "twins"}
    groups = {
        "IPv4": (endpoint("10.42.2.4", "dup"), endpoint("10.42.2.5", "dup")),
        "IPv6": (endpoint("fd01::1"),),
    }
    return [
        EndpointSlice(
            metadata=ObjectMeta(name=f"twins-{family}", namespace="shop", labels=labels),
            address_type=family,
            endpoints=endpoints,
            ports=(EndpointPort(protocol="TCP", port=90),),
        )
        for family, endpoints in groups.items()
    ]


def make_zone(domain="cluster.local"):
    http = (ServicePort(name="http", protocol="TCP", port=80, target_port=8080),)
    slice_ = EndpointSlice(
        metadata=ObjectMeta(name="db-0", namespace="shop", labels={"kubernetes.io/service-name": "db"}),
        address_type="IPv4",
        endpoints=(endpoint("10.42.0.5", "db-0"), endpoint("10.42.1.6"), endpoint("10.42.1.7", ready=False)),
        ports=(EndpointPort(name="sql", protocol="TCP", port=5432),),
    )
    slices = {"db": [slice_], "twins": twins()}
    services = [
        service("web", "10.43.0.7", http),
        service("db", "None"),
        service("empty", "None"),
        service("out", "", type="ExternalName", external_name="example.org"),
        service("inside", "", type="ExternalName", external_name="web.shop.svc.cluster.local"),
        service("ring", "", type="ExternalName", external_name="ring.shop.svc.cluster.local."),
        service("six", "fd00::5"),
        service(
            "plain", "10.43.0.8", (ServicePort(protocol="TCP", port=70), ServicePort(protocol="UDP", port=71))
        ),
        service("twins", "None"),
    ]
    zone = Zone(domain, ("10.42.0.0/16", "10.43.0.0/16"))
    zone.put("/shop", namespace_entries("shop", domain))
    for made in services:
        name = made.metadata.name
        zone.put(f"shop/{name}", service_entries(made, slices.get(name, []), domain))
    zone.put("kube-system/kube-dns", {f"kube-dns.kube-system.svc.{domain}": [("A", "10.43.0.10", 30)]})
    return zone
