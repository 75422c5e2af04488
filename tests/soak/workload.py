"""Random things that people do to a cluster, as requests; and a memory of what was acknowledged.

Enter: a seeded random generator. Leave: (method, path, body, content type) to send. Nothing here knows pikube.
"""

import random

NAMESPACES = ("soak-a", "soak-b")
MERGE = "application/merge-patch+json"
JSON = "application/json"
FAIL = "fake/fails"

PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "ReplicationController": "/api/v1/namespaces/{}/replicationcontrollers",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Service": "/api/v1/namespaces/{}/services",
    "Pod": "/api/v1/namespaces/{}/pods",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
}
SCALED = ("Deployment", "ReplicaSet", "StatefulSet", "ReplicationController")
TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet")
NUMBERS = range(3)  # names of each kind: few, so that things meet


def path(kind, namespace, name=""):
    collection = PATHS[kind].format(namespace)
    return f"{collection}/{name}" if name else collection


def template(labels, *, fails=False, ends=False):
    spec = {
        "containers": [{"name": "c", "image": "fake:1", "resources": {"requests": {"cpu": "1m"}}}],
        "terminationGracePeriodSeconds": 1,
    }
    if ends:
        spec["restartPolicy"] = "Never"
    meta = {"labels": labels}
    if fails:
        meta["annotations"] = {FAIL: "yes"}
    return {"metadata": meta, "spec": spec}


class Workload:
    """`next()` is the next thing to do."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self._count = 0

    def next(self):
        r = self.random
        act = r.choices(
            (self.create, self.scale, self.change, self.delete, self.delete_pod, self.write),
            (8, 8, 5, 4, 5, 6),
        )[0]
        return act(r.choice(NAMESPACES))

    def create(self, namespace):
        r = self.random
        kind = r.choice((*SCALED, "DaemonSet", "Job", "Job", "Service", "Deployment", "PodDisruptionBudget"))
        name = f"{kind.lower()[:9]}-{r.choice(NUMBERS)}"
        labels = {"app": name}
        body = {"metadata": {"name": name, "labels": labels}}
        if kind == "Job":
            self._count += 1
            body["metadata"]["name"] = f"job-{self._count}"
            body["spec"] = self._job()
        elif kind == "Service":
            target = f"{r.choice(SCALED).lower()[:9]}-{r.choice(NUMBERS)}"
            body["spec"] = {"selector": {"app": target}, "ports": [{"port": 80}]}
        elif kind == "PodDisruptionBudget":
            target = f"deploymen-{r.choice(NUMBERS)}"
            body["spec"] = {"selector": {"matchLabels": {"app": target}}, "minAvailable": r.randint(0, 3)}
        else:
            body["spec"] = {"selector": {"matchLabels": labels}, "template": template(labels)}
            if kind != "DaemonSet":
                body["spec"]["replicas"] = r.randint(0, 6)
            if kind == "ReplicationController":
                body["spec"]["selector"] = labels
            if kind == "StatefulSet":
                body["spec"]["serviceName"] = "none"
                body["spec"]["podManagementPolicy"] = r.choice(("OrderedReady", "Parallel"))
        return "POST", path(kind, namespace), body, JSON

    def _job(self):
        r = self.random
        fails = r.random() < 0.25
        spec = {
            "completions": r.randint(1, 5),
            "parallelism": r.randint(1, 3),
            "backoffLimit": 0 if fails else 4,
            "template": template({"job": "yes"}, fails=fails, ends=True),
        }
        if r.random() < 0.4:
            spec["completionMode"] = "Indexed"
        return spec

    def _named(self, kind):
        return f"{kind.lower()[:9]}-{self.random.choice(NUMBERS)}"

    def scale(self, namespace):
        kind = self.random.choice(SCALED)
        body = {"spec": {"replicas": self.random.randint(0, 8)}}
        return "PATCH", path(kind, namespace, self._named(kind)), body, MERGE

    def change(self, namespace):
        """Another template: a rollout."""
        kind = self.random.choice(TEMPLATED)
        self._count += 1
        annotations = {"round": str(self._count)}
        body = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        return "PATCH", path(kind, namespace, self._named(kind)), body, MERGE

    def delete(self, namespace):
        kind = self.random.choice((*SCALED, "DaemonSet", "Service", "PodDisruptionBudget"))
        policy = self.random.choice(("Background", "Background", "Foreground", "Orphan"))
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy}
        return "DELETE", path(kind, namespace, self._named(kind)), options, JSON

    def delete_pod(self, namespace):
        """Some pod; the driver puts a name in the place of `?`."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if self.random.random() < 0.4:
            options["gracePeriodSeconds"] = 0
        return "DELETE", path("Pod", namespace, "?"), options, JSON

    def write(self, namespace):
        """A ConfigMap, whose last acknowledged content must outlive every crash."""
        self._count += 1
        name = f"kept-{self.random.choice(range(8))}"
        body = {
            "kind": "ConfigMap",
            "apiVersion": "v1",
            "metadata": {"name": name},
            "data": {"n": str(self._count)},
        }
        apply = f"{path('ConfigMap', namespace, name)}?fieldManager=soak&force=true"
        return "PATCH", apply, body, "application/apply-patch+yaml"
