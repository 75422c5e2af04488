"""Pure: addresses and ranges in a form that newer Kubernetes will refuse.

Enter: the field's path and its value. Leave: warnings. Called by network. Source: kubernetes apimachinery
pkg/util/validation/ip.go:GetWarningsForIP and GetWarningsForCIDR.
"""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LATER = "will be considered invalid in a future Kubernetes release"


def ip_warnings(path: str, value: str) -> list[str]:
    address, is_standard = _read(value)
    if address is None:
        return []
    if not is_standard:
        return [f'{path}: non-standard IP address "{value}" {LATER}: use "{address}"']
    if address.version == 6 and str(address) != value:
        return [f'{path}: IPv6 address "{value}" should be in RFC 5952 canonical format ("{address}")']
    return []


def cidr_warnings(path: str, value: str) -> list[str]:
    text, _, bits = value.partition("/")
    address, is_standard = _read(text)
    if address is None or not bits.isdigit():
        return []
    is_mapped = address.version == 4 and ":" in text
    length = int(bits) - (96 if is_mapped else 0)
    if not 0 <= length <= address.max_prefixlen:
        return []
    network = str(ipaddress.ip_network(f"{address}/{length}", strict=False))
    found = []
    if network != f"{address}/{length}":
        alone = f"{address}/{address.max_prefixlen}"
        found.append(
            f'{path}: CIDR value "{value}" is ambiguous in this context (should be "{network}" or "{alone}"?)'
        )
    if not is_standard or bits != str(int(bits)):
        found.append(f'{path}: non-standard CIDR value "{value}" {LATER}: use "{network}"')
    elif address.version == 6 and f"{address}/{bits}" != value:
        canonical = f"{address}/{bits}"
        found.append(
            f'{path}: IPv6 CIDR value "{value}" should be in RFC 5952 canonical format ("{canonical}")'
        )
    return found


def _read(value: str) -> tuple[Address | None, bool]:
    """The address, and whether it is written without zeros in front and not as IPv4 inside IPv6."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        parts = value.split(".")
        if len(parts) != 4 or not all(part.isdigit() and int(part) < 256 for part in parts):
            return None, False
        return ipaddress.IPv4Address(".".join(str(int(part)) for part in parts)), False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped, False) if mapped is not None else (address, True)
