"""Shell: LimitRanges: what containers that say nothing get, and what pods, containers and claims may ask for.

Enter: a pod or claim and the namespace's LimitRanges. Leave: the pod with defaults, refusals. Called by
the admission chain. Source: kubernetes plugin/pkg/admission/limitranger/admission.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pikube.api.errors import Forbidden
from pikube.api.kinds.core_config import LimitRange, LimitRangeItem
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.quantity import add, canonical, compare, parse
from pikube.leader.request.admission import Attributes
from pikube.leader.request.plugins import Plugin

ANNOTATION = "kubernetes.io/limit-ranger"
Quantities = Mapping[str, Any]


class LimitRanger(Plugin):
    """Runs early: what it sets, others look at."""

    is_repeatable = True

    def admit(self, attributes: Attributes) -> None:
        """Raises Forbidden."""
        if attributes.subresource or attributes.operation == "DELETE":
            return
        obj = attributes.obj
        is_pod = isinstance(obj, Pod) and attributes.operation == "CREATE"
        if not is_pod and not isinstance(obj, PersistentVolumeClaim):
            return
        ranges = sorted(
            self._all(LimitRange, attributes.namespace), key=lambda found: str(found.metadata.name)
        )
        items = [item for found in ranges for item in found.spec.limits]
        if isinstance(obj, Pod):
            apply_defaults(obj, items)
            problems = pod_problems(obj, items)
        else:
            problems = claim_problems(obj, items)
        if problems:
            words = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
            raise Forbidden.of(attributes.info.resource, obj.metadata.name or attributes.name, words)


def apply_defaults(pod: Pod, items: Iterable[LimitRangeItem]) -> None:
    """Changes the pod: requests and limits of containers that state none, and the annotation that tells it."""
    defaults = [item for item in items if item.type == "Container"]
    said: list[str] = []
    for container in (*pod.spec.containers, *pod.spec.init_containers):
        resources = container.resources
        for which, attribute in (("request", "default_request"), ("limit", "default")):
            given: dict[str, Any] = dict(resources.requests if which == "request" else resources.limits)
            added: dict[str, Any] = {}
            for item in defaults:
                added.update(
                    {n: q for n, q in getattr(item, attribute).items() if n not in {**given, **added}}
                )
            if not added:
                continue
            given.update(added)
            if which == "request":
                resources.requests = given
            else:
                resources.limits = given
            kind = "init container" if container in pod.spec.init_containers else "container"
            said.append(f"{', '.join(sorted(added))} {which} for {kind} {container.name}")
    if said:
        words = f"LimitRanger plugin set: {'; '.join(said)}"
        pod.metadata.annotations = {**pod.metadata.annotations, ANNOTATION: words}


def pod_problems(pod: Pod, items: Iterable[LimitRangeItem]) -> list[str]:
    """What of a pod is outside the limits."""
    problems: list[str] = []
    containers = (*pod.spec.containers, *pod.spec.init_containers)
    for item in items:
        if item.type == "Container":
            for container in containers:
                problems += _problems(item, container.resources.requests, container.resources.limits)
        elif item.type == "Pod":
            requests = _sum(c.resources.requests for c in pod.spec.containers)
            limits = _sum(c.resources.limits for c in pod.spec.containers)
            for container in pod.spec.init_containers:
                _raise_to(requests, container.resources.requests)
                _raise_to(limits, container.resources.limits)
            problems += _problems(item, requests, limits)
    return list(dict.fromkeys(problems))


def claim_problems(claim: PersistentVolumeClaim, items: Iterable[LimitRangeItem]) -> list[str]:
    """What of a claim is outside the limits; a claim has requests only."""
    problems: list[str] = []
    requests = claim.spec.resources.requests
    for item in items:
        if item.type != "PersistentVolumeClaim":
            continue
        for bounds, word, sign in ((item.min, "minimum", -1), (item.max, "maximum", 1)):
            for name, bound in sorted(bounds.items()):
                asked = requests.get(name)
                head = f"{word} {name} usage per {item.type} is {bound}"
                if asked is None:
                    problems.append(f"{head}.  No request is specified")
                elif compare(asked, bound) == sign:
                    problems.append(f"{head}, but request is {asked}")
    return problems


def _problems(item: LimitRangeItem, requests: Quantities, limits: Quantities) -> list[str]:
    problems = []
    for name, bound in sorted(item.min.items()):
        request, limit = requests.get(name), limits.get(name)
        head = f"minimum {name} usage per {item.type} is {bound}"
        if request is None:
            problems.append(f"{head}.  No request is specified")
        elif limit is not None and compare(limit, bound) < 0:
            problems.append(f"{head}, but limit is {limit}")
        elif compare(request, bound) < 0:
            problems.append(f"{head}, but request is {request}")
    for name, bound in sorted(item.max.items()):
        request, limit = requests.get(name), limits.get(name)
        head = f"maximum {name} usage per {item.type} is {bound}"
        if limit is None:
            problems.append(f"{head}.  No limit is specified")
        elif compare(limit, bound) > 0:
            problems.append(f"{head}, but limit is {limit}")
        elif request is not None and compare(request, bound) > 0:
            problems.append(f"{head}, but request is {request}")
    for name, bound in sorted(item.max_limit_request_ratio.items()):
        problems += _ratio_problem(item, name, bound, requests.get(name), limits.get(name))
    return problems


def _ratio_problem(item: LimitRangeItem, name: str, bound: Any, request: Any, limit: Any) -> list[str]:
    head = f"{name} max limit to request ratio per {item.type} is {bound}"
    if request is None or not parse(request).nano:
        return [f"{head}, but no request is specified or request is 0"]
    if limit is None or not parse(limit).nano:
        return [f"{head}, but no limit is specified or limit is 0"]
    ratio = parse(limit).nano / parse(request).nano
    if ratio <= parse(bound).nano / 10**9:
        return []
    return [f"{head}, but provided ratio is {ratio:f}"]


def _sum(parts: Iterable[Quantities]) -> dict[str, Any]:
    """Of what every container states; a resource that one of them leaves open still counts for the others."""
    found: dict[str, Any] = {}
    for part in parts:
        for name, amount in part.items():
            found[name] = add(found[name], amount) if name in found else canonical(amount)
    return found


def _raise_to(total: dict[str, Any], least: Quantities) -> None:
    for name, amount in least.items():
        if name not in total or compare(amount, total[name]) > 0:
            total[name] = amount
