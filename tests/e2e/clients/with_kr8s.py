"""kr8s, unmodified. Run by test_clients on the board as `with_kr8s.py NAMESPACE POD`; the pod serves HTTP on 8080."""

import sys
import urllib.request

import kr8s
from kr8s.objects import ConfigMap, Deployment, Pod

namespace, name = sys.argv[1:]
api = kr8s.api(namespace=namespace)
assert api.version()["major"] == "1"
assert any(resource["kind"] == "Deployment" for resource in api.api_resources())

made = ConfigMap(
    {"metadata": {"name": "kr", "namespace": namespace, "labels": {"by": "kr8s"}}, "data": {"a": "1"}},
    api=api,
)
made.create()
assert made.exists()
made.patch({"data": {"a": "2"}})
made.label(more="yes")
made.annotate(note="hi")
assert made.data.a == "2" and made.labels.more == "yes"
found = list(api.get("configmaps", label_selector={"by": "kr8s"}))
assert [one.name for one in found] == ["kr"] and found[0].annotations["note"] == "hi"
made.delete()
made.wait("delete", timeout=20)

deployment = Deployment(
    {
        "metadata": {"name": "kr", "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "kr"}},
            "template": {
                "metadata": {"labels": {"app": "kr"}},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{"name": "c", "image": "localhost/box:1", "command": ["sleep", "1000"]}],
                },
            },
        },
    },
    api=api,
)
deployment.create()
deployment.wait("condition=Available", timeout=60)
assert deployment.ready() and len(list(deployment.pods())) == 1
deployment.scale(0)
assert deployment.replicas == 0

seen = []
for kind, obj in api.watch("configmaps", namespace=namespace):
    seen.append((kind, obj.name))
    if obj.name == "kube-root-ca.crt":
        break
assert ("ADDED", "kube-root-ca.crt") in seen

pod = Pod.get(name, namespace=namespace, api=api)
assert pod.ready()
said = pod.exec(["sh", "-c", "echo hi; exit 0"])
assert said.stdout == b"hi\n" and said.returncode == 0
assert isinstance(list(pod.logs(tail_lines=1)), list)
with pod.portforward(remote_port=8080) as port:
    assert b"there" in urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20).read()
print("all well")
