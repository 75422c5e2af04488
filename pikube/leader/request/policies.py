"""Shell: the stage of admission that applies MutatingAdmissionPolicies and holds writes to
ValidatingAdmissionPolicies, each before webhooks are asked.

Enter: Attributes. Leave: changed objects, warnings, or a refusal. Policies, bindings and parameters come from the
store's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from pikube.api.admission_mutation import MutationDenied, mutated
from pikube.api.admission_policy import (
    FAILURES,
    PolicyDenied,
    Violation,
    audit_annotations,
    audits,
    denies,
    is_about,
    noted,
    violations,
    warning,
    warns,
)
from pikube.api.admission_review import Facts
from pikube.api.codec import from_builtins
from pikube.api.kinds.admission import (
    MutatingAdmissionPolicy,
    MutatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
)
from pikube.api.scheme import Scheme
from pikube.api.selector import from_label_selector
from pikube.api.structure import structure_of
from pikube.leader.request.admission import Attributes
from pikube.leader.request.versions import Versions
from pikube.leader.request.webhooks import Webhooks
from pikube.leader.store.contract import Item, Key, Store

Decode = Callable[[type[Any], Item], Any]


class PoliciesAndWebhooks:
    """Implements admission.DynamicAdmission."""

    def __init__(
        self, store: Store, scheme: Scheme, decode: Decode, webhooks: Webhooks, versions: Versions
    ) -> None:
        self._store = store
        self._versions = versions
        self._scheme = scheme
        self._decode = decode
        self._webhooks = webhooks
        self._known: dict[Key, tuple[int, Any]] = {}

    async def mutate(self, attributes: Attributes) -> bool:
        """By the policies, in the order of their names, then by webhooks; policies that want it are applied once more
        when anybody has changed the object."""
        bindings = self._mutating_bindings() if attributes.operation in ("CREATE", "UPDATE") else []
        is_changed = await self._mutate(bindings, attributes)
        is_changed |= await self._webhooks.mutate(attributes)
        again = [(p, b) for p, b in bindings if p.spec.reinvocation_policy == "IfNeeded"]
        if is_changed and again:
            await self._mutate(again, attributes)
        return is_changed

    def _mutating_bindings(self) -> list[tuple[MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding]]:
        found = []
        for item in self._store.list(MutatingAdmissionPolicyBinding.names.resource).items:
            binding = self._object(MutatingAdmissionPolicyBinding, item)
            key = Key(MutatingAdmissionPolicy.names.resource, "", binding.spec.policy_name)
            policy = self._store.get(key)
            if policy is not None:
                found.append((self._object(MutatingAdmissionPolicy, policy), binding))
        return sorted(found, key=lambda pair: (pair[0].metadata.name, pair[1].metadata.name))

    async def _mutate(
        self,
        bindings: list[tuple[MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding]],
        attributes: Attributes,
    ) -> bool:
        """Whether the object was changed. MutationDenied."""
        facts = self._webhooks.facts(attributes) if bindings else None
        if facts is None or facts.is_exempt or facts.obj is None:
            return False
        before = facts.obj
        failures: list[str] = []
        for policy, binding in bindings:
            seen = await self._seen(policy, binding, facts, attributes)
            if seen is None:
                continue
            problems = await self._applied(policy, binding, seen, facts, attributes)
            if policy.spec.failure_policy != "Ignore":
                failures += problems
        info = attributes.info
        if failures:
            raise MutationDenied(info.resource, attributes.name, failures)
        if facts.obj == before:
            return False
        made = from_builtins(facts.obj, info.cls)
        made.metadata.uid = attributes.obj.metadata.uid
        attributes.obj = made
        return True

    async def _applied(
        self,
        policy: MutatingAdmissionPolicy,
        binding: MutatingAdmissionPolicyBinding,
        seen: Facts,
        facts: Facts,
        attributes: Attributes,
    ) -> list[str]:
        """Change `facts.obj` by one policy, with each of its parameter objects; what went wrong."""
        other = self._scheme.by_kind(seen.names.group, seen.names.version, seen.names.kind)
        cls: Any = (other or attributes.info).cls
        structure = structure_of(cls)
        problems: list[str] = []
        if unknown := self._unknown_params(policy):
            return [f'policy "{policy.metadata.name}" denied request: {unknown}']
        where = f"policy '{policy.metadata.name}' with binding '{binding.metadata.name}'"
        for params in self._params(policy, binding, seen):
            if isinstance(params, Violation):
                problems.append(f"{where} denied request: failed to configure binding: {params.message}")
                continue
            seen.obj, found = mutated(policy, seen, params, structure)
            problems += [f"{where} denied request: {problem}" for problem in found]
        if seen is not facts and seen.obj is not None:
            facts.obj = await self._versions.returned(seen.obj, seen, attributes.info)
        return problems

    async def _seen(self, policy: Any, binding: Any, facts: Facts, attributes: Attributes) -> Facts | None:
        """The write as the policy knows it; None when it or its binding is not about it."""
        constraints = policy.spec.match_constraints
        seen = await self._versions.seen(
            lambda facts: is_about(constraints, facts),
            constraints.match_policy if constraints is not None else None,
            facts,
            attributes.info,
        )
        return seen if seen is not None and is_about(binding.spec.match_resources, seen) else None

    async def validate(self, attributes: Attributes) -> None:
        bindings = self._store.list(ValidatingAdmissionPolicyBinding.names.resource).items
        if bindings:
            facts = self._webhooks.facts(attributes)
            if not facts.is_exempt:
                for item in bindings:
                    await self._hold(self._object(ValidatingAdmissionPolicyBinding, item), facts, attributes)
        await self._webhooks.validate(attributes)

    async def _hold(self, binding: Any, request: Facts, attributes: Attributes) -> None:
        item = self._store.get(Key(ValidatingAdmissionPolicy.names.resource, "", binding.spec.policy_name))
        if item is None:
            return
        policy = self._object(ValidatingAdmissionPolicy, item)
        facts = await self._seen(policy, binding, request, attributes)
        if facts is None:
            return
        if unknown := self._unknown_params(policy):
            if policy.spec.failure_policy != "Ignore":
                info = attributes.info
                raise PolicyDenied(
                    info.resource, attributes.name, policy.metadata.name, "", Violation(unknown)
                )
            return
        found: list[Violation] = []
        notes = attributes.context.notes
        for params in self._params(policy, binding, facts):
            if isinstance(params, Violation):
                found.append(params)
                continue
            found += violations(policy, facts, params)
            for key, value in audit_annotations(policy, facts, params).items():
                before = notes.get(key)
                notes[key] = f"{before}, {value}" if before and value not in before.split(", ") else value
        for violation in found:
            if audits(binding):
                notes[FAILURES] = noted(notes, policy.metadata.name, binding, violation)
            if denies(binding):
                info = attributes.info
                raise PolicyDenied(
                    info.resource, attributes.name, policy.metadata.name, binding.metadata.name, violation
                )
            if warns(binding):
                words = warning(policy.metadata.name, binding.metadata.name, violation)
                attributes.context.warnings.append(words)

    def _unknown_params(self, policy: Any) -> str:
        """What is wrong with a policy whose kind of parameters is not served (generic/policy_source.go)."""
        kind = policy.spec.param_kind
        if kind is None:
            return ""
        group, _, version = kind.api_version.rpartition("/")
        if self._scheme.by_kind(group, version, kind.kind) is not None:
            return ""
        named = f"{group}/{version}, Kind={kind.kind}"
        return f"failed to configure policy: failed to find resource referenced by paramKind: '{named}'"

    def _params(self, policy: Any, binding: Any, facts: Facts) -> Iterator[dict[str, Any] | Violation | None]:
        """The parameter objects to evaluate with, one after the other."""
        kind, ref = policy.spec.param_kind, binding.spec.param_ref
        if kind is None or ref is None:
            yield None
            return
        group, _, version = kind.api_version.rpartition("/")
        info = self._scheme.by_kind(group, version, kind.kind)
        items: list[Item] = []
        if info is not None:
            namespace = (ref.namespace or facts.namespace) if info.names.namespaced else None
            items = self._store.list(info.storage, namespace).items
            if ref.name:
                items = [item for item in items if item.key.name == ref.name]
            elif ref.selector is not None:
                selector = from_label_selector(ref.selector)
                items = [item for item in items if selector.matches(item.select.labels)]
            for item in items:
                yield msgspec.json.decode(info.shown(item.value))
        if not items and ref.parameter_not_found_action != "Allow":
            yield Violation("no params found for policy binding with `Deny` parameterNotFoundAction")

    def _object(self, cls: type[Any], item: Item) -> Any:
        known = self._known.get(item.key)
        if known is None or known[0] != item.revision:
            known = self._known[item.key] = (item.revision, self._decode(cls, item))
        return known[1]
