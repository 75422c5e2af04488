"""What must be true of a cluster that has come to rest: read from the API's documents, with none of pikube's code.

Enter: every object, as JSON. Leave: sentences that say what is wrong. The rules are Kubernetes' documentation,
written down once more on purpose: a checker that shared code with the controllers would share their mistakes.
"""

from collections import Counter, defaultdict

ENDED = ("Succeeded", "Failed")
TRACKING = "batch.kubernetes.io/job-tracking"
HASH = "pod-template-hash"


class Cluster:
    """Objects by kind: `{"Pod": [...], …}`."""

    def __init__(self, objects):
        self.objects = objects
        self.by_uid = {o["metadata"]["uid"]: o for kind in objects.values() for o in kind}
        self.owned = defaultdict(list)
        for kind, items in objects.items():
            for item in items:
                owner = controller(item)
                if owner is not None:
                    self.owned[owner["uid"], kind].append(item)

    def of(self, kind):
        return self.objects.get(kind, [])

    def pods_of(self, owner):
        return self.owned[owner["metadata"]["uid"], "Pod"]


def check(objects):
    """Everything that is wrong."""
    cluster = Cluster(objects)
    rules = (
        identities, owners, placement, settled, deployments, replica_sets, stateful_sets, daemon_sets, jobs,
        endpoints, quotas, budgets,
    )  # fmt: skip
    return [f"{rule.__name__}: {problem}" for rule in rules for problem in rule(cluster)]


def name(obj):
    meta = obj["metadata"]
    return f"{obj.get('kind', '?')} {meta.get('namespace', '')}/{meta['name']}"


def controller(obj):
    refs = obj["metadata"].get("ownerReferences", [])
    return next((ref for ref in refs if ref.get("controller")), None)


def is_active(pod):
    return pod["status"].get("phase") not in ENDED and not is_going(pod)


def is_going(obj):
    return bool(obj["metadata"].get("deletionTimestamp"))


def is_ready(pod):
    return condition(pod, "Ready") == "True"


def condition(obj, type_):
    conditions = obj.get("status", {}).get("conditions", [])
    return next((c["status"] for c in conditions if c["type"] == type_), "")


def matches(selector, labels):
    """matchLabels or a plain map; an empty one selects nothing here."""
    wanted = selector.get("matchLabels", selector) if isinstance(selector, dict) else {}
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def labels_of(obj):
    return obj["metadata"].get("labels", {})


def identities(cluster):
    """Each uid and each name is there once; whoever lives in a namespace, that namespace is there."""
    everything = [o for kind in cluster.objects.values() for o in kind]
    for uid, count in Counter(o["metadata"]["uid"] for o in everything).items():
        if count > 1:
            yield f"uid {uid} is there {count} times"
    for what, count in Counter(map(name, everything)).items():
        if count > 1:
            yield f"{what} is there {count} times"
    namespaces = {n["metadata"]["name"] for n in cluster.of("Namespace")}
    for obj in everything:
        namespace = obj["metadata"].get("namespace")
        if namespace and namespace not in namespaces:
            yield f"{name(obj)} is in a namespace that is gone"


def owners(cluster):
    """No orphan: whoever names a controller, that controller is there, and its selector still fits."""
    for kind in cluster.objects.values():
        for obj in kind:
            ref = controller(obj)
            if ref is None or ref["kind"] == "Node":
                continue
            owner = cluster.by_uid.get(ref["uid"])
            if owner is None:
                yield f"{name(obj)} belongs to {ref['kind']} {ref['name']}, which is gone"
            elif owner["metadata"]["name"] != ref["name"] or owner["kind"] != ref["kind"]:
                yield f"{name(obj)} names its owner wrongly"
            elif obj["kind"] != "Pod" or owner["kind"] == "Job":
                continue
            elif not matches(owner["spec"]["selector"], labels_of(obj)):
                yield f"{name(obj)} does not match the selector of {name(owner)}"


def placement(cluster):
    """Every pod that runs is on a board that is there; no address twice; no board holds more than it may."""
    nodes = {n["metadata"]["name"]: n for n in cluster.of("Node")}
    addresses = Counter()
    held = Counter()
    for pod in cluster.of("Pod"):
        node = pod["spec"].get("nodeName", "")
        if pod["status"].get("phase") == "Running" and node not in nodes:
            yield f"{name(pod)} runs on board {node!r}, which is not there"
        if node and pod["status"].get("phase") not in ENDED:
            held[node] += 1
            if pod["status"].get("podIP"):
                addresses[pod["status"]["podIP"]] += 1
    for address, count in addresses.items():
        if count > 1:
            yield f"{count} pods have the address {address}"
    for node, count in held.items():
        if node in nodes and count > int(nodes[node]["status"]["allocatable"]["pods"]):
            yield f"board {node} holds {count} pods"


def settled(cluster):
    """Nothing is on its way out, and everything that has a controller has been looked at."""
    for items in cluster.objects.values():
        for obj in items:
            if is_going(obj):
                yield f"{name(obj)} is still being deleted"
            observed = obj.get("status", {}).get("observedGeneration")
            if observed is not None and observed != obj["metadata"].get("generation"):
                yield f"{name(obj)} was last seen at generation {observed}"
    for pod in cluster.of("Pod"):
        if is_active(pod) and not is_ready(pod):
            yield f"{name(pod)} is {pod['status'].get('phase')} and not ready"


def deployments(cluster):
    """One ReplicaSet has the template and all replicas; the others have none."""
    for deployment in cluster.of("Deployment"):
        wanted = deployment["spec"]["replicas"]
        sets = cluster.owned[deployment["metadata"]["uid"], "ReplicaSet"]
        current = [s for s in sets if bare_template(s) == bare_template(deployment)]
        if len(current) != 1:
            yield f"{name(deployment)} has {len(current)} ReplicaSets of its template"
            continue
        if current[0]["spec"]["replicas"] != wanted:
            yield f"{name(current[0])} wants {current[0]['spec']['replicas']} replicas of {wanted}"
        for other in sets:
            if other is not current[0] and other["spec"]["replicas"]:
                yield f"{name(other)} is old and wants {other['spec']['replicas']} replicas"
        yield from counters(
            deployment,
            replicas=wanted,
            updatedReplicas=wanted,
            readyReplicas=wanted,
            availableReplicas=wanted,
        )


def bare_template(owner):
    template = owner["spec"]["template"]
    labels = {k: v for k, v in template["metadata"].get("labels", {}).items() if k != HASH}
    annotations = template["metadata"].get("annotations", {})
    return {"labels": labels, "annotations": annotations, "spec": template["spec"]}


def counters(obj, **expected):
    """Status fields; one that is absent is 0."""
    for field, value in expected.items():
        seen = obj["status"].get(field, 0)
        if seen != value:
            yield f"{name(obj)} says {field} {seen} instead of {value}"


def replica_sets(cluster):
    """As many active pods as wanted; the status tells the truth."""
    for kind in ("ReplicaSet", "ReplicationController"):
        for owner in cluster.of(kind):
            pods = [pod for pod in cluster.pods_of(owner) if is_active(pod)]
            if len(pods) != owner["spec"]["replicas"]:
                yield f"{name(owner)} has {len(pods)} pods instead of {owner['spec']['replicas']}"
            ready = sum(map(is_ready, pods))
            yield from counters(owner, replicas=len(pods), readyReplicas=ready, availableReplicas=ready)


def stateful_sets(cluster):
    """Exactly the ordinals 0 … n-1, each once, all of the newest revision."""
    for owner in cluster.of("StatefulSet"):
        wanted = owner["spec"]["replicas"]
        pods = cluster.pods_of(owner)
        base = owner["metadata"]["name"]
        expected = sorted(f"{base}-{ordinal}" for ordinal in range(wanted))
        seen = sorted(pod["metadata"]["name"] for pod in pods)
        if seen != expected:
            yield f"{name(owner)} has {seen} instead of {expected}"
        newest = owner["status"].get("updateRevision")
        for pod in pods:
            if labels_of(pod).get("controller-revision-hash") != newest:
                yield f"{name(pod)} is not of revision {newest}"
        yield from counters(owner, replicas=wanted, readyReplicas=wanted, updatedReplicas=wanted)


def daemon_sets(cluster):
    """One pod on each board that takes it."""
    boards = sorted(
        node["metadata"]["name"]
        for node in cluster.of("Node")
        if not any(t["effect"] != "PreferNoSchedule" for t in node["spec"].get("taints", []))
    )
    for owner in cluster.of("DaemonSet"):
        seen = sorted(pod["spec"].get("nodeName", "") for pod in cluster.pods_of(owner) if is_active(pod))
        if seen != boards:
            yield f"{name(owner)} runs on {seen} instead of {boards}"
        count = len(boards)
        yield from counters(
            owner, desiredNumberScheduled=count, currentNumberScheduled=count, numberReady=count,
            updatedNumberScheduled=count, numberMisscheduled=0,
        )  # fmt: skip


def jobs(cluster):
    """Ended as it had to; every end counted once; nobody is held by a finalizer any more."""
    for job in cluster.of("Job"):
        completions = job["spec"].get("completions") or 1
        status = job["status"]
        must_fail = "fake/fails" in job["spec"]["template"]["metadata"].get("annotations", {})
        wanted = "Failed" if must_fail else "Complete"
        if condition(job, wanted) != "True":
            yield f"{name(job)} is not {wanted}: {status}"
            continue
        if not must_fail and status.get("succeeded", 0) != completions:
            yield f"{name(job)} counts {status.get('succeeded', 0)} successes of {completions}"
        if must_fail and status.get("succeeded", 0):
            yield f"{name(job)} counts successes of pods that all failed"
        uncounted = status.get("uncountedTerminatedPods") or {}
        if any(uncounted.values()):
            yield f"{name(job)} has uncounted ends {uncounted}"
        if status.get("active", 0):
            yield f"{name(job)} has ended and says that {status['active']} pods are active"
        if job["spec"].get("completionMode") == "Indexed" and not must_fail:
            expected = f"0-{completions - 1}" if completions > 2 else ",".join(map(str, range(completions)))
            if status.get("completedIndexes") != expected:
                yield f"{name(job)} completed {status.get('completedIndexes')} instead of {expected}"
        for pod in cluster.pods_of(job):
            if TRACKING in pod["metadata"].get("finalizers", []):
                yield f"{name(pod)} is still held for counting"
            if pod["status"].get("phase") not in ENDED:
                yield f"{name(pod)} runs on after the end of its Job"


def endpoints(cluster):
    """A Service leads to exactly the ready pods that it selects, in slices and in the old Endpoints."""
    slices = defaultdict(list)
    for one in cluster.of("EndpointSlice"):
        slices[one["metadata"]["namespace"], labels_of(one).get("kubernetes.io/service-name")].append(one)
    old = {(e["metadata"]["namespace"], e["metadata"]["name"]): e for e in cluster.of("Endpoints")}
    for service in cluster.of("Service"):
        selector = service["spec"].get("selector")
        if not selector:
            continue
        key = service["metadata"]["namespace"], service["metadata"]["name"]
        expected = sorted(
            pod["status"]["podIP"]
            for pod in cluster.of("Pod")
            if pod["metadata"]["namespace"] == key[0]
            and matches(selector, labels_of(pod))
            and is_ready(pod)
            and is_active(pod)
        )
        found = []
        for one in slices[key]:
            entries = one.get("endpoints") or []
            if len(entries) > 100:
                yield f"{name(one)} has {len(entries)} endpoints"
            found += [e["addresses"][0] for e in entries if e["conditions"].get("ready")]
        if sorted(found) != expected:
            yield f"{name(service)} leads to {sorted(found)} instead of {expected}"
        subsets = old.get(key, {}).get("subsets") or []
        told = sorted(address["ip"] for subset in subsets for address in subset.get("addresses") or [])
        if told != expected[:1000]:
            yield f"the Endpoints of {name(service)} tell {told} instead of {expected}"


def quotas(cluster):
    """Used is what is there."""
    for quota in cluster.of("ResourceQuota"):
        if "pods" not in quota["spec"]["hard"]:
            continue
        here = [
            pod
            for pod in cluster.of("Pod")
            if pod["metadata"]["namespace"] == quota["metadata"]["namespace"]
            and pod["status"].get("phase") not in ENDED
        ]
        used = quota["status"].get("used", {}).get("pods")
        if used != str(len(here)):
            yield f"{name(quota)} says that {used} pods are used, and there are {len(here)}"


def budgets(cluster):
    """Healthy pods as they are, and what may be disrupted."""
    for budget in cluster.of("PodDisruptionBudget"):
        pods = [
            pod
            for pod in cluster.of("Pod")
            if pod["metadata"]["namespace"] == budget["metadata"]["namespace"]
            and matches(budget["spec"]["selector"], labels_of(pod))
            and is_active(pod)
        ]
        healthy = sum(map(is_ready, pods))
        least = budget["spec"].get("minAvailable", 0)
        yield from counters(
            budget, currentHealthy=healthy, expectedPods=len(pods), desiredHealthy=least,
            disruptionsAllowed=max(0, healthy - least),
        )  # fmt: skip
