"""Shell: a write as another version of its kind words it, for webhooks and policies that know only that one.

Enter: the facts of a write and what a rule is about. Leave: the facts in the version that the rule names
(`matchPolicy: Equivalent`, which is the default), and objects back in the version of the request. Called by webhooks
and policies. Source: kubernetes apiserver pkg/admission/plugin/webhook/generic/webhook.go:ShouldCallHook.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from pikube.api.admission_review import Facts
from pikube.api.codec import from_builtins
from pikube.api.scheme import KindInfo, Scheme

Document = dict[str, Any]


class Versions:
    """Asks a conversion webhook where the kind has one."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme

    async def seen(
        self, is_about: Callable[[Facts], bool], match_policy: str | None, facts: Facts, info: KindInfo
    ) -> Facts | None:
        """The write as whoever `is_about` it knows it; None when it does not concern him."""
        if is_about(facts):
            return facts
        if match_policy == "Exact" or facts.operation == "CONNECT":
            return None
        for other in self._others(info):
            if is_about(replace(facts, names=other.names)):
                return replace(
                    facts,
                    names=other.names,
                    requested=facts.names,
                    obj=await self.converted(facts.obj, info, other),
                    old=await self.converted(facts.old, info, other),
                )
        return None

    async def returned(self, document: Document, seen: Facts, info: KindInfo) -> Document:
        """What was made of an object that was `seen` in another version, in that of the request."""
        if seen.requested is None:
            return document
        other = self._scheme.by_kind(seen.names.group, seen.names.version, seen.names.kind)
        assert other is not None
        made = await self.converted(document, other, info)
        assert made is not None
        return made

    async def converted(self, document: Document | None, info: KindInfo, other: KindInfo) -> Document | None:
        """A document of one version as one of the other."""
        if document is None:
            return None
        obj: Any = from_builtins(document, info.cls)
        if info.view is not None:
            if hasattr(info.view, "prepare_stored"):
                await info.view.prepare_stored(obj)
            obj = info.view.stored(obj)
        value = msgspec.json.encode(obj)
        prepare = getattr(other.view, "prepare", None)
        if prepare is not None:
            await prepare([value])
        made: Document = msgspec.json.decode(other.shown(value))
        return made

    def _others(self, info: KindInfo) -> list[KindInfo]:
        return [other for other in self._scheme if other.storage == info.storage and other is not info]
