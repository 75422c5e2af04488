from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pikube.api.kinds.core_config import ConfigMap
from pikube.api.kinds.meta import ObjectMeta, OwnerReference
from pikube.informer.cache import Cache, ObjectKey, key_of


def config_map(name, namespace="default", owner="", colour=""):
    owners = (OwnerReference(kind="X", name=owner, uid=owner, controller=True),) if owner else ()
    meta = ObjectMeta(name=name, namespace=namespace, owner_references=owners, labels={"colour": colour})
    return ConfigMap(metadata=meta)


def by_colour(obj):
    return [obj.metadata.labels["colour"]]


objects = st.builds(
    config_map,
    st.sampled_from("abc"),
    st.sampled_from(["default", "lab"]),
    st.sampled_from(["", "o1", "o2"]),
    st.sampled_from(["red", "blue"]),
)


@given(st.lists(st.tuples(st.booleans(), objects)))
def test_indexes_always_agree_with_the_objects(steps):
    cache = Cache(ConfigMap)
    cache.add_index("colour", by_colour)
    plain = {}
    for is_put, obj in steps:
        key = key_of(obj)
        if is_put:
            assert cache.put(obj) is plain.get(key)
            plain[key] = obj
        else:
            assert cache.drop(key) is plain.pop(key, None)
    assert {key_of(obj): obj for obj in cache} == plain
    for colour in ("red", "blue"):
        wanted = {key for key, obj in plain.items() if by_colour(obj) == [colour]}
        assert {key_of(obj) for obj in cache.indexed("colour", colour)} == wanted
    for owner in ("o1", "o2"):
        wanted = {k for k, obj in plain.items() if any(r.uid == owner for r in obj.metadata.owner_references)}
        assert {key_of(obj) for obj in cache.owned_by(owner)} == wanted
    for namespace in ("default", "lab"):
        assert {k.name for k in plain if k.namespace == namespace} == {
            obj.metadata.name for obj in cache.in_namespace(namespace)
        }
    assert len(cache) == len(plain)
    assert cache.keys() == set(plain)


def test_an_index_added_late_knows_the_objects_that_are_there():
    cache = Cache(ConfigMap)
    cache.put(config_map("a", colour="red"))
    cache.add_index("colour", by_colour)
    assert [obj.metadata.name for obj in cache.indexed("colour", "red")] == ["a"]
    assert cache.get(ObjectKey("default", "a")) is not None
    assert str(ObjectKey("", "node")) == "node"
