"""Pure: ValidatingAdmissionPolicies say in their status that they were looked at.

Enter: a policy. Leaves: its status. Run by the controller loop. What is wrong with an expression is refused when the
policy is written (`api/validation/policies`), so that there is nothing to warn of here. Source: kubernetes
pkg/controller/validatingadmissionpolicystatus.
"""

from __future__ import annotations

from msgspec import structs

from pikube.api.kinds.admission import TypeChecking, ValidatingAdmissionPolicy
from pikube.informer.actions import Action, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch


def reconcile(desired: ValidatingAdmissionPolicy, observed: None, now: float) -> list[Action]:
    """The generation that was looked at, and nothing found."""
    seen = structs.replace(
        desired.status, observed_generation=desired.metadata.generation, type_checking=TypeChecking()
    )
    if seen == desired.status or desired.metadata.deletion_timestamp:
        return []
    return [Update(structs.replace(desired, status=seen), "status")]


def observe(lister: Lister, key: ObjectKey) -> tuple[ValidatingAdmissionPolicy, None] | None:
    policy = lister.cache(ValidatingAdmissionPolicy).get(key)
    return (policy, None) if policy is not None else None


POLICY_STATUS: Controller[ValidatingAdmissionPolicy, None] = Controller(
    name="validatingadmissionpolicy-status",
    watches=(Watch(ValidatingAdmissionPolicy, lambda lister, policy: [key_of(policy)]),),
    observe=observe,
    reconcile=reconcile,
    workers=1,
)
