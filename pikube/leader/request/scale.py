"""Shell: writes to /scale: the Scale document in a PUT or patched in a PATCH.

Called by the handler; `Subresources.put_scale` does the work on the parent.
"""

from __future__ import annotations

import msgspec

from pikube.api.codec import from_builtins, load_json, load_yaml
from pikube.api.errors import UnsupportedMediaType
from pikube.api.kinds.autoscaling import Scale
from pikube.api.scheme import KindInfo
from pikube.leader.request import writes
from pikube.leader.request.context import Context
from pikube.leader.request.route import Query, Route
from pikube.leader.request.subresources import Subresources
from pikube.wire.messages import Request


async def put_scale(
    subresources: Subresources,
    info: KindInfo,
    route: Route,
    request: Request,
    query: Query,
    context: Context,
) -> Scale:
    """PUT: the wanted Scale replaces the one there is."""
    wanted, _ = await writes.read_object(request, query, Scale)
    return await subresources.put_scale(info, route.namespace, route.name, lambda scale: wanted, context)


async def patch_scale(
    subresources: Subresources,
    info: KindInfo,
    route: Route,
    request: Request,
    query: Query,
    context: Context,
) -> Scale:
    """PATCH: the patch is made on the Scale document."""
    kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if kind not in writes.PATCHES:
        raise UnsupportedMediaType.of(writes.PATCHES)
    body = await request.body(writes.BODY_BYTES)
    change = load_yaml(body) if kind == writes.APPLY_PATCH else load_json(body)
    language = writes.MERGE_PATCH if kind == writes.APPLY_PATCH else kind

    def patched(scale: Scale) -> Scale:
        before = msgspec.json.decode(msgspec.json.encode(scale))
        return from_builtins(writes.patched(before, change, language, Scale), Scale)

    return await subresources.put_scale(info, route.namespace, route.name, patched, context)
