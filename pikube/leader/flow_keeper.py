"""Shell: keeps the FlowSchemas and priority levels that every cluster has, at the start and once a minute.

Enter: the api Client. Called by bootstrap at the start and by run.py from then on. What is missing is made anew;
the mandatory ones always say what they must; of the others those whose annotation
`apf.kubernetes.io/autoupdate-spec` allows it, or that nobody has changed yet. Who is annotated as one of ours and is
none goes. Source: kubernetes pkg/registry/flowcontrol/rest and ensurer.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import trio
from msgspec import structs

from pikube.api.client import Client
from pikube.api.errors import AlreadyExists, ApiError, Conflict, NotFound
from pikube.api.flow_defaults import (
    AUTO_UPDATE_KEY,
    MANDATORY,
    default_level,
    default_schema,
    flow_schemas,
    priority_levels,
)
from pikube.api.go_words import parse_bool
from pikube.api.kinds.flowcontrol import FlowSchema, PriorityLevelConfiguration

log = logging.getLogger("pikube.leader")

AGAIN_S = 60.0  # rest/storage_flowcontrol.go; at once would spoil `kubectl replace --force`


class FlowKeeper:
    """`run` never returns."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        while True:
            await trio.sleep(AGAIN_S)
            try:
                await keep_flows(self._client)
            except* ApiError as errors:
                log.warning("event=flows_not_kept why=%r", [str(error) for error in errors.exceptions])


async def keep_flows(client: Client) -> None:
    """Make what is missing, set right what is not as it must be, take away what is no longer one of them."""
    await _keep(client, priority_levels(), default_level)
    await _keep(client, flow_schemas(), default_schema)


async def _keep(client: Client, wanted: tuple[Any, ...], default: Callable[[Any], None]) -> None:
    cls = type(wanted[0])
    there = {obj.metadata.name: obj for obj in (await client.list(cls)).items}
    async with trio.open_nursery() as nursery:  # together: one commit of the store for all of them
        for obj in wanted:
            default(obj)
            found = there.pop(obj.metadata.name, None)
            if found is None:
                nursery.start_soon(_create, client, obj)
            elif (right := revised(found, obj)) is not None:
                nursery.start_soon(_update, client, right)
        for obj in there.values():
            if auto_update(obj):
                nursery.start_soon(_delete, client, obj)


async def _create(client: Client, obj: Any) -> None:
    with contextlib.suppress(AlreadyExists):
        await client.create(obj)


async def _update(client: Client, obj: Any) -> None:
    with contextlib.suppress(Conflict, NotFound):  # somebody was quicker: the next look tells
        await client.update(obj)


async def _delete(client: Client, obj: Any) -> None:
    with contextlib.suppress(Conflict, NotFound):
        await client.delete(type(obj), obj.metadata.name, uid=obj.metadata.uid)


def auto_update(obj: FlowSchema | PriorityLevelConfiguration) -> bool | None:
    """What its annotation says; None when it says nothing."""
    return parse_bool(obj.metadata.annotations.get(AUTO_UPDATE_KEY, ""))


def revised(found: Any, wanted: Any) -> Any:
    """`found` as it must be; None when it is. How busy requests of `exempt` may be is the administrator's to say."""
    said = auto_update(found)
    is_ours = wanted.metadata.name in MANDATORY or (found.metadata.generation == 1 if said is None else said)
    spec = found.spec
    if is_ours:
        spec = wanted.spec
        if isinstance(found, PriorityLevelConfiguration) and spec.exempt is not None:
            spec = structs.replace(spec, exempt=found.spec.exempt or spec.exempt)
    if said == is_ours and spec == found.spec:
        return None
    annotations = {**found.metadata.annotations, AUTO_UPDATE_KEY: "true" if is_ours else "false"}
    return structs.replace(
        found, metadata=structs.replace(found.metadata, annotations=annotations), spec=spec
    )
