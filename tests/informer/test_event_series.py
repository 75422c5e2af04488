from __future__ import annotations

import trio
from fakes.fake_api import FakeApi
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.kinds.core_config import ConfigMap, Event
from pikube.api.kinds.meta import ObjectMeta
from pikube.informer.event_series import BURST, COMBINED, SIMILAR_LIMIT, SIMILAR_WINDOW_S, EventSeries, Said
from pikube.informer.recorder import Recorder


def said(message, *, name="web", reason="Failed"):
    reference = ("Pod", "default", name, f"uid-of-{name}", "v1", "")
    return Said("kubelet", "board1", reference, "Warning", reason, message)


def test_what_is_said_again_has_the_key_of_the_first():
    series = EventSeries()
    assert series.tell(said("a"), 0.0) == series.tell(said("a"), 1.0)
    assert series.tell(said("b"), 2.0).key != series.tell(said("a"), 3.0).key


def test_similar_events_become_one_until_the_window_is_over():
    series = EventSeries()
    told = [series.tell(said(f"try {i}"), float(i)) for i in range(SIMILAR_LIMIT + 3)]
    assert all(COMBINED not in t.message for t in told[:SIMILAR_LIMIT])
    assert told[-1].message == f"{COMBINED}try {SIMILAR_LIMIT + 2}"
    assert len({t.key for t in told[SIMILAR_LIMIT:]}) == 1
    assert series.tell(said("new"), SIMILAR_WINDOW_S + 1000.0).message == "new"
    assert series.tell(said("other", reason="Killing"), 20.0).message == "other"


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=200))
def test_an_object_says_at_most_a_burst_and_then_little_and_silences_no_other(gaps):
    series, now, let = EventSeries(), 0.0, 0
    for number, gap in enumerate(gaps):
        now += gap
        let += series.tell(said(f"x{number}"), now) is not None
        assert let <= BURST + now / 300.0 + 1e-6
        assert series.tell(said("quiet", name=f"other{number}"), now) is not None


async def test_ten_thousand_different_words_about_one_object_are_a_few_events(autojump_clock):
    api = FakeApi()
    recorder = Recorder(api)
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        subject = ConfigMap(metadata=ObjectMeta(name="a", namespace="default", uid="u"))
        for number in range(10_000):
            recorder.record("test", subject, "Warning", "Noise", f"number {number}")
            await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked(0.001)
        nursery.cancel_scope.cancel()
    events = api.all_of(Event)
    assert len(events) == SIMILAR_LIMIT + 1
    [combined] = [e for e in events if e.message.startswith(COMBINED)]
    assert combined.count == BURST - SIMILAR_LIMIT
    assert recorder.dropped == 10_000 - BURST
