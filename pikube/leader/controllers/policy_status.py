"""Pure: ValidatingAdmissionPolicies say in their status what does not fit the kinds that they are about.

Enter: a policy, the types of those kinds. Leaves: its status. Run by the controller loop. As upstream, a policy is
looked at when its spec has changed, and not again when a kind that it names is defined later. Source: kubernetes
pkg/controller/validatingadmissionpolicystatus.
"""

from __future__ import annotations

from msgspec import structs

from pikube.api.kinds.admission import TypeChecking, ValidatingAdmissionPolicy
from pikube.api.policy_types import Served, Subjects, subjects, warnings
from pikube.informer.actions import Action, Update
from pikube.informer.cache import ObjectKey
from pikube.informer.controller import Controller, Lister, Watch, itself


def reconcile(desired: ValidatingAdmissionPolicy, observed: Subjects, now: float) -> list[Action]:
    """The generation that was looked at, and what was found."""
    generation = desired.metadata.generation
    if desired.metadata.deletion_timestamp or generation <= desired.status.observed_generation:
        return []
    found = TypeChecking(expression_warnings=warnings(desired, observed))
    seen = structs.replace(desired.status, observed_generation=generation, type_checking=found)
    return [Update(structs.replace(desired, status=seen), "status")]


def policy_controller(served: Served) -> Controller[ValidatingAdmissionPolicy, Subjects]:
    """`served`: the kinds of the API, custom ones included."""

    def observe(lister: Lister, key: ObjectKey) -> tuple[ValidatingAdmissionPolicy, Subjects] | None:
        policy = lister.cache(ValidatingAdmissionPolicy).get(key)
        return (policy, subjects(policy, served)) if policy is not None else None

    return Controller(
        name="validatingadmissionpolicy-status",
        watches=(Watch(ValidatingAdmissionPolicy, itself),),
        observe=observe,
        reconcile=reconcile,
        workers=1,
    )
