"""The official Python client, unmodified: typed and dynamic calls, watch, patches, exec, port-forward, informer.

Run by test_clients on the board as `official.py NAMESPACE POD`; the pod serves HTTP on 8080.
"""

import json
import sys
import threading

import websocket
from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.informer import SharedInformer
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
from kubernetes.stream import portforward, stream

namespace, pod = sys.argv[1:]
config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()


def config_map(name, data, labels=None):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=labels), data=data)


# typed objects, optimistic concurrency, every patch
made = core.create_namespaced_config_map(namespace, config_map("one", {"a": "1"}, {"kind": "typed"}))
assert made.metadata.uid and made.data == {"a": "1"}
stale = core.read_namespaced_config_map("one", namespace)
made.data["a"] = "2"
core.replace_namespaced_config_map("one", namespace, made)
stale.data["a"] = "3"
try:
    core.replace_namespaced_config_map("one", namespace, stale)
    raise AssertionError("a stale write was taken")
except ApiException as error:
    assert error.status == 409 and "the object has been modified" in error.body
core.patch_namespaced_config_map("one", namespace, {"data": {"b": "1"}})
core.patch_namespaced_config_map("one", namespace, [{"op": "remove", "path": "/data/a"}])
assert core.read_namespaced_config_map("one", namespace).data == {"b": "1"}
applied = core.patch_namespaced_config_map(
    "two",
    namespace,
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two", "labels": {"kind": "typed"}}},
    field_manager="me",
    force=True,
    _content_type="application/apply-patch+yaml",
)
assert applied.metadata.managed_fields[0].manager == "me"
assert len(core.list_namespaced_config_map(namespace, label_selector="kind=typed").items) == 2
first = core.list_namespaced_config_map(namespace, limit=1)
assert first.metadata._continue and first.metadata.remaining_item_count == 2
rest = core.list_namespaced_config_map(namespace, limit=10, _continue=first.metadata._continue)
assert len(rest.items) == 2
try:
    core.read_namespaced_config_map("none", namespace)
    raise AssertionError("nothing was found")
except ApiException as error:
    assert error.status == 404 and error.reason == "Not Found"
scale = apps.create_namespaced_deployment(
    namespace,
    client.V1Deployment(
        metadata=client.V1ObjectMeta(name="sized"),
        spec=client.V1DeploymentSpec(
            replicas=0,
            selector=client.V1LabelSelector(match_labels={"app": "sized"}),
            template=client.V1PodTemplateSpec(
                metadata=client.V1ObjectMeta(labels={"app": "sized"}),
                spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="localhost/box:1")]),
            ),
        ),
    ),
)
assert not apps.read_namespaced_deployment_scale("sized", namespace).spec.replicas  # Go leaves a 0 out

# a watch from a list's revision
begin = core.list_namespaced_config_map(namespace).metadata.resource_version
core.create_namespaced_config_map(namespace, config_map("three", {}, {"kind": "watched"}))
core.patch_namespaced_config_map("three", namespace, {"data": {"x": "y"}})
core.delete_namespaced_config_map("three", namespace)
seen = []
watcher = watch.Watch()
for event in watcher.stream(
    core.list_namespaced_config_map,
    namespace,
    resource_version=begin,
    field_selector="metadata.name=three",
    timeout_seconds=10,
):
    seen.append(event["type"])
    if event["type"] == "DELETED":
        watcher.stop()
assert seen == ["ADDED", "MODIFIED", "DELETED"], seen

# the dynamic client finds kinds by discovery
found = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="ConfigMap")
body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "four"}, "data": {"d": "1"}}
found.create(body=body, namespace=namespace)
assert found.get(name="four", namespace=namespace).data.d == "1"
found.server_side_apply(
    body={**body, "data": {"d": "2"}}, namespace=namespace, field_manager="x", force_conflicts=True
)
assert found.get(name="four", namespace=namespace).data.d == "2"

# exec and port-forward
said = stream(
    core.connect_get_namespaced_pod_exec, pod, namespace, command=["sh", "-c", "echo out; echo err >&2"],
    stdout=True, stderr=True, stdin=False, tty=False,
)  # fmt: skip
assert sorted(said.split()) == ["err", "out"], said
session = stream(
    core.connect_get_namespaced_pod_exec, pod, namespace, command=["sh", "-c", "read x; echo got $x; exit 3"],
    stdout=True, stderr=True, stdin=True, tty=False, _preload_content=False,
)  # fmt: skip
session.write_stdin("word\n")
session.run_forever(timeout=20)
assert session.read_stdout() == "got word\n" and session.returncode == 3
# who hangs up behind his input has it delivered, as Java's fabric8 uploads files
session = stream(
    core.connect_get_namespaced_pod_exec, pod, namespace, command=["sh", "-c", "cat > /tmp/sent"],
    stdout=False, stderr=True, stdin=True, tty=False, _preload_content=False,
)  # fmt: skip
session.write_stdin("x" * 3000)
session.close()
arrives = "for i in $(seq 50); do [ $(wc -c < /tmp/sent) = 3000 ] && echo all && exit; sleep 0.1; done"
said = stream(
    core.connect_get_namespaced_pod_exec, pod, namespace, command=["sh", "-c", arrives],
    stdout=True, stderr=False, stdin=False, tty=False,
)  # fmt: skip
assert said.strip() == "all", said

# it watches over a WebSocket, too
known = client.Configuration.get_default_copy()
where = f"{known.host.replace('https', 'wss')}/api/v1/namespaces/{namespace}/pods"
url = f"{where}?watch=true&fieldSelector=metadata.name={pod}"
tls = {"ca_certs": known.ssl_ca_cert, "certfile": known.cert_file, "keyfile": known.key_file}
watcher = websocket.create_connection(url, sslopt=tls, timeout=20)
event = json.loads(watcher.recv())
assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", pod), event
watcher.close()

forward = portforward(core.connect_get_namespaced_pod_portforward, pod, namespace, ports="8080")
sock = forward.socket(8080)
sock.setblocking(True)
sock.sendall(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
answer = b""
while data := sock.recv(1024):
    answer += data
sock.close()
assert b"200 OK" in answer and answer.endswith(b"there\n"), answer
assert core.read_namespaced_pod_log(pod, namespace, tail_lines=1) is not None

# leader election on a Lease
elected, ended = threading.Event(), threading.Event()
election = leaderelection.LeaderElection(
    electionconfig.Config(
        LeaseLock("election", namespace, "me"), lease_duration=4, renew_deadline=3, retry_period=1,
        onstarted_leading=elected.set, onstopped_leading=ended.set,
    )
)  # fmt: skip
threading.Thread(target=election.run, daemon=True).start()
assert elected.wait(20) and not ended.is_set()
lease = client.CoordinationV1Api().read_namespaced_lease("election", namespace)
assert lease.spec.holder_identity == "me"

# a shared informer keeps a cache
added, gone = threading.Event(), threading.Event()
informer = SharedInformer(core.list_namespaced_config_map, namespace=namespace, label_selector="kind=cached")
informer.add_event_handler("ADDED", lambda obj: added.set())
informer.add_event_handler("DELETED", lambda obj: gone.set())
informer.start()
core.create_namespaced_config_map(namespace, config_map("five", {}, {"kind": "cached"}))
assert added.wait(20)
assert [item.metadata.name for item in informer.cache.list()] == ["five"]
core.delete_namespaced_config_map("five", namespace)
assert gone.wait(20)
informer.stop()
print("all well")
