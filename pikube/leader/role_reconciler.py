"""Shell: puts the default roles and bindings in place at each start, adding what somebody took out.

Enter: the api Client. Called by run.py before the API is served. Who wants a role left alone annotates it with
`rbac.authorization.kubernetes.io/autoupdate: "false"`. Source: kubernetes pkg/registry/rbac/reconciliation.
"""

from __future__ import annotations

import contextlib
from typing import Any

import trio
from msgspec import structs

from pikube.api.client import Client
from pikube.api.errors import NotFound
from pikube.api.kinds.meta import Object
from pikube.api.kinds.rbac import ClusterRole, ClusterRoleBinding, Role, RoleBinding
from pikube.leader.default_roles import AUTOUPDATE, default_roles
from pikube.leader.request.rule_cover import missing_rules


async def reconcile_roles(client: Client) -> None:
    """Create what is missing, complete what is there."""
    for cls in (ClusterRole, Role, ClusterRoleBinding, RoleBinding):
        there = {(obj.metadata.namespace, obj.metadata.name): obj for obj in (await client.list(cls)).items}
        async with trio.open_nursery() as nursery:  # together: one commit of the store for all of them
            for wanted in default_roles():
                if type(wanted) is cls:
                    key = (wanted.metadata.namespace, wanted.metadata.name)
                    nursery.start_soon(_reconcile, client, wanted, there.get(key))


async def _reconcile(client: Client, wanted: Object, found: Object | None) -> None:
    if found is None:
        await client.create(wanted)
        return
    if found.metadata.annotations.get(AUTOUPDATE) == "false":
        return
    complete = completed(found, wanted)
    if complete is None:  # a binding to another role: roleRef cannot change
        with contextlib.suppress(NotFound):
            await client.delete(type(found), found.metadata.name, found.metadata.namespace)
        await client.create(wanted)
    elif complete != found:
        await client.update(complete)


def completed(found: Any, wanted: Any) -> Any:
    """`found` with what it lacks of `wanted`: labels, annotations, rules, subjects. None when it leads to another
    role."""
    meta, theirs = found.metadata, wanted.metadata
    meta = structs.replace(
        meta, labels={**meta.labels, **theirs.labels}, annotations={**theirs.annotations, **meta.annotations}
    )
    if isinstance(found, ClusterRoleBinding | RoleBinding):
        if found.role_ref != wanted.role_ref:
            return None
        lacking = tuple(subject for subject in wanted.subjects if subject not in found.subjects)
        return structs.replace(found, metadata=meta, subjects=(*found.subjects, *lacking))
    changes: dict[str, Any] = {"metadata": meta}
    if isinstance(found, ClusterRole) and wanted.aggregation_rule is not None:
        changes["aggregation_rule"] = found.aggregation_rule or wanted.aggregation_rule
    else:
        changes["rules"] = (*found.rules, *missing_rules(found.rules, wanted.rules))
    return structs.replace(found, **changes)
