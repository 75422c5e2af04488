"""A FlowSchema says whether the priority level that it names is there."""

from laws import check_laws

from pikube.api.flow_defaults import flow_schemas
from pikube.leader.controllers.flow_status import reconcile

NOW = 1_700_000_000.0


def test_the_condition_follows_the_level():
    schema = flow_schemas()[2]
    [update] = check_laws(reconcile, schema, True, NOW)
    [condition] = update.obj.status.conditions
    assert (condition.type, condition.status, condition.reason) == ("Dangling", "False", "Found")
    words = 'This FlowSchema references the PriorityLevelConfiguration object named "exempt"'
    assert condition.message == f"{words} and it exists"
    assert check_laws(reconcile, update.obj, True, NOW + 60) == []
    [gone] = check_laws(reconcile, update.obj, False, NOW + 60)
    [condition] = gone.obj.status.conditions
    assert (condition.status, condition.reason) == ("True", "NotFound")
    assert condition.message == f"{words} but there is no such object"
