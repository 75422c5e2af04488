"""Pure: what is wrong with IPAddresses and ServiceCIDRs.

Source: kubernetes pkg/apis/networking/validation.
"""

from __future__ import annotations

import ipaddress

import msgspec

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.networking import IPAddress, ServiceCIDR
from pikube.api.validation.causes import by_rule, immutable, invalid, required


def address_name(name: str) -> list[str]:
    """What an IPAddress is called: the address, in its one written form."""
    wrong = names.ip_address(name)
    if wrong:
        return wrong
    written = str(ipaddress.ip_address(name))
    return [] if written == name else [f'must be in canonical form ("{written}")']


def address_causes(obj: IPAddress) -> list[Cause]:
    parent, here = obj.spec.parent_ref, "spec.parentRef"
    if parent is None:
        return [required(here)]
    causes = by_rule(f"{here}.group", parent.group, names.dns1123_subdomain) if parent.group else []
    for field, value in (("resource", parent.resource), ("name", parent.name)):
        causes += (
            by_rule(f"{here}.{field}", value, names.path_segment_name)
            if value
            else [required(f"{here}.{field}")]
        )
    if parent.namespace:
        causes += by_rule(f"{here}.namespace", parent.namespace, names.path_segment_name)
    return causes


def address_update_causes(new: IPAddress, old: IPAddress) -> list[Cause]:
    parent = msgspec.to_builtins(new.spec.parent_ref)
    return immutable("spec.parentRef", parent, msgspec.to_builtins(old.spec.parent_ref))


def range_causes(obj: ServiceCIDR) -> list[Cause]:
    ranges, here = list(obj.spec.cidrs), "spec.cidrs"
    if not ranges:
        return [required(here, "at least one CIDR required")]
    if len(ranges) > 2:
        return [invalid(here, {"cidrs": ranges}, "may only hold up to 2 values")]
    causes: list[Cause] = []
    for index, text in enumerate(ranges):
        causes += by_rule(f"{here}[{index}]", text, names.cidr)
    if not causes and len(ranges) == 2 and (":" in ranges[0]) == (":" in ranges[1]):
        words = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        causes.append(invalid(here, {"cidrs": ranges}, words))
    return causes


def range_update_causes(new: ServiceCIDR, old: ServiceCIDR) -> list[Cause]:
    mine, theirs = list(new.spec.cidrs), list(old.spec.cidrs)
    if mine == theirs:
        return []
    if len(mine) == 2 and mine[:1] == theirs:  # a second family may be added
        return range_causes(new)
    if len(mine) != len(theirs):
        return [invalid("spec.cidrs", mine, "field is immutable")]
    return [
        invalid(f"spec.cidrs[{index}]", text, "field is immutable")
        for index, text in enumerate(mine)
        if text != theirs[index]
    ]
