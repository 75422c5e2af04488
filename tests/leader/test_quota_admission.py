"""Admission by quota: what is stored and what is admitted but not yet stored count alike."""

from __future__ import annotations

import msgspec
import pytest

from pikube.api.errors import Forbidden
from pikube.api.kinds.core_config import ConfigMap, ResourceQuota, ResourceQuotaSpec
from pikube.api.kinds.core_service import Service, ServicePort, ServiceSpec
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.scheme import Scheme
from pikube.api.served import SERVED
from pikube.leader.request.admission import Attributes
from pikube.leader.request.context import LEADER, Context
from pikube.leader.request.quota import QuotaAdmission
from pikube.leader.store.contract import Draft, Key, Selectable
from pikube.leader.store.memory import MemoryStore

SCHEME = Scheme(SERVED)
CONTEXT = Context(user=LEADER, now=0.0)


def decode(cls, item):
    return msgspec.json.decode(item.value, type=cls)


async def put(store, obj):
    info = SCHEME.by_class(type(obj))
    obj.metadata.resource_version = "0"
    key = Key(info.storage, obj.metadata.namespace, obj.metadata.name)
    await store.create(Draft(key, msgspec.json.encode(obj), f"uid-{key.name}", Selectable({}, {})))


async def admission(hard):
    store = MemoryStore()
    meta = ObjectMeta(name="all", namespace="default")
    await put(store, ResourceQuota(metadata=meta, spec=ResourceQuotaSpec(hard=hard)))
    return store, QuotaAdmission(store, decode)


def asking(obj, old=None):
    info = SCHEME.by_class(type(obj))
    operation = "CREATE" if old is None else "UPDATE"
    return Attributes(operation, info, "default", obj.metadata.name, "", obj, old, CONTEXT)


def config_map(name):
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default"))


async def test_many_creates_at_once_do_not_pass_a_quota_together():
    store, quota = await admission({"configmaps": "2"})
    first, second = asking(config_map("a")), asking(config_map("b"))
    quota.admit(first)
    quota.admit(second)
    words = "exceeded quota: all, requested: configmaps=1, used: configmaps=2, limited: configmaps=2"
    with pytest.raises(Forbidden, match=words):
        quota.admit(asking(config_map("c")))
    await put(store, first.obj)
    quota.settle(first, True)
    quota.settle(second, False)  # its write failed: there is room again
    quota.admit(asking(config_map("c")))


async def test_other_namespaces_and_other_kinds_are_not_counted():
    _, quota = await admission({"configmaps": "0"})
    elsewhere = asking(config_map("a"))
    elsewhere.namespace = "other"
    quota.admit(elsewhere)
    quota.admit(asking(Service(metadata=ObjectMeta(name="s", namespace="default"))))


async def test_an_update_counts_for_what_it_adds():
    store, quota = await admission({"services.nodeports": "2"})
    ports = (ServicePort(port=80), ServicePort(port=81), ServicePort(port=82))
    meta = ObjectMeta(name="s", namespace="default")
    old = Service(metadata=meta, spec=ServiceSpec(type="NodePort", ports=ports[:2]))
    await put(store, old)
    quota.admit(asking(old, old))
    with pytest.raises(Forbidden, match=r"requested: services\.nodeports=1, used: services\.nodeports=2"):
        quota.admit(asking(Service(metadata=meta, spec=ServiceSpec(type="NodePort", ports=ports)), old))
