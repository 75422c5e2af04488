"""Shell: the stage of admission that holds writes to ValidatingAdmissionPolicies, before webhooks are asked.

Enter: Attributes. Leave: warnings, or a refusal. Policies, bindings and parameters come from the store's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

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
from pikube.api.kinds.admission import ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding
from pikube.api.scheme import Scheme
from pikube.api.selector import from_label_selector
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
        return await self._webhooks.mutate(attributes)

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
        constraints = policy.spec.match_constraints
        facts = await self._versions.seen(
            lambda facts: is_about(constraints, facts),
            constraints.match_policy if constraints is not None else None,
            request,
            attributes.info,
        )
        if facts is None or not is_about(binding.spec.match_resources, facts):
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
