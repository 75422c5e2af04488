"""The laws of every reconcile, asked of every controller of the leader: a new one is asked unnamed."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import pytest
from fakes.fake_api import FakeApi
from fakes.world import World
from laws import check_laws
from objects import FakeScales
from stories import STORIES, bystanders

from pikube.api.kinds.core_pod import Pod
from pikube.informer.actions import RecordEvent, Remember, RequeueAfter
from pikube.informer.controller import Controller
from pikube.leader.control_plane import stored_kinds
from pikube.leader.controllers.all import all_controllers

SAID = (RecordEvent, RequeueAfter, Remember)
"""What changes no object"""


class NoBoards:
    async def of(self, nodes: Any) -> Any:
        return {}

    def known(self, node: str) -> None:
        return None


def every_controller(clock: Any) -> tuple[Controller[Any, Any], ...]:
    """As run.py makes them, with an authority that signs the same each time."""
    scheme = FakeApi().scheme
    kinds = [info.cls for info in stored_kinds(scheme).values() if "create" in info.verbs]
    return all_controllers(
        kinds,
        served=scheme,
        monotonic=clock,
        boards=NoBoards(),
        cluster_cidr="10.42.0.0/16",
        ca_certificates=lambda: "the authority",
        head_of=lambda name: None,
        find_scale=FakeScales(),
        node_grace_s=8.0,
        sign=lambda profile, request: b"a certificate",
        sign_token=lambda secret, account: "a token",
    )


NAMES = [controller.name for controller in every_controller(lambda: 0.0)]


@dataclass(frozen=True)
class Decision:
    controller: Controller[Any, Any]
    desired: Any
    observed: Any
    now: float
    writes: int


class Stage(World):
    """A world of all controllers that notes what each was asked, or cuts each decision of one of them short once."""

    def __init__(self, cut: str = "") -> None:
        self.decisions: list[Decision] = []
        self._cut = cut
        self.cuts_made = 0
        self._spared: set[Any] = set()
        super().__init__(())
        self.controllers = every_controller(self.clock)
        self._start()

    def _start(self) -> None:
        if self.decisions or self._cut:  # a new process: what controllers noted is gone
            self.controllers = every_controller(self.clock)
        super()._start()

    def _work(self, controller: Controller[Any, Any], key: Any) -> None:
        self._refresh()
        seen = controller.observe(self, key)
        if seen is not None:
            count = self._note(controller, *seen)
            if self._cut == controller.name:
                self._cut_or_spare(key, count)
        super()._work(controller, key)

    def _cut_or_spare(self, key: Any, count: int) -> None:
        """Each second decision about an object that writes is cut, after 0, 1, 2 … actions in turn."""
        if not count:
            return
        if key in self._spared:
            self._spared.discard(key)
            return
        self._spared.add(key)
        self.cuts_made += 1
        self.cut_after([self.cuts_made % count])

    def _note(self, controller: Controller[Any, Any], desired: Any, observed: Any) -> int:
        """The number of actions, if any of them writes."""
        actions = controller.reconcile(desired, observed, self.now)
        writes = sum(not isinstance(action, SAID) for action in actions)
        self.decisions.append(Decision(controller, desired, observed, self.now, writes))
        return len(actions) if writes else 0


@cache
def told(story: str) -> Stage:
    """A story as it goes when nothing is cut."""
    stage = Stage()
    STORIES[story](stage)
    return stage


def decisions_of(name: str) -> list[tuple[str, Decision]]:
    return [(story, d) for story in STORIES for d in told(story).decisions if d.controller.name == name]


VOLATILE = re.compile(
    r"\d{4}-\d\d-\d\dT[0-9:.]+Z|uid-[\w-]*\d+|(?<=-)\d{5}\b|10\.42\.\d+\.\d+|"
    r'"(?:nodeName|generation|observedGeneration|resourceVersion)": "?\w+"?(, )?'
)


def picture(it: World) -> Counter[str]:
    """All objects, without what depends on when and in which order they were made."""
    found: Counter[str] = Counter()
    for info in stored_kinds(it.api.scheme).values():
        for obj in it.api.all_of(info.cls):
            document = _in_order(msgspec.json.decode(msgspec.json.encode(obj)))
            found[VOLATILE.sub("…", json.dumps(document, sort_keys=True))] += 1
    return found


def _in_order(value: Any) -> Any:
    """Conditions are a map by type, and taints a set: their order says nothing."""
    if isinstance(value, dict):
        return {name: _in_order(inner) for name, inner in value.items()}
    if isinstance(value, list):
        items = [_in_order(item) for item in value]
        is_free = all(isinstance(i, dict) and ("type" in i or "effect" in i) for i in items)
        return sorted(items, key=str) if is_free else items
    return value


@pytest.mark.parametrize("name", NAMES)
def test_laws(name: str) -> None:
    """The same answer twice, untouched inputs, no order of lists: in all that it meets in the stories."""
    met = decisions_of(name)
    assert any(d.writes for _, d in met), f"no story in stories.py gives {name} anything to do"
    for _, d in sorted(met, key=lambda one: -one[1].writes)[:60]:
        check_laws(d.controller.reconcile, d.desired, d.observed, d.now)


@pytest.mark.parametrize("story", STORIES)
def test_at_rest_nobody_writes(story: str) -> None:
    """Also not a leader that starts anew and looks at everything once more."""
    it = told(story)
    it.settle()
    writes = it.api.writes
    it.restart()
    it.settle()
    assert it.api.writes == writes


@pytest.mark.parametrize("name", NAMES)
def test_any_prefix_of_its_actions_is_safe(name: str) -> None:
    """Each of its decisions breaks off somewhere, the leader starts anew, and the cluster ends up the same."""
    counts = Counter(story for story, d in decisions_of(name) if d.writes)
    story = counts.most_common(1)[0][0]
    cut = Stage(cut=name)
    STORIES[story](cut)
    assert cut.cuts_made > 0
    cut.settle()
    assert picture(cut) == picture(told(story))


def without_status(obj: Any) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(obj))
    document.pop("status", None)
    del document["metadata"]["resourceVersion"]
    return document


@pytest.mark.parametrize("story", STORIES)
def test_what_belongs_to_others_is_left_alone(story: str) -> None:
    it = Stage()
    bystanders(it)
    theirs = [obj for info in stored_kinds(it.api.scheme).values() for obj in it.api.all_of(info.cls)]
    STORIES[story](it)
    for obj in theirs:
        after = it.api.get_nowait(type(obj), obj.metadata.name, obj.metadata.namespace)
        before = without_status(obj)
        if isinstance(obj, Pod):
            before["spec"]["nodeName"] = after.spec.node_name
        assert without_status(after) == before
