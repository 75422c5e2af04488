"""Shell: the asynchronous stage of admission: asks the configured webhooks about a write.

Enter: Attributes, after the built-in plugins. Leave: the object as mutating webhooks made it, or a refusal.
Called by the registry for every write; without configurations it costs one look into the store's memory.
Sources: kubernetes apiserver pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go.
"""

from __future__ import annotations

import base64
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
import trio

from pikube.api.admission_review import (
    BadReply,
    Denied,
    Facts,
    Reply,
    applies,
    call_failed,
    meets,
    reply_of,
    review,
    selects,
)
from pikube.api.cel import CelError
from pikube.api.cel_authorizer import Asking
from pikube.api.codec import from_builtins
from pikube.api.errors import ApiError, BadRequest, Forbidden
from pikube.api.kinds.admission import MutatingWebhookConfiguration, ValidatingWebhookConfiguration
from pikube.api.kinds.core_config import Namespace
from pikube.leader.request.admission import Attributes
from pikube.leader.request.authn import account_user
from pikube.leader.request.rbac import Rbac
from pikube.leader.request.reviews import info_of
from pikube.leader.request.route import Route
from pikube.leader.request.versions import Versions
from pikube.leader.service_route import NoRoute, ServiceRoutes
from pikube.leader.store.contract import Item, Key, Store
from pikube.wire.webhook import Target, WebhookCaller, WebhookFailed

log = logging.getLogger("pikube.webhooks")
Decode = Callable[[type[Any], Item], Any]


def target_of(client_config: Any, routes: ServiceRoutes, timeout_s: float) -> Target:
    """Where a WebhookClientConfig leads. Raises WebhookFailed."""
    ca = base64.b64decode(client_config.ca_bundle or "")
    query = f"timeout={timeout_s:g}s"
    service = client_config.service
    if service is not None:
        port = service.port or 443
        name = f"{service.name}.{service.namespace}.svc"
        path = "/" + (service.path or "").lstrip("/")
        url = f"https://{name}:{port}{path}?{query}"
        try:
            address = routes.address(service.namespace, service.name, port)
        except NoRoute as error:
            raise WebhookFailed(f'failed to call webhook: Post "{url}": {error}') from None
        return Target(url, f"{path}?{query}", address, name, ca)
    parts = urlsplit(client_config.url or "")
    path = f"{parts.path or '/'}?{parts.query + '&' if parts.query else ''}{query}"
    host = parts.hostname or ""
    return Target(f"{client_config.url}?{query}", path, (host, parts.port or 443), host, ca)


class Webhooks:
    """Knows the configurations by what the store holds; decodes each of them once."""

    def __init__(
        self,
        store: Store,
        decode: Decode,
        routes: ServiceRoutes,
        caller: WebhookCaller,
        versions: Versions,
        rbac: Rbac,
    ) -> None:
        self._store = store
        self._versions = versions
        self._decode = decode
        self._routes = routes
        self._caller = caller
        self._rbac = rbac
        self._known: dict[Key, tuple[int, Any]] = {}

    async def mutate(self, attributes: Attributes) -> bool:
        """Ask the mutating ones, in the order of their configurations' names; whether the object was changed."""
        hooks = self._hooks(MutatingWebhookConfiguration)
        if not hooks or attributes.operation == "CONNECT":  # its options are in a URL that nobody changes
            return False
        facts = self.facts(attributes)
        if facts.is_exempt:
            return False
        changed_after: dict[int, bool] = {}
        for number, hook in enumerate(hooks):
            if await self._mutate_once(hook, facts, attributes):
                changed_after = dict.fromkeys(range(number), True) | {number: False}
        for number, is_stale in changed_after.items():
            if is_stale and hooks[number].reinvocation_policy == "IfNeeded":
                await self._mutate_once(hooks[number], facts, attributes)
        if not changed_after:
            return False
        old_uid = attributes.obj.metadata.uid
        made = from_builtins(facts.obj or {}, attributes.info.cls)
        made.metadata.uid = made.metadata.uid or old_uid
        attributes.obj = made
        return True

    async def validate(self, attributes: Attributes) -> None:
        """Ask the validating ones, all at once; the first refusal in their order counts."""
        hooks = self._hooks(ValidatingWebhookConfiguration)
        if not hooks:
            return
        facts = self.facts(attributes)
        if facts.is_exempt:
            return
        wanted = [
            (hook, seen) for hook in hooks if (seen := await self._seen(hook, facts, attributes)) is not None
        ]
        refusals: dict[int, ApiError] = {}

        async def ask(number: int, hook: Any, seen: Facts) -> None:
            try:
                await self._ask(hook, seen, attributes)
            except ApiError as error:
                refusals[number] = error

        async with trio.open_nursery() as nursery:
            for number, (hook, seen) in enumerate(wanted):
                nursery.start_soon(ask, number, hook, seen)
        if refusals:
            raise refusals[min(refusals)]

    def facts(self, attributes: Attributes) -> Facts:
        """The write as documents."""
        namespace = attributes.namespace
        around = None
        if namespace and attributes.info.names.plural != "namespaces":
            item = self._store.get(Key(Namespace.names.resource, "", namespace))
            around = msgspec.json.decode(item.value) if item is not None else None
        kind = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}
        options = kind.get(attributes.operation, "")
        return Facts(
            operation=attributes.operation,
            names=attributes.info.names,
            subresource=attributes.subresource,
            namespace=namespace,
            name=attributes.name,
            obj=_document(attributes.obj),
            old=_document(attributes.old),
            user=msgspec.to_builtins(info_of(attributes.context.user)),
            is_dry_run=attributes.context.dry_run,
            options={"kind": options, "apiVersion": "meta.k8s.io/v1"} if options else {},
            namespace_object=around,
            kind=attributes.obj["kind"] if attributes.operation == "CONNECT" else "",
            asking=self._asking(attributes),
        )

    def _asking(self, attributes: Attributes) -> Asking:
        """What the one who writes, or a service account, may do beside this."""
        names = attributes.info.names
        resource = {"group": names.group, "resource": names.plural, "subresource": attributes.subresource}
        resource |= {"namespace": attributes.namespace, "name": attributes.name}

        def may(wish: Mapping[str, str], verb: str) -> str | None:
            user = attributes.context.user
            if account := wish.get("user"):
                user = account_user(account)
            if path := wish.get("path"):
                return self._rbac.reason(user, Route(verb, path, False))
            part = {
                key: wish.get(key, "") for key in ("group", "namespace", "resource", "name", "subresource")
            }
            return self._rbac.reason(user, Route(verb, "", True, version="v1", **part))

        return Asking(may, resource)

    def _hooks(self, cls: type[Any]) -> list[Any]:
        found: list[Any] = []
        for item in self._store.list(cls.names.resource).items:
            known = self._known.get(item.key)
            if known is None or known[0] != item.revision:
                known = self._known[item.key] = (item.revision, self._decode(cls, item))
            found += known[1].webhooks
        return found

    async def _seen(self, hook: Any, facts: Facts, attributes: Attributes) -> Facts | None:
        """The write as the webhook knows it; None when it is not asked. Raises Forbidden."""
        seen = await self._versions.seen(
            lambda facts: applies(hook.rules, facts), hook.match_policy, facts, attributes.info
        )
        return seen if seen is not None and self._is_asked(hook, seen) else None

    def _is_asked(self, hook: Any, facts: Facts) -> bool:
        """Raises Forbidden when a match condition cannot be evaluated and the failure policy is Fail."""
        if not selects(hook.namespace_selector, hook.object_selector, facts):
            return False
        try:
            return meets(hook.match_conditions, facts)
        except CelError as error:
            if hook.failure_policy == "Ignore":
                return False
            raise Forbidden(
                f'admission webhook "{hook.name}" match conditions cannot be evaluated: {error}'
            ) from None

    async def _mutate_once(self, hook: Any, facts: Facts, attributes: Attributes) -> bool:
        seen = await self._seen(hook, facts, attributes)
        if seen is None:
            return False
        reply = await self._ask(hook, seen, attributes)
        if reply.patched is None or seen.obj is None or reply.patched == seen.obj:
            return False
        facts.obj = await self._versions.returned(reply.patched, seen, attributes.info)
        return True

    async def _ask(self, hook: Any, facts: Facts, attributes: Attributes) -> Reply:
        """The permitting answer; Denied, or InternalError when there is none and the policy is Fail."""
        if facts.is_dry_run and hook.side_effects not in ("None", "NoneOnDryRun"):
            raise BadRequest(f"admission webhook {hook.name} does not support dry run")
        uid = str(uuid.uuid4())
        timeout_s = float(hook.timeout_seconds or 10)
        try:
            target = target_of(hook.client_config, self._routes, timeout_s)
            answer = await self._caller.post(target, review(facts, uid), timeout_s)
            reply = reply_of(answer, uid, hook.name, facts.obj)
        except Denied as denied:
            _warn(attributes, denied.warnings)
            raise
        except (WebhookFailed, BadReply) as error:
            if hook.failure_policy == "Ignore":
                log.warning("event=webhook_failed_open webhook=%s why=%r", hook.name, str(error))
                return Reply()
            raise call_failed(hook.name, str(error)) from None
        _warn(attributes, reply.warnings)
        for key, value in reply.audit.items():
            attributes.context.notes[f"{hook.name}/{key}"] = str(value)
        return reply


def _warn(attributes: Attributes, words: Sequence[str]) -> None:
    attributes.context.warnings.extend(words)


def _document(obj: Any) -> dict[str, Any] | None:
    if obj is None:
        return None
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(obj))
    return document
