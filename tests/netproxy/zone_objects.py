"""A small cluster's Services and endpoints for tests of its names."""

from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_service import Service, ServicePort, ServiceSpec
from pikube.api.kinds.discovery import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from pikube.api.kinds.meta import ObjectMeta
from pikube.informer.cache import Cache
from pikube.netproxy.service_records import CachedRecords
from pikube.netproxy.zone import Zone


class Caches:
    def __init__(self, objects):
        self._caches = {}
        for obj in objects:
            self.cache(type(obj)).put(obj)

    def cache(self, cls):
        return self._caches.setdefault(cls, Cache(cls))


def service(name, cluster_ip, ports=(), **spec):
    meta = ObjectMeta(name=name, namespace="shop")
    ips = (cluster_ip,) if cluster_ip else ()
    return Service(
        metadata=meta, spec=ServiceSpec(cluster_ip=cluster_ip, cluster_ips=ips, ports=ports, **spec)
    )


def endpoint(address, hostname=None, ready=True):
    return Endpoint(addresses=(address,), hostname=hostname, conditions=EndpointConditions(ready=ready))


def make_zone():
    http = (ServicePort(name="http", protocol="TCP", port=80, target_port=8080),)
    slice_ = EndpointSlice(
        metadata=ObjectMeta(name="db-0", namespace="shop", labels={"kubernetes.io/service-name": "db"}),
        address_type="IPv4",
        endpoints=(endpoint("10.42.0.5", "db-0"), endpoint("10.42.1.6"), endpoint("10.42.1.7", ready=False)),
        ports=(EndpointPort(name="sql", protocol="TCP", port=5432),),
    )
    objects = [
        Namespace(metadata=ObjectMeta(name="shop")),
        service("web", "10.43.0.7", http),
        service("db", "None"),
        service("empty", "None"),
        service("out", "", type="ExternalName", external_name="example.org"),
        service("inside", "", type="ExternalName", external_name="web.shop.svc.cluster.local"),
        service("ring", "", type="ExternalName", external_name="ring.shop.svc.cluster.local."),
        service("six", "fd00::5"),
        slice_,
    ]
    return Zone("cluster.local", CachedRecords(Caches(objects)), ("10.42.0.0/16", "10.43.0.0/16"))
