from msgspec import structs

from pikube.api.kinds.apps import DaemonSet, DaemonSetSpec
from pikube.api.kinds.core_container import Container
from pikube.api.kinds.core_pod import PodSpec, PodTemplateSpec
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.template_generation import ANNOTATION, begin, follow, template_generation


def daemon_set(image="web:1", min_ready=0, **annotations):
    template = PodTemplateSpec(spec=PodSpec(containers=(Container(name="c", image=image),)))
    spec = DaemonSetSpec(template=template, min_ready_seconds=min_ready)
    said = {ANNOTATION: annotations["said"]} if "said" in annotations else {}
    return DaemonSet(metadata=ObjectMeta(name="web", annotations={"other": "kept", **said}), spec=spec)


def test_it_counts_the_templates_and_nobody_may_change_it():
    first = daemon_set()
    begin(first)
    assert first.metadata.annotations == {"other": "kept", ANNOTATION: "1"}
    for new, expected in (
        (daemon_set(), "1"),
        (daemon_set(min_ready=3), "1"),
        (daemon_set("web:2"), "2"),
        (daemon_set("web:2", said="77"), "2"),
        (daemon_set("web:1", said="nonsense"), "1"),
    ):
        follow(new, first)
        assert template_generation(new) == expected


def test_one_that_is_brought_from_elsewhere_goes_on_counting():
    brought = daemon_set(said="7")
    begin(brought)
    after = daemon_set("web:2")
    follow(after, brought)
    assert template_generation(after) == "8"
    older = structs.replace(daemon_set(said="nonsense"))
    begin(older)
    assert template_generation(older) == "1"
