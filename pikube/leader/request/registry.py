"""Shell: the objects of the API: decoded objects in, stored items out, every rule of a write in between.

    create  →  metadata → defaults → managed fields → admission → validation → store
    update  →  carry over what the server owns → the same → store, at the revision that was read
    delete  →  preconditions → grace, finalizers → mark or remove

Called by the HTTP handlers and by the leader's own client, so that both follow the same rules. The
objects handed in belong to the registry from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pikube.api.custom.objects import CustomObject, read_hook
from pikube.api.errors import AlreadyExists, BadRequest, Cause, Conflict, Invalid, NotFound, Unexpected
from pikube.api.kinds.core_pod import Pod
from pikube.api.managed_fields import keep_readable, track_update
from pikube.api.names import generated_name
from pikube.api.options import uint_problem
from pikube.api.quantity import QuantityError
from pikube.api.scheme import KindInfo
from pikube.api.validation.pods import pod_door_causes, pod_resize_causes
from pikube.leader.request.admission import Attributes, Chain, DynamicAdmission
from pikube.leader.request.context import LEADER, Context, DeleteWish
from pikube.leader.request.deletion import Verdict, begin_deletion, is_finished
from pikube.leader.request.metadata import (
    count_generation,
    dedup_owners,
    keep_times,
    match_name,
    match_namespace,
    metadata_causes,
    metadata_update_causes,
    prepare_create,
    prepare_update,
)
from pikube.leader.request.selection import Filter, Page, page_of, take
from pikube.leader.store.contract import Draft, Item, Key, Selectable, Store

ATTEMPTS = 8  # for generated names that collide and changes that meet a newer object

encode = msgspec.json.encode


def key_for(info: KindInfo, namespace: str, name: str) -> Key:
    """Where the store keeps it."""
    return Key(info.storage, namespace if info.names.namespaced else "", name)


def selectable(info: KindInfo, obj: Any) -> Selectable:
    """What selectors look at."""
    meta = obj.metadata
    fields = info.select(obj)
    fields["metadata.name"] = meta.name
    if info.names.namespaced:
        fields["metadata.namespace"] = meta.namespace
    return Selectable(meta.labels, fields)


class Registry:
    """`new_uid` and `random_digits` are the only randomness; the time comes with each Context."""

    def __init__(
        self,
        store: Store,
        admission: Chain,
        dynamic: DynamicAdmission,
        *,
        new_uid: Callable[[], str],
        random_digits: Callable[[], Sequence[int]],
    ) -> None:
        self.store = store
        self._admission = admission
        self._dynamic = dynamic
        self._new_uid = new_uid
        self._random_digits = random_digits
        self._decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {}

    def decode(self, info: KindInfo, item: Item, cls: type[Any] | None = None) -> Any:
        """A private copy of the stored object, as the kind's class or another one of the same shape."""
        is_head = cls is not None and cls is not info.cls and issubclass(info.cls, CustomObject)
        return self._decoder(cls or info.cls).decode(item.value if is_head else info.shown(item.value))

    async def ready(self, info: KindInfo, items: Sequence[Item]) -> None:
        """Before items are decoded or shown: have a conversion webhook asked, if the kind has one."""
        prepare = getattr(info.view, "prepare", None)
        if prepare is not None and items:
            await prepare([item.value for item in items])

    async def page(
        self, info: KindInfo, namespace: str | None, filter_: Filter, *, limit: int = 0, **wish: str
    ) -> Page:
        """The page of a list that a client asked for; `wish` as `selection.take` has it."""
        snapshot = take(self.store, info, namespace, filter_, limit=limit, **wish)
        if filter_.asks:
            await self.ready(info, snapshot.items)
        return page_of(snapshot, filter_, limit)

    def _decoder(self, cls: type[Any]) -> msgspec.json.Decoder[Any]:
        if issubclass(cls, CustomObject):  # such classes come and go
            return msgspec.json.Decoder(cls, dec_hook=read_hook)
        decoder = self._decoders.get(cls)
        if decoder is None:
            decoder = self._decoders[cls] = msgspec.json.Decoder(cls)
        return decoder

    def find(self, info: KindInfo, namespace: str, name: str) -> Item | None:
        """The newest item, if there is one."""
        return self.store.get(key_for(info, namespace, name))

    def get(self, info: KindInfo, namespace: str, name: str) -> Item:
        """The newest item, or NotFound."""
        item = self.find(info, namespace, name)
        if item is None:
            raise NotFound.of(info.resource, name)
        return item

    async def create(
        self, info: KindInfo, namespace: str, obj: Any, context: Context, *, is_tracked: bool = True
    ) -> Item:
        """Store a new object; AlreadyExists, Invalid, Forbidden."""
        wanted = obj.metadata.name
        prefix = obj.metadata.generate_name
        prepare_create(info, obj, namespace, self._new_uid(), context.now)
        context.warnings.extend(dedup_owners(obj))
        for attempt in range(ATTEMPTS):
            if not wanted and prefix:
                obj.metadata.name = generated_name(prefix, self._random_digits())
            try:
                return await self._create_once(info, obj, context, is_tracked)
            except AlreadyExists:
                if wanted or not prefix or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    async def _create_once(self, info: KindInfo, obj: Any, context: Context, is_tracked: bool) -> Item:
        meta = obj.metadata
        if self.store.get(key_for(info, meta.namespace, meta.name)) is not None:
            raise AlreadyExists.of(info.resource, meta.name)  # before admission hands anything out
        _default(info, obj)
        if is_tracked and context.manager and not info.is_ephemeral:
            # what admission adds is nobody's: an apply that leaves it out must not remove it
            track_update(None, obj, info.cls, context.manager, context.now, reset=resets(info, ""))
        context.warnings.extend(info.prepare(obj))
        attributes = Attributes("CREATE", info, meta.namespace, meta.name, "", obj, None, context)
        try:
            self._admission.admit(attributes)
        except Invalid:
            # addresses and ports are given out last upstream: what is wrong in itself is said first
            _raise_if(info, obj, metadata_causes(info, obj) + info.validate(obj))
            raise
        is_stored = False
        try:
            obj = await self._mutated(attributes)
            meta = obj.metadata
            _raise_if(info, obj, metadata_causes(info, obj) + info.validate(obj))
            context.warnings.extend(info.warn(obj, None))
            self._admission.validate(attributes)
            await self._dynamic.validate(attributes)
            item = await self._write(info, obj, None, context)
            is_stored = not context.dry_run
            return item
        except AlreadyExists:
            raise AlreadyExists.of(info.resource, meta.name) from None
        finally:
            self._admission.settle(attributes, is_stored)

    async def _mutated(self, attributes: Attributes) -> Any:
        """The object as mutating webhooks leave it; what the server owns stays as it was."""
        before = attributes.obj
        if not await self._dynamic.mutate(attributes):
            return before
        info, made = attributes.info, attributes.obj
        for name in ("name", "namespace", "uid", "creation_timestamp", "generation", "resource_version"):
            setattr(made.metadata, name, getattr(before.metadata, name))
        attributes.context.warnings.extend(keep_readable(made, before))
        _default(info, made)
        self._admission.readmit(attributes)
        if attributes.old is not None and info.has_generation:
            count_generation(info, made, attributes.old)
        return made

    async def replace(
        self, info: KindInfo, namespace: str, name: str, obj: Any, context: Context, subresource: str = ""
    ) -> Item:
        """PUT: with a resourceVersion only over exactly that revision (Conflict), without one over any."""
        match_namespace(info, obj, namespace)
        match_name(obj, name)
        wanted = obj.metadata.resource_version
        copy = encode(obj)
        item, _ = await self.change(
            info,
            namespace,
            name,
            lambda old: self._decoder(info.cls).decode(copy),
            context,
            subresource=subresource,
            expected=wanted,
        )
        return item

    async def change(
        self,
        info: KindInfo,
        namespace: str,
        name: str,
        transform: Callable[[Item], Any],
        context: Context,
        *,
        subresource: str = "",
        expected: str = "",
        is_tracked: bool = True,
    ) -> tuple[Item, bool]:
        """Replace the stored object by what `transform` makes of it; a newer object met on the way is tried again,
        unless `expected` or the transformed object names a resourceVersion. Returns the item and whether it was
        removed by this change (its last finalizer went)."""
        for attempt in range(ATTEMPTS):
            item = self.get(info, namespace, name)
            check_version(info, item, expected)
            await self.ready(info, [item])
            new = transform(item)
            check_version(info, item, new.metadata.resource_version)
            try:
                return await self._change_once(info, item, new, context, subresource, is_tracked)
            except Conflict as conflict:
                if expected or attempt == ATTEMPTS - 1 or conflict.causes:
                    raise
                if self.store.get(item.key) == item:
                    raise
        raise AssertionError("unreachable")

    async def _change_once(
        self,
        info: KindInfo,
        item: Item,
        new: Any,
        context: Context,
        subresource: str,
        is_tracked: bool,
    ) -> tuple[Item, bool]:
        old = self.decode(info, item)
        match_name(new, old.metadata.name, old.metadata.namespace)
        match_namespace(info, new, old.metadata.namespace)
        prepare_update(info, new, old, subresource)
        context.warnings.extend(dedup_owners(new))
        _default(info, new)
        if is_tracked and context.manager and not info.is_ephemeral:
            reset = resets(info, subresource)
            track_update(old, new, info.cls, context.manager, context.now, subresource, reset=reset)
        info.carry(new, old)
        attributes = Attributes(
            "UPDATE", info, item.key.namespace, item.key.name, subresource, new, old, context
        )
        self._admission.admit(attributes)
        is_stored = False
        try:
            new = await self._mutated(attributes)
            causes = metadata_update_causes(new, old) + metadata_causes(info, new)
            validate = info.validate_status if subresource == "status" else None
            causes += (validate or info.validate_update)(new, old)
            if not subresource and not causes and isinstance(new, Pod):
                causes += pod_door_causes(new, old)
            if subresource == "resize" and not causes and isinstance(new, Pod) and isinstance(old, Pod):
                causes += pod_resize_causes(new, old)
            _raise_if(info, new, causes)
            if not subresource:
                context.warnings.extend(info.warn(new, old))
            self._admission.validate(attributes)
            await self._dynamic.validate(attributes)
            if is_finished(new):
                if context.dry_run:
                    return item, True
                return await self._remove(info, item.key, item.revision), True
            keep_times(new, old)
            result = await self._write(info, new, item.revision, context)
            is_stored = not context.dry_run
            return result, False
        finally:
            self._admission.settle(attributes, is_stored)

    async def delete(
        self, info: KindInfo, namespace: str, name: str, wish: DeleteWish, context: Context
    ) -> tuple[Item, bool]:
        """Begin or finish a deletion: the item as it is now or was last, and whether it is gone."""
        for _ in range(ATTEMPTS):
            item = self.get(info, namespace, name)
            await self.ready(info, [item])
            obj = self.decode(info, item)
            verdict = begin_deletion(obj, wish, info.resource, context.now)
            before = self.decode(info, item)
            attributes = Attributes("DELETE", info, item.key.namespace, name, "", None, before, context)
            self._admission.admit(attributes)
            if verdict is Verdict.PENDING:
                return item, False
            await self._dynamic.mutate(attributes)
            await self._dynamic.validate(attributes)
            if context.dry_run:
                return item, verdict is Verdict.REMOVE
            try:
                if verdict is Verdict.MARK:
                    return await self._write(info, obj, item.revision, context), False
                return await self._remove(info, item.key, item.revision), True
            except Conflict:
                continue  # the object moved on between reading and writing: decide anew
        raise Conflict.modified(info.resource, name)

    async def connect(
        self, info: KindInfo, namespace: str, name: str, subresource: str, options: Any, context: Context
    ) -> None:
        """Whether a stream to an object may begin: webhooks and policies are asked. Raises their ApiErrors."""
        attributes = Attributes("CONNECT", info, namespace, name, subresource, options, None, context)
        await self._dynamic.validate(attributes)

    async def _remove(self, info: KindInfo, key: Key, revision: int | None) -> Item:
        try:
            gone = await self.store.delete(key, expected_revision=revision)
        except NotFound:
            raise NotFound.of(info.resource, key.name) from None
        cls = info.cls.head if issubclass(info.cls, CustomObject) else info.cls
        attributes = Attributes(
            "DELETE", info, key.namespace, key.name, "", None, self.decode(info, gone, cls), NOBODY
        )
        self._admission.settle(attributes, True)
        return gone

    async def _write(self, info: KindInfo, obj: Any, expected: int | None, context: Context) -> Item:
        if info.view is not None:
            if hasattr(info.view, "prepare_stored"):
                await info.view.prepare_stored(obj)
            obj = info.view.stored(obj)
            info = info.stored
        meta = obj.metadata
        key = key_for(info, meta.namespace, meta.name)
        if context.dry_run:
            meta.resource_version = "" if expected is None else str(expected)
            return Item(key, encode(obj), expected or 0, meta.uid, selectable(info, obj))
        meta.resource_version = "0"
        draft = Draft(key, encode(obj), meta.uid, selectable(info, obj))
        if expected is None:
            return await self.store.create(draft)
        try:
            return await self.store.update(draft, expected_revision=expected)
        except NotFound:
            raise NotFound.of(info.resource, meta.name) from None
        except Conflict:
            raise Conflict.modified(info.resource, meta.name) from None


def check_version(info: KindInfo, item: Item, wanted: str) -> None:
    """Whether a change that names a resourceVersion means this one, or any. Conflict; Unexpected for what is no
    number, as upstream answers."""
    if wanted in ("", "0", str(item.revision)):
        return
    if problem := uint_problem(wanted):
        raise Unexpected(problem)
    raise Conflict.modified(info.resource, item.key.name)


def resets(info: KindInfo, subresource: str) -> Sequence[str] | None:
    """The members that a write through this door cannot set; None for the usual ones. A custom kind without a
    status subresource has a status like any other member."""
    if issubclass(info.cls, CustomObject) and not info.has_status and not subresource:
        return ()
    return None


NOBODY = Context(user=LEADER, now=0.0)


def _default(info: KindInfo, obj: Any) -> None:
    try:
        info.default(obj)
    except QuantityError as error:
        names = info.names
        raise BadRequest(
            f'{names.kind} in version "{names.version}" cannot be handled as a {names.kind}: {error}'
        ) from None


def _raise_if(info: KindInfo, obj: Any, causes: list[Cause]) -> None:
    if causes:
        raise Invalid.of(info.names.kind, info.names.group, obj.metadata.name, causes)
