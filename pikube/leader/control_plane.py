"""Shell: builds the control plane around an open store: registry, identity, handler.

Enter: the store, the signing key, settings. Leaves: a ControlPlane, whose parts run.py puts to work.
"""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import trio

from pikube.api.kinds.authentication import TokenRequest
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.extensions import CustomResourceDefinition
from pikube.api.kinds.meta import Object
from pikube.api.scheme import KindInfo, Scheme
from pikube.api.served import SERVED
from pikube.config import Settings
from pikube.leader.audit import AuditLog
from pikube.leader.board_keys import BoardKeys
from pikube.leader.controllers.custom_scale import FindScale
from pikube.leader.custom_kinds import CustomKinds
from pikube.leader.custom_scales import find_scale
from pikube.leader.local_client import LocalClient
from pikube.leader.request.admission import Chain
from pikube.leader.request.aggregation import Aggregator
from pikube.leader.request.allocation import ServiceAllocator
from pikube.leader.request.authz import Either
from pikube.leader.request.certificate_requests import CertificateRequests
from pikube.leader.request.context import LEADER, Context, User
from pikube.leader.request.conversion import Conversions
from pikube.leader.request.counts import RequestCounts
from pikube.leader.request.documents import Documents, Health
from pikube.leader.request.escalation import RoleEscalation
from pikube.leader.request.gates import Gates
from pikube.leader.request.handler import ApiHandler, ApiParts, Desk, Measured, Streams
from pikube.leader.request.issuer_documents import issuer_documents
from pikube.leader.request.limits import LimitRanger
from pikube.leader.request.new_nodes import NewNodes
from pikube.leader.request.node_authorizer import NodeAuthorizer
from pikube.leader.request.node_graph import NodeGraph
from pikube.leader.request.node_restriction import NodeRestriction, check_token
from pikube.leader.request.one_machine import OneMachine
from pikube.leader.request.plugins import DefaultTolerations, standard_plugins
from pikube.leader.request.pod_security import PodSecurity
from pikube.leader.request.policies import PoliciesAndWebhooks
from pikube.leader.request.quota import QuotaAdmission
from pikube.leader.request.rbac import Rbac
from pikube.leader.request.registry import Registry, selectable
from pikube.leader.request.reviews import Reviewer
from pikube.leader.request.subresources import Subresources
from pikube.leader.request.turns import Turns
from pikube.leader.request.versions import Versions
from pikube.leader.request.webhooks import Webhooks
from pikube.leader.service_route import ServiceRoutes
from pikube.leader.service_tokens import ServiceTokens, Signer
from pikube.leader.static_tokens import BadTokenFile, read_token_file, with_tokens
from pikube.leader.store.contract import Item, Key, Selectable, Store
from pikube.wire.webhook import WebhookCaller


def stored_kinds(scheme: Scheme) -> dict[str, KindInfo]:
    """By the store's name of each kind, the version that is stored."""
    found: dict[str, KindInfo] = {}
    for info in scheme:
        if not info.is_review and not info.is_measured and info.stored_in is None:
            found.setdefault(info.names.resource, info)
    return found


def describer(scheme: Scheme) -> Callable[[Key, bytes], tuple[str, Selectable]]:
    """How the store reads uid, labels and fields of what it loads at start."""
    kinds = stored_kinds(scheme)

    def describe(key: Key, value: bytes) -> tuple[str, Selectable]:
        info = kinds.get(key.resource)
        if info is None:  # a custom resource, whose definition may not be loaded yet
            meta = msgspec.json.decode(value, type=Object).metadata
            named = {"metadata.name": key.name}
            if key.namespace:
                named["metadata.namespace"] = key.namespace
            return meta.uid, Selectable(meta.labels, named)
        obj: Any = msgspec.json.decode(value, type=info.cls)
        return obj.metadata.uid, selectable(info, obj)

    return describe


def ephemeral_resources(scheme: Scheme) -> frozenset[str]:
    """What lives in memory only."""
    return frozenset(info.names.resource for info in scheme if info.is_ephemeral)


def make_scheme() -> Scheme:
    return Scheme(SERVED)


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """The parts that run.py hands to others."""

    scheme: Scheme
    registry: Registry
    client: LocalClient
    tokens: ServiceTokens
    keys: BoardKeys
    one_machine: OneMachine
    custom_kinds: CustomKinds
    find_scale: FindScale
    counts: RequestCounts
    _make_handler: Callable[
        [
            Streams,
            Measured | None,
            Desk | None,
            NodeGraph | None,
            Callable[[], bytes],
            Turns | None,
            Aggregator | None,
        ],
        ApiHandler,
    ]
    aclose: Callable[[], Awaitable[None]]
    """Ends what it holds open: connections to webhooks."""

    def aggregator(self, front_proxy: Path, wall_clock: Callable[[], float]) -> Aggregator:
        """Hands requests on to the APIs of others, with this certificate."""
        registry, scheme = self.registry, self.scheme

        def decode(cls: type[Any], item: Item) -> Any:
            return registry.decode(scheme.by_class(cls), item)

        return Aggregator(registry.store, decode, self.client, front_proxy, wall_clock)

    def handler(
        self,
        streams: Streams,
        measured: Measured | None = None,
        desk: Desk | None = None,
        graph: NodeGraph | None = None,
        metrics: Callable[[], bytes] = bytes,
        turns: Turns | None = None,
        aggregator: Aggregator | None = None,
    ) -> ApiHandler:
        """The API, with the way to the boards' kubelets and to what they measure, and what each board's pods use."""
        return self._make_handler(streams, measured, desk, graph, metrics, turns, aggregator)


def _named_tokens(path: str) -> dict[bytes, User]:
    """Those of --token-auth-file. Raises BadTokenFile."""
    if not path:
        return {}
    try:
        return read_token_file(Path(path).read_text(), path)
    except (OSError, UnicodeDecodeError) as error:
        raise BadTokenFile(f"the token file {path} cannot be read: {error}") from None


def build_control_plane(
    scheme: Scheme,
    store: Store,
    signer: Signer,
    settings: Settings,
    address: str,
    health: Health,
    wall_clock: Callable[[], float],
) -> ControlPlane:
    """Wire the request path, which is reached at `address`, host and port. Reads existing Services to know which
    addresses are taken."""

    def decode(cls: type[Any], item: Item) -> Any:
        return registry.decode(scheme.by_class(cls), item)

    def node_uid(name: str) -> str:
        item = store.get(Key(Node.names.resource, "", name))
        return item.uid if item is not None else ""

    definitions = scheme.by_class(CustomResourceDefinition)
    caller = WebhookCaller()
    routes = ServiceRoutes(store, decode)
    custom_kinds = CustomKinds(
        scheme,
        (
            msgspec.json.decode(item.value, type=CustomResourceDefinition)
            for item in store.list(definitions.storage).items
        ),
        Conversions(routes, caller),
        store.end_watches,
    )
    one_machine = OneMachine(trio.current_time)
    plugins: list[Any] = [
        NodeRestriction(node_uid),
        one_machine,
        *standard_plugins(
            store,
            decode,
            DefaultTolerations(
                settings.default_not_ready_toleration_seconds, settings.default_unreachable_toleration_seconds
            ),
        ),
        LimitRanger(store, decode),
        Gates(),
        NewNodes(),
        PodSecurity(store, decode),
    ]
    services = scheme.by_class(Service)
    existing = (
        msgspec.json.decode(item.value, type=Service) for item in store.list(services.names.resource).items
    )
    rbac = Rbac(store, decode)
    plugins.append(RoleEscalation(rbac))
    plugins.append(CertificateRequests(rbac))
    plugins.append(ServiceAllocator(settings.service_cidr, settings.node_ports, existing, random.randrange))
    plugins.append(QuotaAdmission(store, decode))
    counts = RequestCounts()
    versions = Versions(scheme)
    registry = Registry(
        store,
        Chain(plugins),
        PoliciesAndWebhooks(
            store, scheme, decode, Webhooks(store, decode, routes, caller, versions, rbac), versions
        ),
        new_uid=_new_uid,
        random_digits=_five_digits,
    )
    tokens = ServiceTokens(signer, store, wall_clock, _new_uid)
    read_token = with_tokens(_named_tokens(settings.token_auth_file), tokens.read)

    def find_pod(namespace: str, name: str) -> Pod | None:
        item = store.get(Key(Pod.names.resource, namespace, name))
        return decode(Pod, item) if item is not None else None

    def issue_token(namespace: str, name: str, request: TokenRequest, context: Context) -> TokenRequest:
        check_token(context.user, namespace, name, request, find_pod)
        return tokens.issue(namespace, name, request, context)

    subresources = Subresources(registry, scheme, issue_token)
    keys = BoardKeys(store, decode, wall_clock)

    def make_handler(
        streams: Streams,
        measured: Measured | None,
        desk: Desk | None,
        graph: NodeGraph | None,
        metrics: Callable[[], bytes],
        turns: Turns | None,
        aggregator: Aggregator | None,
    ) -> ApiHandler:
        authorizer = Either(NodeAuthorizer(graph.reaches), rbac) if graph is not None else rbac
        return ApiHandler(
            ApiParts(
                scheme=scheme,
                registry=registry,
                subresources=subresources,
                documents=Documents(
                    scheme,
                    address,
                    health,
                    metrics,
                    (lambda: aggregator.known) if aggregator is not None else tuple,
                    issuer=issuer_documents(address, signer.key_set()),
                ),
                streams=streams,
                measured=measured,
                desk=desk,
                authorizer=authorizer,
                read_token=read_token,
                may_be_anonymous=settings.anonymous_auth,
                read_certificate=keys.user_of,
                review=Reviewer(rbac, authorizer, read_token),
                wall_clock=wall_clock,
                counts=counts,
                turns=turns,
                aggregator=aggregator,
                audit=AuditLog(Path(settings.audit_log)).record if settings.audit_log else None,
            )
        )

    client = LocalClient(registry, scheme, subresources, LEADER, wall_clock, Reviewer(rbac, rbac, read_token))
    return ControlPlane(
        scheme, registry, client, tokens, keys, one_machine, custom_kinds, find_scale(scheme, registry), counts,
        make_handler, caller.aclose,
    )  # fmt: skip


def _new_uid() -> str:
    """A random UUID (RFC 9562 §5.4), in a third of the time that `uuid` takes."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _five_digits() -> Sequence[int]:
    return [random.randrange(1 << 16) for _ in range(5)]
