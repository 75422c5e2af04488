"""Shell: custom objects in other versions, as the definition's conversion webhook makes them.

Enter: stored bytes, decoded objects. Leave: the same in another version. A view is asked without waiting, so whoever
reads or writes has the webhook asked first: `Registry.ready` and `Registry._write` do. Sources: kubernetes
apiextensions-apiserver pkg/apiserver/conversion/webhook_converter.go.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec

from pikube.api.custom.kinds import SameContent, as_defined, is_after, revision_of
from pikube.api.custom.objects import CustomObject
from pikube.api.custom.shaping import fill, prune
from pikube.api.errors import InternalError
from pikube.api.kinds.extensions import CustomResourceDefinition
from pikube.api.views import View
from pikube.leader.request.webhooks import target_of
from pikube.leader.service_route import ServiceRoutes
from pikube.wire.webhook import WebhookCaller, WebhookFailed

KEPT = 512  # conversions of one version; a page of 500 objects is converted once and then shown
TIMEOUT_S = 30.0  # webhook_converter.go: conversions have no timeout of their own


class Conversions:
    """Makes the views of definitions whose strategy is Webhook; implements pikube.api.custom.kinds.Converter."""

    def __init__(self, routes: ServiceRoutes, caller: WebhookCaller) -> None:
        self._routes = routes
        self._caller = caller

    def __call__(
        self, crd: CustomResourceDefinition, cls: type[CustomObject], stored: type[CustomObject]
    ) -> View:
        conversion = crd.spec.conversion
        webhook = conversion.webhook if conversion is not None and conversion.strategy == "Webhook" else None
        if webhook is None or webhook.client_config is None:
            return SameContent(cls, stored, revision_of(crd))
        return WebhookView(self, webhook.client_config, cls, stored, revision_of(crd))

    async def convert(
        self, client_config: Any, cls: type[CustomObject], documents: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """The documents in the version of `cls`. Raises InternalError."""
        uid = str(uuid.uuid4())
        request = {"uid": uid, "desiredAPIVersion": cls.names.api_version, "objects": list(documents)}
        body = {"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1", "request": request}
        failed = f"conversion webhook for {documents[0].get('apiVersion')}, Kind={cls.names.kind} failed: "
        try:
            target = target_of(client_config, self._routes, TIMEOUT_S)
            answer = await self._caller.post(target, msgspec.json.encode(body), TIMEOUT_S)
            response = msgspec.json.decode(answer).get("response") or {}
        except (WebhookFailed, msgspec.DecodeError, AttributeError) as error:
            raise InternalError(failed + str(error)) from None
        result = response.get("result") or {}
        converted = response.get("convertedObjects") or []
        if response.get("uid") != uid:
            raise InternalError(f'{failed}expected response.uid="{uid}", got "{response.get("uid", "")}"')
        if result.get("status") != "Success":
            raise InternalError(failed + str(result.get("message") or "unknown reason"))
        if len(converted) != len(documents):
            words = f"webhook returned {len(converted)} objects, expected {len(documents)}"
            raise InternalError(failed + words)
        return [_as_wished(made, given, cls) for made, given in zip(converted, documents, strict=True)]


def _as_wished(made: Any, given: dict[str, Any], cls: type[CustomObject]) -> dict[str, Any]:
    """A conversion may change labels and annotations, nothing else of the metadata."""
    if not isinstance(made, dict) or made.get("apiVersion") != cls.names.api_version:
        raise InternalError(
            f"the conversion webhook returned an object that is not of {cls.names.api_version}"
        )
    meta = dict(given.get("metadata") or {})
    theirs = made.get("metadata") or {}
    for name in ("labels", "annotations"):
        meta.pop(name, None)
        if theirs.get(name):
            meta[name] = theirs[name]
    return {**made, "metadata": meta}


class WebhookView:
    """One version over the stored one. `prepare` and `prepare_stored` ask the webhook, the others only look up."""

    def __init__(
        self,
        conversions: Conversions,
        client_config: Any,
        cls: type[CustomObject],
        stored: type[CustomObject],
        since: int,
    ) -> None:
        self._conversions = conversions
        self._client_config = client_config
        self._cls = cls
        self._stored = stored
        self._since = since
        self._head = b'{"apiVersion":"%s",' % cls.names.api_version.encode()
        self._shown: OrderedDict[bytes, bytes] = OrderedDict()
        self._kept: OrderedDict[bytes, CustomObject] = OrderedDict()

    async def prepare(self, values: Sequence[bytes]) -> None:
        """Have these shown, until the next wait: others may come meanwhile and push out what was there."""
        wanted = [value for value in dict.fromkeys(values) if not value.startswith(self._head)]
        while missing := [value for value in wanted if value not in self._shown]:
            documents = [msgspec.json.decode(value) for value in missing]
            made = await self._conversions.convert(self._client_config, self._cls, documents)
            for value in wanted:
                if value in self._shown:
                    self._shown.move_to_end(value)
            for value, document in zip(missing, made, strict=True):
                obj = self._cls.read(document)
                prune(obj, self._cls.facts.schema)
                fill(obj, self._cls.facts.schema)
                _keep(self._shown, value, msgspec.json.encode(obj), max(KEPT, len(wanted)))

    async def prepare_stored(self, obj: CustomObject) -> None:
        """Have this object stored."""
        if self._cls is self._stored:
            return
        value = msgspec.json.encode(obj)
        document = msgspec.json.decode(value)
        made = await self._conversions.convert(self._client_config, self._stored, [document])
        _keep(self._kept, value, self._stored.read(made[0]), KEPT)

    def shown(self, value: bytes) -> bytes:
        if not value.startswith(self._head):
            return self._shown[value]
        return value if is_after(value, self._since) else as_defined(value, self._cls)

    def stored(self, obj: CustomObject) -> CustomObject:
        if self._cls is self._stored:
            return obj
        return self._kept.pop(msgspec.json.encode(obj))


def _keep(kept: OrderedDict[bytes, Any], key: bytes, value: Any, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)
