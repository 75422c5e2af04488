"""Pure: FlowSchemas say in their status whether the priority level that they name is there.

Enter: a FlowSchema, whether there is that level. Leaves: its status. Run by the controller loop. Source:
k8s.io/apiserver pkg/util/flowcontrol/apf_controller.go:presyncFlowSchemaStatus.
"""

from __future__ import annotations

from msgspec import structs

from pikube.api.kinds.flowcontrol import FlowCondition, FlowSchema, PriorityLevelConfiguration
from pikube.api.kinds.meta import Object
from pikube.api.times import render_time
from pikube.informer.actions import Action, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself
from pikube.leader.controllers.conditions import with_condition


def reconcile(desired: FlowSchema, observed: bool, now: float) -> list[Action]:
    """The condition Dangling."""
    if desired.metadata.deletion_timestamp:
        return []
    name = desired.spec.priority_level_configuration.name
    words = f'This FlowSchema references the PriorityLevelConfiguration object named "{name}"'
    condition = FlowCondition(
        type="Dangling",
        status="False" if observed else "True",
        last_transition_time=render_time(now),
        reason="Found" if observed else "NotFound",
        message=f"{words} and it exists" if observed else f"{words} but there is no such object",
    )
    conditions = with_condition(desired.status.conditions, condition)
    if conditions == desired.status.conditions:
        return []
    return [
        Update(
            structs.replace(desired, status=structs.replace(desired.status, conditions=conditions)), "status"
        )
    ]


def observe(lister: Lister, key: ObjectKey) -> tuple[FlowSchema, bool] | None:
    schema = lister.cache(FlowSchema).get(key)
    if schema is None:
        return None
    level = ObjectKey("", schema.spec.priority_level_configuration.name)
    return schema, lister.cache(PriorityLevelConfiguration).get(level) is not None


def _of_level(lister: Lister, level: Object) -> list[ObjectKey]:
    """Watch keys: the schemas that name it."""
    return [
        key_of(schema)
        for schema in lister.cache(FlowSchema)
        if schema.spec.priority_level_configuration.name == level.metadata.name
    ]


FLOW_STATUS: Controller[FlowSchema, bool] = Controller(
    name="flow-schema-status",
    watches=(Watch(FlowSchema, itself), Watch(PriorityLevelConfiguration, _of_level)),
    observe=observe,
    reconcile=reconcile,
    workers=1,
)
