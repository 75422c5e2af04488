"""Pure: the address families of a Service, on a cluster that has one: filled in, or refused in upstream's words.

Enter: the Service as it is to be stored, the one before, the cluster's family. Leave: causes; the Service's fields
filled in. Called by allocation.py. Source: kubernetes pkg/registry/core/service/storage/alloc.go:initIPFamilyFields.
"""

from __future__ import annotations

import ipaddress
import json

from pikube.api.errors import Cause
from pikube.api.kinds.core_service import Service

FAMILIES = ("IPv4", "IPv6")
SINGLE, REQUIRE = "SingleStack", "RequireDualStack"


def init_families(service: Service, old: Service | None, own: str) -> list[Cause]:
    """Fill in spec.ipFamilyPolicy and spec.ipFamilies; what is wrong with them. `own`: IPv4 or IPv6."""
    spec = service.spec
    if spec.type == "ExternalName":
        return []
    is_loose = spec.cluster_ip == "None" and not spec.selector  # its endpoints are whatever its owner writes
    if spec.ip_family_policy is None:
        before = old.spec.ip_family_policy if old is not None else None
        spec.ip_family_policy = before or (REQUIRE if is_loose else SINGLE)
    causes = _plural_causes(service) + _address_causes(service, own)
    if causes:
        return causes
    if is_loose:
        first = spec.ip_families or (own,)
        if spec.ip_family_policy != SINGLE and len(first) == 1:
            first += tuple(family for family in FAMILIES if family not in first)
        spec.ip_families = first
        return []
    if spec.ip_family_policy == REQUIRE:
        words = "this cluster is not configured for dual-stack services"
        causes.append(_invalid("spec.ipFamilyPolicy", spec.ip_family_policy, words))
    causes += [
        _invalid(f"spec.ipFamilies[{at}]", family, "not configured on this cluster")
        for at, family in enumerate(spec.ip_families)
        if family != own
    ]
    spec.ip_families = spec.ip_families or (own,)
    return causes


def _plural_causes(service: Service) -> list[Cause]:
    spec = service.spec
    if spec.ip_family_policy != SINGLE:
        return []
    counts = (("cluster IPs", spec.cluster_ips), ("IP families", spec.ip_families))
    return [
        _invalid(
            "spec.ipFamilyPolicy",
            SINGLE,
            f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified",
        )
        for what, values in counts
        if len(values) == 2
    ]


def _address_causes(service: Service, own: str) -> list[Cause]:
    """Families that follow from addresses which the user chose."""
    spec = service.spec
    addresses = spec.cluster_ips or ((spec.cluster_ip,) if spec.cluster_ip else ())
    causes = []
    for at, address in enumerate(addresses):
        try:
            family = f"IPv{ipaddress.ip_address(address).version}"
        except ValueError:  # None, or what the allocator refuses
            break
        if at >= len(spec.ip_families) and family != own:
            words = (
                f"Invalid value: {json.dumps(list(addresses))}: {family} is not configured on this cluster"
            )
            causes.append(Cause("FieldValueInvalid", words, f"spec.clusterIPs[{at}]"))
    return causes


def _invalid(field: str, value: str, words: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "{value}": {words}', field)
