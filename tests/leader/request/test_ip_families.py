"""Address families of Services on a cluster that has one, in upstream's words."""

import pytest

from pikube.api.kinds.core_service import Service, ServiceSpec
from pikube.leader.request.ip_families import init_families


def asked(old=None, **spec):
    """(policy, families, causes)"""
    service = Service(spec=ServiceSpec(**{"type": "ClusterIP", "selector": {"app": "web"}, **spec}))
    causes = init_families(service, old, "IPv4")
    return service.spec.ip_family_policy, service.spec.ip_families, [(c.field, c.message) for c in causes]


@pytest.mark.parametrize(("spec", "policy", "families"), [
    ({}, "SingleStack", ("IPv4",)),
    ({"ip_family_policy": "PreferDualStack"}, "PreferDualStack", ("IPv4",)),
    ({"cluster_ip": "None"}, "SingleStack", ("IPv4",)),
    ({"cluster_ip": "None", "selector": {}}, "RequireDualStack", ("IPv4", "IPv6")),
    ({"cluster_ip": "None", "selector": {}, "ip_families": ("IPv6",)}, "RequireDualStack", ("IPv6", "IPv4")),
    ({"cluster_ip": "None", "selector": {}, "ip_family_policy": "SingleStack"}, "SingleStack", ("IPv4",)),
    ({"type": "ExternalName"}, None, ()),
])  # fmt: skip
def test_what_is_left_out_is_filled_in(spec, policy, families):
    assert asked(**spec) == (policy, families, [])


def test_an_update_keeps_the_policy_of_before():
    old = Service(spec=ServiceSpec(ip_family_policy="PreferDualStack"))
    assert asked(old)[0] == "PreferDualStack"


@pytest.mark.parametrize(("spec", "cause"), [
    ({"ip_family_policy": "RequireDualStack"}, ("spec.ipFamilyPolicy",
     'Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services')),
    ({"ip_families": ("IPv6",)}, ("spec.ipFamilies[0]", 'Invalid value: "IPv6": not configured on this cluster')),
    ({"ip_families": ("IPv4", "IPv6")}, ("spec.ipFamilyPolicy", 'Invalid value: "SingleStack": must be '
     "'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified")),
    ({"cluster_ip": "fd00::7"}, ("spec.clusterIPs[0]",
     'Invalid value: ["fd00::7"]: IPv6 is not configured on this cluster')),
])  # fmt: skip
def test_the_other_family_is_refused(spec, cause):
    assert asked(**spec)[2] == [cause]
