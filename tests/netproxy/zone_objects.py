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


def make_zone(domain="cluster.local"):
    http = (ServicePort(name="http", protocol="TCP", port=80, target_port=8080),)
    slice_ = EndpointSlice(
        metadata=ObjectMeta(name="db-0", namespace="shop", labels={"kubernetes.io/service-name": "db"}),
        address_type="IPv4",
        endpoints=(endpoint("10.42.0.5", "db-0"), endpoint("10.42.1.6"), endpoint("10.42.1.7", ready=False)),
        ports=(EndpointPort(name="sql", protocol="TCP", port=5432),),
    )
    services = [
        service("web", "10.43.0.7", http),
        service("db", "None"),
        service("empty", "None"),
        service("out", "", type="ExternalName", external_name="example.org"),
        service("inside", "", type="ExternalName", external_name="web.shop.svc.cluster.local"),
        service("ring", "", type="ExternalName", external_name="ring.shop.svc.cluster.local."),
        service("six", "fd00::5"),
    ]
    zone = Zone(domain, ("10.42.0.0/16", "10.43.0.0/16"))
    zone.put("/shop", namespace_entries("shop", domain))
    for made in services:
        slices = [slice_] if made.metadata.name == "db" else []
        zone.put(f"shop/{made.metadata.name}", service_entries(made, slices, domain))
    return zone
