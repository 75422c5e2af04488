"""What a Service may be called and which address it may ask for, in upstream's words."""

import pytest

SERVICES = "/api/v1/namespaces/default/services"


def service(name="web", **spec):
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        (
            "nonsense",
            'spec.clusterIPs[0]: Invalid value: "nonsense": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        ),
        ("10.99.0.1", "the provided network does not match the current range"),
        ("10.43.0.0", "the provided IP (10.43.0.0) is not in the valid range. The range of valid IPs is 10.43.0.0/16"),
        ("10.43.255.255", "the provided IP (10.43.255.255) is not in the valid range"),
    ],
)  # fmt: skip
async def test_an_address_that_no_service_can_have(api, address, complaint):
    code, refused = await api("POST", SERVICES, service(clusterIP=address))
    assert code == 422 and complaint in refused["message"], refused
    assert len(refused["details"]["causes"]) == 1


async def test_a_name_that_is_no_label_is_one_complaint(api):
    code, refused = await api("POST", SERVICES, service("1up"))
    assert code == 422 and len(refused["details"]["causes"]) == 1
    assert "a DNS-1035 label must consist of" in refused["message"]
