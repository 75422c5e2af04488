"""Pure: componentstatuses, which are not stored: the parts of the control plane as they are now.

Enter: a Route. Leaves: answers. Called by the handler. All parts are tasks of this one process, and one that fails
ends it: whoever gets an answer, gets it from parts that run. etcd-0 is what clients call the store.
"""

from __future__ import annotations

import msgspec

from pikube.api.errors import NotFound
from pikube.api.kinds.core_config import ComponentCondition, ComponentStatus
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.media_types import Accepted
from pikube.api.scheme import KindInfo
from pikube.leader.request import answers
from pikube.leader.request.route import Query, Route
from pikube.leader.request.selection import Page, make_filter
from pikube.leader.store.contract import Item, Key, Selectable
from pikube.wire.messages import Response

PARTS = ("controller-manager", "etcd-0", "scheduler")


def answer_component_statuses(
    info: KindInfo, route: Route, query: Query, accepted: Accepted, now: float
) -> Response:
    """One or all. NotFound."""
    items = [_item(info, name) for name in PARTS]
    if route.verb == "get":
        found = [item for item in items if item.key.name == route.name]
        if not found:
            raise NotFound.of(info.resource, route.name)
        return answers.one(info, found[0], accepted, now)
    filter_ = make_filter(info, query.get("labelSelector"), query.get("fieldSelector"))
    page = Page([item for item in items if filter_.matches(item)], 0)
    return answers.listing(info, page, accepted, now, query.get("includeObject"))


def _item(info: KindInfo, name: str) -> Item:
    healthy = ComponentCondition(type="Healthy", status="True", message="ok")
    status = ComponentStatus(metadata=ObjectMeta(name=name), conditions=(healthy,))
    key = Key(info.names.resource, "", name)
    return Item(key, msgspec.json.encode(status), 0, "", Selectable({}, {"metadata.name": name}))
