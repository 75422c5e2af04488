"""The names of Services, endpoints and pods, as the Kubernetes DNS specification has them."""

import json

import pytest
from netproxy.zone_objects import make_zone

from pikube.netproxy.zone import Record, Zone


@pytest.fixture
def zone():
    return make_zone()


def data(zone, name, type_="A"):
    return [record.data for record in zone.answer(name, type_).records]


def test_a_service_is_its_cluster_address_in_any_case_and_with_a_last_dot(zone):
    assert data(zone, "WEB.shop.svc.cluster.local.") == ["10.43.0.7"]


def test_a_headless_service_is_its_ready_endpoints(zone):
    assert data(zone, "db.shop.svc.cluster.local") == ["10.42.0.5", "10.42.1.6"]


@pytest.mark.parametrize(("host", "address"), [("db-0", "10.42.0.5"), ("10-42-1-6", "10.42.1.6")])
def test_an_endpoint_has_a_name_of_its_own(zone, host, address):
    assert data(zone, f"{host}.db.shop.svc.cluster.local") == [address]


def test_ports_are_found_by_name(zone):
    assert data(zone, "_http._tcp.web.shop.svc.cluster.local", "SRV") == [
        "0 100 80 web.shop.svc.cluster.local."
    ]
    found = zone.answer("_sql._tcp.db.shop.svc.cluster.local", "SRV")
    assert [record.data for record in found.records] == [
        "0 50 5432 db-0.db.shop.svc.cluster.local.",
        "0 50 5432 10-42-1-6.db.shop.svc.cluster.local.",
    ]
    assert Record("db-0.db.shop.svc.cluster.local", "A", "10.42.0.5") in found.additional


def test_an_external_name_is_an_alias(zone):
    assert zone.answer("out.shop.svc.cluster.local", "A").records == (
        Record("out.shop.svc.cluster.local", "CNAME", "example.org."),
    )


def test_a_pod_is_found_by_its_dashed_address(zone):
    assert data(zone, "10-42-0-9.shop.pod.cluster.local") == ["10.42.0.9"]


def test_a_cluster_address_has_a_name(zone):
    assert data(zone, "7.0.43.10.in-addr.arpa", "PTR") == ["web.shop.svc.cluster.local."]


@pytest.mark.parametrize(
    "name",
    [
        "no.shop.svc.cluster.local", "web.nowhere.svc.cluster.local", "_no._tcp.web.shop.svc.cluster.local",
        "empty.shop.svc.cluster.local", "x.web.shop.svc.cluster.local", "1-2-3.shop.pod.cluster.local",
        "a.b.c.d.e.svc.cluster.local", "nonsense.cluster.local", "nowhere.svc.cluster.local",
    ],
)  # fmt: skip
def test_what_is_not_there_does_not_exist(zone, name):
    assert not zone.answer(name, "A").exists


@pytest.mark.parametrize(
    "name", ["web.shop.svc.cluster.local", "shop.svc.cluster.local", "svc.cluster.local"]
)
def test_what_is_there_without_such_records_exists(zone, name):
    answer = zone.answer(name, "AAAA")
    assert answer.exists and answer.records == ()


def test_a_service_that_goes_takes_its_names_and_nobody_elses(zone):
    zone.put("shop/other", {"5.0.42.10.in-addr.arpa": [("PTR", "db-0.other.shop.svc.cluster.local.", 5)]})
    assert len(data(zone, "5.0.42.10.in-addr.arpa", "PTR")) == 2
    zone.drop("shop/db")
    assert data(zone, "5.0.42.10.in-addr.arpa", "PTR") == ["db-0.other.shop.svc.cluster.local."]
    assert not zone.answer("db-0.db.shop.svc.cluster.local", "A").exists
    assert data(zone, "web.shop.svc.cluster.local") == ["10.43.0.7"]


def test_a_zone_is_made_again_from_its_entries(zone):
    again = Zone(zone.domain, ("10.42.0.0/16",))
    for owner, entries in json.loads(json.dumps(zone.entries())).items():
        again.put(owner, entries)
    assert again.entries() == zone.entries() and len(again) == len(zone)


@pytest.mark.parametrize("name", ["example.org", "cluster.local.example.org", "1.1.168.192.in-addr.arpa"])
def test_what_is_not_ours_is_left_to_others(zone, name):
    assert zone.answer(name, "A") is None
