"""Pure: what is wrong with Ingresses, their classes, NetworkPolicies, EndpointSlices and Endpoints.

Sources: kubernetes pkg/apis/{networking,discovery,core}/validation.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.core_service import Endpoints
from pikube.api.kinds.discovery import EndpointSlice
from pikube.api.kinds.networking import (
    HTTPIngressPath,
    Ingress,
    IngressBackend,
    IngressClass,
    IPBlock,
    NetworkPolicy,
    NetworkPolicyPeer,
    NetworkPolicyPort,
)
from pikube.api.validation.causes import (
    by_rule,
    duplicate,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from pikube.api.validation.selectors import selector_causes

PROTOCOLS = ("SCTP", "TCP", "UDP")
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
NO_RULES = "either `defaultBackend` or `rules` must be specified"
BAD_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def ingress_causes(obj: Ingress) -> list[Cause]:
    spec = obj.spec
    causes = [*ingress_spec_causes(obj)]
    if CLASS_ANNOTATION in obj.metadata.annotations and spec.ingress_class_name is not None:
        causes.append(
            invalid(
                f"metadata.annotations.{CLASS_ANNOTATION}",
                obj.metadata.annotations[CLASS_ANNOTATION],
                "can not be set when the class field is also set",
            )
        )
    return causes


def ingress_spec_causes(obj: Ingress) -> list[Cause]:
    spec = obj.spec
    causes: list[Cause] = []
    for index, tls in enumerate(spec.tls):
        for host in tls.hosts:
            causes += by_rule(f"spec.tls[{index}].hosts", host, _host_rule(host))
        if tls.secret_name:
            causes += by_rule(f"spec.tls[{index}].secretName", tls.secret_name, names.dns1123_subdomain)
    if not spec.rules and spec.default_backend is None:
        causes.append(invalid("spec", None, NO_RULES))
    if spec.default_backend is not None:
        causes += _backend_causes(spec.default_backend, "spec.defaultBackend")
    for index, rule in enumerate(spec.rules):
        here = f"spec.rules[{index}]"
        if rule.host:
            if _is_ip(rule.host):
                causes.append(invalid(f"{here}.host", rule.host, "must be a DNS name, not an IP address"))
            else:
                causes += by_rule(f"{here}.host", rule.host, _host_rule(rule.host))
        if rule.http is None:
            continue
        if not rule.http.paths:
            causes.append(required(f"{here}.http.paths"))
        for number, path in enumerate(rule.http.paths):
            causes += _path_causes(path, f"{here}.http.paths[{number}]")
    if spec.ingress_class_name is not None:
        causes += by_rule("spec.ingressClassName", spec.ingress_class_name, names.dns1123_subdomain)
    return causes


def ingress_update_causes(new: Ingress, old: Ingress) -> list[Cause]:
    return [] if new.spec == old.spec else ingress_spec_causes(new)


def _host_rule(host: str) -> Any:
    return names.wildcard_dns1123_subdomain if "*" in host else names.dns1123_subdomain


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _path_causes(path: HTTPIngressPath, here: str) -> list[Cause]:
    causes: list[Cause] = []
    if path.path_type is None:
        causes.append(required(f"{here}.pathType", "pathType must be specified"))
    elif path.path_type in ("Exact", "Prefix"):
        if not path.path.startswith("/"):
            causes.append(invalid(f"{here}.path", path.path, "must be an absolute path"))
        for word in ("//", "/./", "/../", "%2f", "%2F"):
            if word in path.path:
                causes.append(invalid(f"{here}.path", path.path, f"must not contain '{word}'"))
        for word in ("/..", "/."):
            if path.path.endswith(word):
                causes.append(invalid(f"{here}.path", path.path, f"cannot end with '{word}'"))
    elif path.path_type == "ImplementationSpecific":
        if path.path and not path.path.startswith("/"):
            causes.append(invalid(f"{here}.path", path.path, "must be an absolute path"))
    else:
        supported = ("Exact", "ImplementationSpecific", "Prefix")
        causes.append(not_supported(f"{here}.pathType", path.path_type, supported))
    return causes + _backend_causes(path.backend, f"{here}.backend")


def _backend_causes(backend: IngressBackend, here: str) -> list[Cause]:
    service, resource = backend.service, backend.resource
    if service is not None and resource is not None:
        return [invalid(here, "", "cannot set both resource and service backends")]
    if resource is not None:
        causes = [] if resource.kind else [required(f"{here}.resource.kind")]
        return causes if resource.name else [*causes, required(f"{here}.resource.name")]
    if service is None:
        return [invalid(here, "", "resource or service backend is required")]
    causes = (
        by_rule(f"{here}.service.name", service.name, names.dns1035_label)
        if service.name
        else [required(f"{here}.service.name")]
    )
    port = service.port
    if port.name and port.number:
        causes.append(invalid(here, "", "cannot set both port name & port number"))
    elif port.name:
        causes += by_rule(f"{here}.service.port.name", port.name, names.port_name)
    elif port.number:
        causes += by_rule(f"{here}.service.port.number", port.number, names.port_number)
    else:
        causes.append(required(here, "port name or number is required"))
    return causes


def ingress_class_causes(obj: IngressClass) -> list[Cause]:
    controller = obj.spec.controller
    causes: list[Cause] = []
    if len(controller) > 250:
        causes.append(too_long("spec.controller", 250))
    domain, slash, path = controller.partition("/")
    if not controller:
        causes.append(required("spec.controller"))
    elif not slash or not domain or not path:
        causes.append(
            invalid("spec.controller", controller, 'must be a domain-prefixed path (such as "acme.io/foo")')
        )
    else:
        causes += by_rule("spec.controller", domain, names.dns1123_subdomain)
        causes += by_rule("spec.controller", path, names.http_path)
    parameters = obj.spec.parameters
    if parameters is None:
        return causes
    here = "spec.parameters"
    causes += [
        required(f"{here}.{name}")
        for name, value in (("kind", parameters.kind), ("name", parameters.name))
        if not value
    ]
    if parameters.scope is None:
        causes.append(required(f"{here}.scope"))
    elif parameters.scope not in ("Cluster", "Namespace"):
        causes.append(not_supported(f"{here}.scope", parameters.scope, ("Cluster", "Namespace")))
    elif parameters.scope == "Namespace" and not parameters.namespace:
        causes.append(required(f"{here}.namespace", "`parameters.scope` is set to 'Namespace'"))
    elif parameters.scope == "Cluster" and parameters.namespace is not None:
        causes.append(forbidden(f"{here}.namespace", "`parameters.scope` is set to 'Cluster'"))
    return causes


def ingress_class_update_causes(new: IngressClass, old: IngressClass) -> list[Cause]:
    return ingress_class_causes(new) + immutable("spec.controller", new.spec.controller, old.spec.controller)


def network_policy_causes(obj: NetworkPolicy) -> list[Cause]:
    spec = obj.spec
    causes = selector_causes(spec.pod_selector, "spec.podSelector")
    for index, incoming in enumerate(spec.ingress):
        causes += _policy_rule_causes(incoming.ports, incoming.from_, f"spec.ingress[{index}]", "from")
    for index, outgoing in enumerate(spec.egress):
        causes += _policy_rule_causes(outgoing.ports, outgoing.to, f"spec.egress[{index}]", "to")
    if len(spec.policy_types) > 2:
        words = "may not specify more than two policyTypes"
        return [*causes, invalid("spec.policyTypes", list(spec.policy_types), words)]
    for index, word in enumerate(spec.policy_types):
        if word not in ("Ingress", "Egress"):
            causes.append(not_supported(f"spec.policyTypes[{index}]", word, ("Egress", "Ingress")))
    return causes


def network_policy_update_causes(new: NetworkPolicy, old: NetworkPolicy) -> list[Cause]:
    return [] if new.spec == old.spec else network_policy_causes(new)


def _policy_rule_causes(
    ports: Sequence[NetworkPolicyPort], peers: Sequence[NetworkPolicyPeer], here: str, side: str
) -> list[Cause]:
    causes: list[Cause] = []
    for index, port in enumerate(ports):
        causes += _policy_port_causes(port, f"{here}.ports[{index}]")
    for index, peer in enumerate(peers):
        causes += _peer_causes(peer, f"{here}.{side}[{index}]")
    return causes


def _policy_port_causes(port: NetworkPolicyPort, here: str) -> list[Cause]:
    causes: list[Cause] = []
    if port.protocol is not None and port.protocol not in PROTOCOLS:
        causes.append(not_supported(f"{here}.protocol", port.protocol, PROTOCOLS))
    end = port.end_port
    if port.port is None:
        if end is not None:
            causes.append(
                invalid(f"{here}.endPort", end, "may not be specified when `port` is not specified")
            )
    elif isinstance(port.port, int):
        causes += by_rule(f"{here}.port", port.port, names.port_number)
        if end is not None:
            if end < port.port:
                causes.append(invalid(f"{here}.endPort", end, "must be greater than or equal to `port`"))
            causes += by_rule(f"{here}.endPort", end, names.port_number)
    else:
        if end is not None:
            causes.append(invalid(f"{here}.endPort", end, "may not be specified when `port` is non-numeric"))
        causes += by_rule(f"{here}.port", port.port, names.port_name)
    return causes


def _peer_causes(peer: NetworkPolicyPeer, here: str) -> list[Cause]:
    causes = selector_causes(peer.pod_selector, f"{here}.podSelector")
    causes += selector_causes(peer.namespace_selector, f"{here}.namespaceSelector")
    kinds = [part for part in (peer.pod_selector, peer.namespace_selector, peer.ip_block) if part is not None]
    if not kinds:
        causes.append(required(here, "must specify a peer"))
    elif len(kinds) > 1 and peer.ip_block is not None:
        causes.append(forbidden(here, "may not specify both ipBlock and another peer"))
    if peer.ip_block is not None:
        causes += _block_causes(peer.ip_block, f"{here}.ipBlock")
    return causes


def _block_causes(block: IPBlock, here: str) -> list[Cause]:
    if not block.cidr:
        return [required(f"{here}.cidr")]
    whole = _network(block.cidr)
    if whole is None:
        return [invalid(f"{here}.cidr", block.cidr, BAD_CIDR)]
    causes: list[Cause] = []
    for index, text in enumerate(block.except_):
        part = _network(text)
        if part is None:
            causes.append(invalid(f"{here}.except[{index}]", text, BAD_CIDR))
        elif part.version != whole.version or part == whole or not _is_within(part, whole):
            causes.append(invalid(f"{here}.except[{index}]", text, "must be a strict subset of `cidr`"))
    return causes


def _network(text: str) -> Any:
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def _is_within(part: Any, whole: Any) -> bool:
    return bool(part.subnet_of(whole))


def endpoint_slice_causes(obj: EndpointSlice) -> list[Cause]:
    kinds = ("FQDN", "IPv4", "IPv6")
    if not obj.address_type:
        return [required("addressType")]
    if obj.address_type not in kinds:
        return [not_supported("addressType", obj.address_type, kinds)]
    causes: list[Cause] = []
    if len(obj.endpoints) > 1000:
        causes.append(too_many("endpoints", len(obj.endpoints), 1000))
    for index, endpoint in enumerate(obj.endpoints):
        here = f"endpoints[{index}].addresses"
        if not endpoint.addresses:
            causes.append(required(here, "must contain at least 1 address"))
        elif len(endpoint.addresses) > 100:
            causes.append(too_many(here, len(endpoint.addresses), 100))
        for number, address in enumerate(endpoint.addresses):
            where = f"{here}[{number}]"
            bad = _address_causes(address, obj.address_type, where)
            causes += bad if bad or _is_leader(obj) else _special_causes(address, where)
        if endpoint.hostname is not None:
            causes += by_rule(f"endpoints[{index}].hostname", endpoint.hostname, names.dns1123_label)
    if len(obj.ports) > 20000:
        causes.append(too_many("ports", len(obj.ports), 20000))
    seen: set[str] = set()
    for index, port in enumerate(obj.ports):
        here = f"ports[{index}]"
        name = port.name or ""
        if name:
            causes += by_rule(f"{here}.name", name, names.dns1123_label)
        if name in seen:
            causes.append(duplicate(f"{here}.name", name))
        seen.add(name)
        if not port.protocol:
            causes.append(required(f"{here}.protocol"))
        elif port.protocol not in PROTOCOLS:
            causes.append(not_supported(f"{here}.protocol", port.protocol, PROTOCOLS))
        if port.port is not None:
            causes += by_rule(f"{here}.port", port.port, names.port_number)
    return causes


def endpoint_slice_update_causes(new: EndpointSlice, old: EndpointSlice) -> list[Cause]:
    return endpoint_slice_causes(new) + immutable("addressType", new.address_type, old.address_type)


def _address_causes(address: str, kind: str, here: str) -> list[Cause]:
    if kind == "FQDN":
        return by_rule(here, address, names.dns1123_subdomain)
    causes = by_rule(here, address, names.ip_address)
    if not causes and (":" in address) != (kind == "IPv6"):
        causes.append(invalid(here, address, f"must be an {kind} address"))
    return causes


def _is_leader(obj: EndpointSlice | Endpoints) -> bool:
    """Where the leader is reached is its own affair: a board without a network has only its loopback."""
    return obj.metadata.name == "kubernetes" and obj.metadata.namespace == "default"


def _special_causes(address: str, here: str) -> list[Cause]:
    """What nobody may be sent to (core/validation:ValidateNonSpecialIP)."""
    if not _is_ip(address):
        return []
    ip = ipaddress.ip_address(address)
    for is_so, words in (
        (ip.is_unspecified, f"may not be unspecified ({ip})"),
        (ip.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (ip.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (
            ip.is_multicast and address.startswith(("224.0.0.", "ff02")),
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    ):
        if is_so:
            return [invalid(here, address, words)]
    return []


def endpoints_causes(obj: Endpoints) -> list[Cause]:
    causes: list[Cause] = []
    for index, subset in enumerate(obj.subsets):
        here = f"subsets[{index}]"
        if not subset.addresses and not subset.not_ready_addresses:
            causes.append(required(here, "must specify `addresses` or `notReadyAddresses`"))
        for place, addresses in (
            ("addresses", subset.addresses),
            ("notReadyAddresses", subset.not_ready_addresses),
        ):
            for number, address in enumerate(addresses):
                where = f"{here}.{place}[{number}].ip"
                bad = by_rule(where, address.ip, names.ip_address)
                causes += bad if bad or _is_leader(obj) else _special_causes(address.ip, where)
        for number, port in enumerate(subset.ports):
            where = f"{here}.ports[{number}]"
            if len(subset.ports) > 1 and not port.name:
                causes.append(required(f"{where}.name"))
            elif port.name:
                causes += by_rule(f"{where}.name", port.name, names.dns1123_label)
            causes += by_rule(f"{where}.port", port.port, names.port_number)
            if not port.protocol:
                causes.append(required(f"{where}.protocol"))
            elif port.protocol not in PROTOCOLS:
                causes.append(not_supported(f"{where}.protocol", port.protocol, PROTOCOLS))
    return causes


def endpoints_update_causes(new: Endpoints, old: Endpoints) -> list[Cause]:
    return [] if new.subsets == old.subsets else endpoints_causes(new)
