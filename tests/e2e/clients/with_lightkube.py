"""lightkube, unmodified. Run by test_clients on the board as `with_lightkube.py NAMESPACE POD`."""

import sys

from lightkube import ApiError, Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Node, Pod
from lightkube.types import CascadeType, PatchType

namespace, name = sys.argv[1:]
client = Client(namespace=namespace, field_manager="lightkube")
assert [node.metadata.name for node in client.list(Node)] == ["board"]

made = client.create(ConfigMap(metadata=ObjectMeta(name="lk", labels={"by": "lk"}), data={"a": "1"}))
made.data["a"] = "2"
assert client.replace(made).data == {"a": "2"}
assert client.patch(ConfigMap, "lk", {"data": {"b": "1"}}).data == {"a": "2", "b": "1"}
assert client.patch(ConfigMap, "lk", {"data": {"a": None}}, patch_type=PatchType.MERGE).data == {"b": "1"}
assert client.patch(
    ConfigMap, "lk", [{"op": "add", "path": "/data/c", "value": "2"}], patch_type=PatchType.JSON
).data == {"b": "1", "c": "2"}
applied = client.apply(ConfigMap(metadata=ObjectMeta(name="lk-applied"), data={"x": "y"}))
assert applied.metadata.managedFields[0].manager == "lightkube"
try:
    client.get(ConfigMap, "none")
    raise AssertionError("nothing was found")
except ApiError as error:
    assert error.status.code == 404 and error.status.reason == "NotFound"
assert [c.metadata.name for c in client.list(ConfigMap, labels={"by": "lk"}, chunk_size=1)] == ["lk"]

for kind, obj in client.watch(ConfigMap, labels={"by": "lk"}, server_timeout=20):
    assert (kind, obj.metadata.name) == ("ADDED", "lk")
    break

pod = client.wait(Pod, name, for_conditions=["Ready"])
assert pod.status.phase == "Running"
assert isinstance(list(client.log(name, tail_lines=1)), list)
client.delete(ConfigMap, "lk", cascade=CascadeType.FOREGROUND)
client.deletecollection(ConfigMap, namespace=namespace)
assert client.list(Deployment) is not None
print("all well")
