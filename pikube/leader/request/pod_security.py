"""Shell: pods meet the level that their namespace asks for; what would make pods that do not is warned of.

Reads namespaces and pods in the store's memory; decides with pikube.api.pod_security. An admission plugin that looks
at finished objects. Source: k8s.io/pod-security-admission admission/admission.go.
"""

from __future__ import annotations

from typing import Any

from pikube.api.errors import Forbidden, Invalid
from pikube.api.kinds.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from pikube.api.kinds.batch import CronJob, Job
from pikube.api.kinds.core_config import Namespace, ReplicationController
from pikube.api.kinds.core_pod import Pod, PodSpec, PodTemplate, PodTemplateSpec
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.pod_security.evaluation import details, evaluate, reasons
from pikube.api.pod_security.policy import PREFIX, PRIVILEGED, LevelVersion, Policy, policy_of
from pikube.leader.request.admission import Attributes
from pikube.leader.request.plugins import Plugin

MAKERS = (CronJob, DaemonSet, Deployment, Job, PodTemplate, ReplicaSet, ReplicationController, StatefulSet)
UNASKED = ("exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "resize", "status")
"""Subresources of pods that change nothing of what is looked at."""
SECCOMP, SECCOMP_OF = (
    "seccomp.security.alpha.kubernetes.io/pod",
    "container.seccomp.security.alpha.kubernetes.io/",
)


class PodSecurity(Plugin):
    """The Pod Security Standards, as the labels of namespaces ask for them."""

    def validate(self, attributes: Attributes) -> None:
        """Forbidden for a pod that breaks what is enforced; Invalid for labels that say nothing."""
        cls, obj, old = attributes.info.cls, attributes.obj, attributes.old
        if cls is Namespace:
            if not attributes.subresource:
                self._namespace(attributes)
        elif cls is Pod:
            if attributes.subresource not in UNASKED and (old is None or _is_significant(obj, old)):
                self._look(attributes, obj.metadata, obj.spec, is_pod=True)
        elif cls in MAKERS and not attributes.subresource:
            template = _template(obj)
            if template is not None:
                self._look(attributes, template.metadata, template.spec, is_pod=False)

    def _look(self, attributes: Attributes, meta: ObjectMeta, spec: PodSpec, *, is_pod: bool) -> None:
        policy, is_read = self._policy(attributes.namespace)
        if policy.asks_nothing:
            return
        notes = attributes.context.notes
        if not is_read:
            notes[f"{PREFIX}error"] = "Failed to parse policy"
        if is_pod:
            notes[f"{PREFIX}enforce-policy"] = str(policy.enforce)
            broken = evaluate(policy.enforce, meta, spec)
            if broken:
                words = f'violates PodSecurity "{policy.enforce}": {details(broken)}'
                raise Forbidden.of(attributes.info.resource, attributes.name, words)
        would = evaluate(policy.audit, meta, spec)
        if would:
            words = f'would violate PodSecurity "{policy.audit}": {details(would)}'
            notes[f"{PREFIX}audit-violations"] = words
        would = evaluate(policy.warn, meta, spec)
        if would:
            words = f'would violate PodSecurity "{policy.warn}": {details(would)}'
            attributes.context.warnings.append(words)

    def _policy(self, namespace: str) -> tuple[Policy, bool]:
        found = self._find(Namespace, "", namespace)
        policy, causes = policy_of(found.metadata.labels if found is not None else {})
        return policy, not causes

    def _namespace(self, attributes: Attributes) -> None:
        """Its labels must be readable, unless they were the same before; pods that break a new level are named."""
        obj, old = attributes.obj, attributes.old
        policy, causes = policy_of(obj.metadata.labels)
        before, before_causes = policy_of(old.metadata.labels if old is not None else {})
        if causes and (old is None or causes != before_causes):
            raise Invalid.of("Namespace", "", attributes.name, causes)
        if old is None or policy.enforce == before.enforce or policy.enforce.level == PRIVILEGED:
            return
        is_relaxed = policy.enforce.strictness <= before.enforce.strictness
        if policy.enforce.version == before.enforce.version and is_relaxed:
            return
        attributes.context.warnings.extend(self._existing(attributes.name, policy.enforce))

    def _existing(self, namespace: str, enforce: LevelVersion) -> list[str]:
        names: dict[str, list[str]] = {}
        for pod in self._all(Pod, namespace):
            broken = evaluate(enforce, pod.metadata, pod.spec)
            if broken:
                names.setdefault(reasons(broken), []).append(pod.metadata.name)
        if not names:
            return []
        words = (
            f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{enforce}"'
        )
        return [words, *sorted(f"{_first(pods)}: {why}" for why, pods in names.items())]


def _first(pods: list[str]) -> str:
    others = len(pods) - 1
    if not others:
        return pods[0]
    return f"{min(pods)} (and {others} other {'pod' if others == 1 else 'pods'})"


def _template(obj: Any) -> PodTemplateSpec | None:
    if isinstance(obj, PodTemplate):
        return obj.template
    spec = obj.spec.job_template.spec if isinstance(obj, CronJob) else obj.spec
    template: PodTemplateSpec | None = spec.template
    return template


def _is_significant(new: Pod, old: Pod) -> bool:
    """Whether an update may break a level: another image, another container, another seccomp annotation."""
    if len(new.spec.containers) != len(old.spec.containers):
        return True
    if len(new.spec.init_containers) != len(old.spec.init_containers):
        return True
    if new.metadata.annotations.get(SECCOMP) != old.metadata.annotations.get(SECCOMP):
        return True
    added = {container.name: container.image for container in old.spec.ephemeral_containers}
    pairs = [
        *((a.name, a.image, b.image) for a, b in zip(new.spec.containers, old.spec.containers, strict=True)),
        *(
            (a.name, a.image, b.image)
            for a, b in zip(new.spec.init_containers, old.spec.init_containers, strict=True)
        ),
        *((c.name, c.image, added.get(c.name)) for c in new.spec.ephemeral_containers),
    ]
    for name, image, before in pairs:
        key = SECCOMP_OF + name
        if image != before or new.metadata.annotations.get(key) != old.metadata.annotations.get(key):
            return True
    return False
