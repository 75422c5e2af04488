"""Shell: writes to /scale: the Scale document in a PUT or patched in a PATCH.

Called by the handler; `Subresources.put_scale` does the work on the parent.
"""

from __future__ import annotations

import msgspec

from pikube.api.codec import load_yaml
from pikube.api.errors import UnsupportedMediaType
from pikube.api.field_validation import check_mode
from pikube.api.kinds.autoscaling import Scale
from pikube.api.patch_result import read_patch, typed_result
from pikube.api.scheme import KindInfo
from pikube.leader.request import writes
from pikube.leader.request.context import Context
from pikube.leader.request.metadata import match_name
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
    match_name(wanted, route.name, route.namespace)
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
    mode = check_mode(query.get("fieldValidation"))
    repeated: list[str] = []
    if kind == writes.APPLY_PATCH:
        change, kind = load_yaml(body), writes.MERGE_PATCH
    else:
        change, repeated = read_patch(body, kind, mode)

    def patched(scale: Scale) -> Scale:
        before = msgspec.json.decode(msgspec.json.encode(scale))
        after = writes.patched(before, change, kind, Scale)
        made: Scale
        made, context.warnings[:] = typed_result(after, change, kind, Scale, mode, repeated)
        match_name(made, route.name, route.namespace)
        return made

    return await subresources.put_scale(info, route.namespace, route.name, patched, context)
