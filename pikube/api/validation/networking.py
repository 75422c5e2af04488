"""Pure: what is wrong with Ingresses, their classes and NetworkPolicies.

Source: kubernetes pkg/apis/networking/validation.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.core_references import TypedLocalObjectReference
from pikube.api.kinds.networking import (
    HTTPIngressPath,
    Ingress,
    IngressBackend,
    IngressClass,
    IngressClassParametersReference,
    IngressRule,
    IPBlock,
    NetworkPolicy,
    NetworkPolicyPeer,
    NetworkPolicyPort,
)
from pikube.api.validation.causes import (
    by_rule,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    too_long,
)
from pikube.api.validation.selectors import selector_causes

PROTOCOLS = ("TCP", "UDP", "SCTP")
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
NO_RULES = "either `defaultBackend` or `rules` must be specified"
NO_NAME = "must be a DNS name, not an IP address"
BAD_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def ingress_causes(obj: Ingress) -> list[Cause]:
    causes = ingress_spec_causes(obj)
    named = obj.metadata.annotations.get(CLASS_ANNOTATION)
    if named is not None and obj.spec.ingress_class_name not in (None, named):
        words = "must match `ingressClassName` when both are specified"
        causes.append(invalid(f"annotations.{CLASS_ANNOTATION}", named, words))
    return causes


def ingress_spec_causes(obj: Ingress) -> list[Cause]:
    spec = obj.spec
    causes: list[Cause] = []
    if not spec.rules and spec.default_backend is None:
        causes.append(invalid("spec", None, NO_RULES))
    if spec.default_backend is not None:
        causes += _backend_causes(spec.default_backend, "spec.defaultBackend")
    for index, rule in enumerate(spec.rules):
        causes += _host_rule_causes(rule, f"spec.rules[{index}]")
    for index, tls in enumerate(spec.tls):
        for number, host in enumerate(tls.hosts):
            causes += by_rule(f"spec.tls[{index}].hosts[{number}]", host, _host_rule(host))
        if tls.secret_name:
            causes += by_rule(f"spec.tls[{index}].secretName", tls.secret_name, names.dns1123_subdomain)
    if spec.ingress_class_name is not None:
        causes += by_rule("spec.ingressClassName", spec.ingress_class_name, names.dns1123_subdomain)
    return causes


def _host_rule_causes(rule: IngressRule, here: str) -> list[Cause]:
    causes: list[Cause] = []
    if rule.host:
        if is_ip(rule.host):
            causes.append(invalid(f"{here}.host", rule.host, NO_NAME))
        causes += by_rule(f"{here}.host", rule.host, _host_rule(rule.host))
    if rule.http is None:
        return causes
    if not rule.http.paths:
        causes.append(required(f"{here}.http.paths"))
    for number, path in enumerate(rule.http.paths):
        causes += _path_causes(path, f"{here}.http.paths[{number}]")
    return causes


def ingress_update_causes(new: Ingress, old: Ingress) -> list[Cause]:
    return [] if new.spec == old.spec else ingress_spec_causes(new)


def ingress_status_causes(new: Ingress, old: Ingress) -> list[Cause]:
    """Where a controller says that it answers; addresses that were there before may stay."""
    known = {point.ip for point in old.status.load_balancer.ingress}
    causes: list[Cause] = []
    for index, point in enumerate(new.status.load_balancer.ingress):
        here = f"status.loadBalancer.ingress[{index}]"
        if point.ip and point.ip not in known:
            causes += by_rule(f"{here}.ip", point.ip, names.ip_address)
        if point.hostname:
            causes += by_rule(f"{here}.hostname", point.hostname, names.dns1123_subdomain)
            if is_ip(point.hostname):
                causes.append(invalid(f"{here}.hostname", point.hostname, NO_NAME))
    return causes


def _host_rule(host: str) -> Any:
    return names.wildcard_dns1123_subdomain if "*" in host else names.dns1123_subdomain


def is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _path_causes(path: HTTPIngressPath, here: str) -> list[Cause]:
    causes: list[Cause] = []
    if path.path_type is None:
        return [required(f"{here}.pathType", "pathType must be specified")]
    if path.path_type in ("Exact", "Prefix"):
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
        return _reference_causes(resource, f"{here}.resource")
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


def _reference_causes(
    ref: TypedLocalObjectReference | IngressClassParametersReference, here: str
) -> list[Cause]:
    causes: list[Cause] = []
    if ref.api_group is not None:
        causes += by_rule(f"{here}.apiGroup", ref.api_group, names.dns1123_subdomain)
    for name, value in (("kind", ref.kind), ("name", ref.name)):
        causes += (
            by_rule(f"{here}.{name}", value, names.path_segment_name)
            if value
            else [required(f"{here}.{name}")]
        )
    return causes


def ingress_class_causes(obj: IngressClass) -> list[Cause]:
    causes = _controller_causes(obj.spec.controller, "spec.controller")
    parameters, here = obj.spec.parameters, "spec.parameters"
    if parameters is None:
        return causes
    causes += _reference_causes(parameters, here)
    scope, namespace = parameters.scope, parameters.namespace
    if scope is None:
        causes.append(required(f"{here}.scope"))
    elif scope not in ("Cluster", "Namespace"):
        causes.append(not_supported(f"{here}.scope", scope, ("Cluster", "Namespace")))
    elif scope == "Namespace" and namespace is None:
        causes.append(required(f"{here}.namespace", "`parameters.scope` is set to 'Namespace'"))
    elif scope == "Namespace" and namespace is not None:
        causes += by_rule(f"{here}.namespace", namespace, names.dns1123_label)
    elif namespace is not None:
        causes.append(forbidden(f"{here}.namespace", "`parameters.scope` is set to 'Cluster'"))
    return causes


def _controller_causes(controller: str, here: str) -> list[Cause]:
    if not controller:
        return [required(here)]
    causes = [too_long(here, 250)] if len(controller) > 250 else []
    domain, slash, path = controller.partition("/")
    if not slash or not domain or not path:
        words = 'must be a domain-prefixed path (such as "acme.io/foo")'
        return [*causes, invalid(here, controller, words)]
    causes += [invalid(here, domain, word) for word in names.dns1123_subdomain(domain)]
    return causes + [invalid(here, path, word) for word in names.http_path(path)]


def ingress_class_update_causes(new: IngressClass, old: IngressClass) -> list[Cause]:
    return immutable("spec.controller", new.spec.controller, old.spec.controller) + ingress_class_causes(new)


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
            here = f"spec.policyTypes[{index}]"
            causes.append(not_supported(here, word, ("Ingress", "Egress"), is_sorted=False))
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
        causes.append(not_supported(f"{here}.protocol", port.protocol, PROTOCOLS, is_sorted=False))
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
    if peer.ip_block is not None:
        causes += _block_causes(peer.ip_block, f"{here}.ipBlock")
    kinds = [part for part in (peer.pod_selector, peer.namespace_selector, peer.ip_block) if part is not None]
    if not kinds:
        causes.append(required(here, "must specify a peer"))
    elif len(kinds) > 1 and peer.ip_block is not None:
        causes.append(forbidden(here, "may not specify both ipBlock and another peer"))
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
    if not text.partition("/")[2].isdigit():
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_within(part: Any, whole: Any) -> bool:
    return bool(part.subnet_of(whole))
