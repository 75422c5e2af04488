"""What every cluster has of FlowSchemas and priority levels stays, also while the leader runs."""

import pytest
import trio
from fakes.fake_api import FakeApi
from msgspec import structs

from pikube.api.errors import ServiceUnavailable
from pikube.api.flow_defaults import AUTO_UPDATE_KEY, flow_schemas, priority_levels
from pikube.api.kinds.flowcontrol import (
    ExemptPriorityLevelConfiguration,
    FlowSchema,
    PriorityLevelConfiguration,
)
from pikube.api.kinds.meta import ObjectMeta
from pikube.leader.flow_keeper import AGAIN_S, FlowKeeper, keep_flows

ALL = len(flow_schemas()) + len(priority_levels())


@pytest.fixture
async def api():
    api = FakeApi()
    await keep_flows(api)
    return api


def schema(api, name):
    return api.get_nowait(FlowSchema, name)


def change(api, name, annotation=None, **spec):
    """As an administrator would, who may also take the annotation away."""
    found = schema(api, name)
    annotations = {AUTO_UPDATE_KEY: annotation} if annotation is not None else {}
    api.update_nowait(
        structs.replace(
            found,
            metadata=structs.replace(found.metadata, annotations=annotations),
            spec=structs.replace(found.spec, **spec),
        )
    )


async def test_all_are_made_and_at_rest_nobody_writes(api):
    assert api.writes == ALL
    await keep_flows(api)
    assert api.writes == ALL


async def test_what_is_deleted_is_back_within_a_minute(autojump_clock):
    failing = []
    api = FakeApi(
        refuse=lambda verb, obj: ServiceUnavailable("busy") if failing and verb == "create" else None
    )
    await keep_flows(api)
    async with trio.open_nursery() as nursery:
        await nursery.start(FlowKeeper(api).run)
        for cls, name in (
            (FlowSchema, "catch-all"),
            (FlowSchema, "probes"),
            (PriorityLevelConfiguration, "exempt"),
        ):
            api.delete_nowait(cls, name)
        failing.append(True)  # a minute in which nothing can be written ends nothing
        await trio.sleep(AGAIN_S + 1)
        assert "probes" not in {obj.metadata.name for obj in api.all_of(FlowSchema)}
        failing.clear()
        await trio.sleep(AGAIN_S)
        assert len(api.all_of(FlowSchema)) + len(api.all_of(PriorityLevelConfiguration)) == ALL
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("annotation", "is_set_right", "said"),
    [("true", True, "true"), ("false", False, "false"), (None, False, "false"), ("maybe", False, "false")],
)
async def test_a_suggested_one_is_set_right_if_its_annotation_says_so(api, annotation, is_set_right, said):
    change(api, "service-accounts", annotation, matching_precedence=77)
    await keep_flows(api)
    found = schema(api, "service-accounts")
    assert found.spec.matching_precedence == (9000 if is_set_right else 77)
    assert found.metadata.annotations[AUTO_UPDATE_KEY] == said


async def test_one_that_nobody_changed_only_gets_its_annotation(api):
    change(api, "service-accounts")
    assert schema(api, "service-accounts").metadata.generation == 1
    await keep_flows(api)
    assert schema(api, "service-accounts").metadata.annotations == {AUTO_UPDATE_KEY: "true"}


async def test_a_mandatory_one_is_always_ours(api):
    change(api, "catch-all", "false", matching_precedence=9)
    await keep_flows(api)
    found = schema(api, "catch-all")
    assert found.spec.matching_precedence == 10000
    assert found.metadata.annotations == {AUTO_UPDATE_KEY: "true"}


async def test_the_shares_of_exempt_are_the_administrators(api):
    found = api.get_nowait(PriorityLevelConfiguration, "exempt")
    shares = ExemptPriorityLevelConfiguration(nominal_concurrency_shares=7, lendable_percent=30)
    api.update_nowait(structs.replace(found, spec=structs.replace(found.spec, exempt=shares)))
    await keep_flows(api)
    assert api.get_nowait(PriorityLevelConfiguration, "exempt").spec.exempt == shares


@pytest.mark.parametrize(
    ("annotation", "stays"), [("true", False), ("false", True), ("", True), (None, True)]
)
async def test_who_says_to_be_one_of_ours_and_is_none_goes(api, annotation, stays):
    annotations = {AUTO_UPDATE_KEY: annotation} if annotation is not None else {}
    mine = structs.replace(flow_schemas()[3], metadata=ObjectMeta(name="mine", annotations=annotations))
    api.create_nowait(mine)
    await keep_flows(api)
    assert ("mine" in {obj.metadata.name for obj in api.all_of(FlowSchema)}) is stays
