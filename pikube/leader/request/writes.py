"""Shell: create, update, patch, delete and deletecollection as requests.

Enter: a Route, its query, the body. Leave: answers with the stored object, warnings in their headers.
Called by the handler; the rules themselves are in the registry.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from pikube.api.apply import apply
from pikube.api.codec import (
    WrongType,
    check_kind,
    convert,
    decode_body,
    decode_builtins,
    from_builtins,
    json_type,
    load_json,
    load_yaml,
)
from pikube.api.custom.objects import CustomObject
from pikube.api.errors import BadRequest, Cause, Conflict, Invalid, NotFound, UnsupportedMediaType
from pikube.api.field_validation import IGNORE, STRICT, check_mode, field_problems, refuse
from pikube.api.json_patch import json_patch
from pikube.api.kinds.base import Kind
from pikube.api.kinds.meta import DeleteOptions, Object
from pikube.api.media_types import JSON, PROTOBUF, Accepted, body_encoding
from pikube.api.merge_patch import merge_patch
from pikube.api.options import check_delete_options
from pikube.api.patch_result import JSON_PATCH, STRATEGIC_PATCH, read_patch, typed_result
from pikube.api.protobuf import decode_message, unwrap
from pikube.api.scheme import KindInfo
from pikube.api.strategic_merge import strategic_merge
from pikube.leader.request import answers
from pikube.leader.request.context import Context, DeleteWish
from pikube.leader.request.metadata import match_name, other_uid
from pikube.leader.request.registry import Registry, resets
from pikube.leader.request.route import Query, Route
from pikube.leader.request.selection import make_filter
from pikube.leader.store.contract import Item
from pikube.wire.messages import Request, Response

BODY_BYTES = 3 * 1024 * 1024  # kubernetes apiserver config.go:MaxRequestBodyBytes
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
PATCHES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)
CUSTOM_PATCHES = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)


async def read_object(request: Request, query: Query, cls: type[Kind]) -> tuple[Any, list[str]]:
    """The typed body and the warnings about it; Strict refuses what it does not know."""
    mode = check_mode(query.get("fieldValidation"))
    body = await request.body(BODY_BYTES)
    content_type = request.headers.get("content-type", "")
    encoding = body_encoding(content_type)
    if mode == IGNORE or encoding == PROTOBUF:
        return decode_body(body, content_type, cls), []
    twice: list[str] = []
    document = decode_builtins(body, encoding, cls, twice)
    problems = twice + field_problems(document, cls, body if encoding == JSON else b"")
    obj = from_builtins(document, cls)
    if problems and mode == STRICT:
        raise refuse(problems, cls)
    return obj, problems


def with_warnings(response: Response, warnings: list[str]) -> Response:
    """RFC 7234 §5.5 headers, as kubectl prints them."""
    if warnings:
        quoted = [w.replace("\\", "\\\\").replace('"', '\\"') for w in warnings]
        response.headers = (*response.headers, *(("Warning", f'299 - "{word}"') for word in quoted))
    return response


async def create(
    registry: Registry,
    info: KindInfo,
    route: Route,
    request: Request,
    query: Query,
    accepted: Accepted,
    context: Context,
) -> Response:
    """POST to a collection, or PUT to a name that nobody has, of a kind that may be made so."""
    obj, warnings = await read_object(request, query, info.cls)
    context.warnings.extend(warnings)
    if route.name:
        match_name(obj, route.name)
    item = await registry.create(info, route.namespace, obj, context)
    await registry.ready(info, [item])
    return answers.one(info, item, accepted, context.now, 201, query.get("includeObject"))


async def update(
    registry: Registry,
    info: KindInfo,
    route: Route,
    request: Request,
    query: Query,
    accepted: Accepted,
    context: Context,
) -> Response:
    """PUT of an object or of one of its doors."""
    obj, warnings = await read_object(request, query, info.cls)
    context.warnings.extend(warnings)
    match_name(obj, route.name, route.namespace if info.names.namespaced else "")
    if info.needs_version and obj.metadata.resource_version in ("", "0"):
        registry.get(info, route.namespace, route.name)
        cause = Cause(
            "FieldValueInvalid",
            "Invalid value: 0x0: must be specified for an update",
            "metadata.resourceVersion",
        )
        raise Invalid.of(info.names.plural, info.names.group, route.name, [cause])
    _check_same(registry, info, route, obj)
    item = await registry.replace(info, route.namespace, route.name, obj, context, route.subresource)
    await registry.ready(info, [item])
    return answers.one(info, item, accepted, context.now)


def _check_same(registry: Registry, info: KindInfo, route: Route, obj: Any) -> None:
    """A PUT that names a uid means that object and no later one (kubernetes rest/update.go:Preconditions)."""
    wanted = obj.metadata.uid
    found = registry.find(info, route.namespace, route.name) if wanted else None
    if found is not None and found.uid != wanted:
        place = "/".join(part for part in (info.names.plural, route.namespace, route.name) if part)
        raise other_uid(info.resource, place, route.name, wanted, found.uid)


async def patch(
    registry: Registry,
    info: KindInfo,
    route: Route,
    request: Request,
    query: Query,
    accepted: Accepted,
    context: Context,
) -> Response:
    """PATCH in each of the four languages; apply creates what is not there."""
    kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    offered = CUSTOM_PATCHES if issubclass(info.cls, CustomObject) else PATCHES
    if kind not in offered:
        raise UnsupportedMediaType.of(offered)
    mode = check_mode(query.get("fieldValidation"))
    body = await request.body(BODY_BYTES)
    if kind == APPLY_PATCH:
        return await _apply(registry, info, route, body, query, accepted, context, mode)
    change, repeated = read_patch(body, kind, mode)
    warnings: list[str] = []

    def transform(item: Item) -> Any:
        before = msgspec.json.decode(info.shown(item.value))
        after = patched(before, change, kind, info.cls)
        obj, warnings[:] = typed_result(after, change, kind, info.cls, mode, repeated)
        return obj

    try:
        item, _ = await registry.change(
            info, route.namespace, route.name, transform, context, subresource=route.subresource
        )
    finally:
        context.warnings[:0] = warnings  # also on a refusal
    await registry.ready(info, [item])
    return answers.one(info, item, accepted, context.now)


def patched(before: dict[str, Any], change: Any, kind: str, cls: type[Any]) -> dict[str, Any]:
    """The document after a patch of media type `kind`."""
    if kind == JSON_PATCH:
        after = json_patch(before, change)
    elif kind == MERGE_PATCH:
        after = merge_patch(before, change)
    else:
        after = strategic_merge(before, change, cls)
    if not isinstance(after, dict):
        raise BadRequest("the patch leaves no object")
    metadata = after.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields") == []:
        metadata["managedFields"] = [{}]  # emptied on purpose; an empty tuple of a Struct would say nothing
    return after


def _word(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


async def _apply(
    registry: Registry,
    info: KindInfo,
    route: Route,
    body: bytes,
    query: Query,
    accepted: Accepted,
    context: Context,
    mode: str,
) -> Response:
    """Server-side apply: the whole intent of one manager."""
    twice: list[str] = []
    try:
        applied = load_yaml(body, twice=twice)
    except BadRequest as error:
        raise BadRequest(f"error decoding YAML: {error.message}") from None
    if applied is None:
        applied = {}
    if not isinstance(applied, dict):
        raise BadRequest(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
            f"{json_type(applied)} into Go value of type map[string]interface {{}}"
        )
    if twice and mode == STRICT:
        raise BadRequest(f"error strict decoding YAML: error converting YAML to JSON: {twice[0]}")
    if mode != IGNORE:
        context.warnings.extend(f"error converting YAML to JSON: {words}" for words in twice)
    version = _word(applied, "apiVersion")
    if version != info.names.api_version:
        raise BadRequest(
            "Incorrect version specified in apply patch. "
            f"Specified patch version: {version}, expected: {info.names.api_version}"
        )
    check_kind(version, _word(applied, "kind"), info.cls)
    force = query.flag("force")

    def transform_from(before: dict[str, Any] | None) -> Any:
        after = apply(
            before,
            applied,
            info.cls,
            context.manager,
            force=force,
            now=context.now,
            subresource=route.subresource,
            reset=resets(info, route.subresource),
        )
        return from_builtins(after, info.cls)

    try:
        item, _ = await registry.change(
            info,
            route.namespace,
            route.name,
            lambda item: transform_from(msgspec.json.decode(info.shown(item.value))),
            context,
            subresource=route.subresource,
            is_tracked=False,
        )
        status = 200
    except NotFound:
        if route.subresource:
            raise
        obj = transform_from(None)
        obj.metadata.name = obj.metadata.name or route.name
        match_name(obj, route.name, route.namespace if info.names.namespaced else "")
        if obj.metadata.uid:
            why = f"the provided object specified uid {obj.metadata.uid}, and no existing object was found"
            raise Conflict.of(info.resource, route.name, f"uid mismatch: {why}") from None
        item = await registry.create(info, route.namespace, obj, context, is_tracked=False)
        status = 201
    await registry.ready(info, [item])
    return answers.one(info, item, accepted, context.now, status)


async def delete(
    registry: Registry,
    info: KindInfo,
    route: Route,
    request: Request,
    query: Query,
    accepted: Accepted,
    context: Context,
) -> Response:
    """DELETE of one object: the object while it lingers, a Status when it is gone (pods: always the object)."""
    wish, is_dry = await read_wish(request, query, info.cls)
    if is_dry and not context.dry_run:
        context = replace(context, dry_run=True)
    item, is_gone = await registry.delete(info, route.namespace, route.name, wish, context)
    if not is_gone or info.names.plural == "pods":
        await registry.ready(info, [item])
        return answers.one(info, item, accepted, context.now)
    return answers.document(deleted_status(info, item), accepted.whole)


def deleted_status(info: KindInfo, item: Item) -> dict[str, Any]:
    """The Success that kubectl waits by: it carries the uid."""
    names = info.names
    details = {"name": item.key.name, "kind": names.plural, "uid": item.uid}
    if names.group:
        details["group"] = names.group
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }


async def delete_collection(
    registry: Registry,
    info: KindInfo,
    route: Route,
    request: Request,
    query: Query,
    accepted: Accepted,
    context: Context,
) -> Response:
    """DELETE of all that match; answers the list as it was."""
    filter_ = make_filter(info, query.get("labelSelector"), query.get("fieldSelector"))
    wish, is_dry = await read_wish(request, query, info.cls)
    if is_dry and not context.dry_run:
        context = replace(context, dry_run=True)
    page = await registry.page(
        info,
        route.namespace or None,
        filter_,
        limit=max(0, query.number("limit") or 0),
        continue_token=query.get("continue"),
    )
    for item in page.items:
        try:
            await registry.delete(info, item.key.namespace, item.key.name, wish, context)
        except NotFound:
            continue
    await registry.ready(info, page.items)
    return answers.listing(info, page, accepted, context.now)


def _read_options(document: Any) -> DeleteOptions:
    """DeleteOptions of any group's version, as clients send them. BadRequest for what is none."""
    kind = document.get("kind", "") if isinstance(document, dict) else ""
    if kind not in ("", "DeleteOptions"):
        raise BadRequest(
            f'no kind "{kind}" is registered for version "{document.get("apiVersion", "")}" in scheme '
            '"pkg/apis/meta/internalversion/scheme/register.go:30"'
        )
    try:
        return convert(document or {}, DeleteOptions)
    except WrongType as error:
        words = 'DeleteOptions in version "v1" cannot be handled as a DeleteOptions'
        raise BadRequest(f"{words}: {error}") from None


async def read_wish(request: Request, query: Query, cls: type[Object]) -> tuple[DeleteWish, bool]:
    """DeleteOptions from the body, or else from the query."""
    body = await request.body(BODY_BYTES)
    options = DeleteOptions()
    if body.strip():
        content_type = request.headers.get("content-type", "")
        encoding = body_encoding(content_type)
        if encoding == PROTOBUF:
            document: Any = decode_message(unwrap(body)[2], DeleteOptions)
        else:
            document = (
                load_json(body, "DeleteOptions") if encoding == JSON else load_yaml(body, "DeleteOptions")
            )
        options = _read_options(document)
    else:
        options.grace_period_seconds = query.number("gracePeriodSeconds")
        options.propagation_policy = query.get("propagationPolicy") or None
        if query.get("orphanDependents"):
            options.orphan_dependents = query.flag("orphanDependents")
    propagation = options.propagation_policy or ""
    if not propagation and options.orphan_dependents is not None:
        propagation = "Orphan" if options.orphan_dependents else "Background"
    conditions = options.preconditions
    wish = DeleteWish(
        options.grace_period_seconds,
        propagation,
        (conditions.uid or "") if conditions else "",
        (conditions.resource_version or "") if conditions else "",
    )
    check_delete_options(options)
    return wish, "All" in options.dry_run
