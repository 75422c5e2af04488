"""Pure: may this board become that node? Names, keys and addresses against what the cluster knows.

Enter: a join or renewal request, the hash of its key, the Node of that name and everybody's addresses. Leave: the
Node to write, or the ApiError that says why not. Called by joining.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import ip_address

from msgspec import structs

from pikube.api.errors import AlreadyExists, ApiError, BadRequest, Forbidden
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.names import dns1123_subdomain
from pikube.certs.enrolment import KEY_ANNOTATION, MACHINE_ANNOTATION, JoinRequest, RenewRequest

RESERVED_LABELS = ("node-restriction.kubernetes.io/", "node-role.kubernetes.io/")


def name_problem(name: str, leader_names: Collection[str]) -> str:
    """Why a board may not be called that; '' when it may.

    Its serving certificate will hold the name: one that the leader answers to would let the board pass for it.
    """
    problems = dns1123_subdomain(name)
    if problems:
        return f"{name!r} cannot be a node's name: {problems[0]}"
    first, *rest = name.split(".")
    if name in leader_names or first in ("kubernetes", "localhost") or "svc" in rest:
        return f"a node cannot be called {name!r}: the leader answers to that name"
    return ""


def admit(
    request: JoinRequest,
    key: str,
    node: Node | None,
    leader_names: Collection[str],
    leader_node: str,
    *,
    is_approved: bool = False,
) -> Node:
    """The Node to create or update; `is_approved` by a person, not by a token alone. Raises ApiError."""
    problem = name_problem(request.node, leader_names)
    if problem:
        raise BadRequest(problem)
    if node is None:
        labels = {k: v for k, v in request.labels.items() if not k.startswith(RESERVED_LABELS)}
        made = Node(metadata=ObjectMeta(name=request.node, labels=labels))
        made.spec.taints = request.taints
        return with_key(made, key, str(request.machine))
    known = node.metadata.annotations.get(KEY_ANNOTATION, "")
    if known == key:
        return with_key(node, key, str(request.machine))
    if request.node == leader_node:
        raise name_taken(node, "choose another one with --node-name")
    if request.replace and known and not is_approved:
        raise Forbidden(
            f"to take the place of {request.node} this board needs a person's approval, which a token is not: run "
            "`pikube join --replace` without --token, and approve it on the leader with `pikube pair`"
        )
    if request.replace and known:
        return with_key(node, key, str(request.machine))
    raise name_taken(
        node,
        f"if this board takes its place, add --replace; else choose another name with --node-name, or remove the "
        f"old one with `kubectl delete node {request.node}`",
    )


def name_taken(node: Node, cure: str) -> ApiError:
    """There is another board of that name."""
    machine = node.metadata.annotations.get(MACHINE_ANNOTATION, "")
    who = f" ({machine})" if machine else ""
    return AlreadyExists(f"there is another board called {node.metadata.name} in this cluster{who}: {cure}")


def with_key(node: Node, key: str, machine: str) -> Node:
    """The Node with another key, or another machine that has it."""
    annotations = {**node.metadata.annotations, KEY_ANNOTATION: key, MACHINE_ANNOTATION: machine}
    return structs.replace(node, metadata=structs.replace(node.metadata, annotations=annotations))


def is_board_of(node: Node | None, key: str) -> bool:
    """Whether this key speaks for the node."""
    return bool(key) and node is not None and node.metadata.annotations.get(KEY_ANNOTATION, "") == key


def check_renewal(request: RenewRequest, key: str, node: Node | None) -> None:
    """Forbidden unless the key is the node's."""
    if not is_board_of(node, key):
        raise Forbidden(
            f"this board is no longer the node {request.node} of this cluster: it was deleted, replaced or revoked"
        )


def serving_names(name: str, peer: str, claimed: Iterable[str], others: Collection[str]) -> set[str]:
    """The SANs of a node's serving certificate: its name, where it called from, and the addresses that it says it
    has, but for those that are somebody else's."""
    names = {name}
    for address in (peer, *claimed):
        try:
            parsed = ip_address(address)
        except ValueError:
            continue
        if str(parsed) not in others and not (
            parsed.is_loopback or parsed.is_multicast or parsed.is_unspecified
        ):
            names.add(str(parsed))
    return names


def addresses_of_others(nodes: Iterable[Node], name: str) -> set[str]:
    """The addresses of all nodes but one."""
    return {
        address.address
        for node in nodes
        if node.metadata.name != name
        for address in node.status.addresses
        if address.type != "Hostname"
    }
