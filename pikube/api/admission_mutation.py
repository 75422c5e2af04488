"""Pure: MutatingAdmissionPolicies: what a policy makes of an object that is written.

Enter: a policy, the facts of a write, a parameter object, the structure of the object's kind. Leaves: the object as
the policy wants it, and what went wrong. Called by the leader's policy stage. Source: kubernetes apiserver
pkg/admission/plugin/policy/mutating.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pikube.api.admission_policy import is_wanted, values_of
from pikube.api.admission_review import Facts, variables_of
from pikube.api.cel import CelError, compile_mutation
from pikube.api.cel_made import TYPE, NotOptional, as_json, misnamed
from pikube.api.errors import ApiError, Resource
from pikube.api.json_patch import PatchFailed, TestFailed, json_patch
from pikube.api.kinds.admission import MutatingAdmissionPolicy, Mutation
from pikube.api.structure import ANYTHING, ATOMIC, Type
from pikube.api.structured_fields import StructureError, field_set_of
from pikube.api.structured_merge import merge

Document = dict[str, Any]


class MutationFailed(Exception):
    """The policy cannot be applied; the words say why."""


def mutated(
    policy: MutatingAdmissionPolicy, facts: Facts, params: Document | None, structure: Type
) -> tuple[Document, list[str]]:
    """The object after the policy's mutations, one after the other, and what went wrong. A mutation that fails
    changes nothing, and does not keep those after it from being tried."""
    spec = policy.spec
    document = facts.obj
    assert document is not None
    try:
        if not is_wanted(spec.match_conditions, {**variables_of(facts), "params": params}):
            return document, []
    except CelError as error:
        return document, [str(error)]
    failures: list[str] = []
    for mutation in spec.mutations:
        variables = {**variables_of(replace(facts, obj=document)), "params": params}
        variables["variables"] = values_of(spec.variables, variables, compile_mutation)
        try:
            document = _changed(mutation, document, variables, structure)
        except (CelError, MutationFailed, NotOptional) as error:
            failures.append(str(error))
    return document, failures


def _changed(mutation: Mutation, document: Document, variables: Document, structure: Type) -> Document:
    if mutation.json_patch is not None:
        return patched(document, compile_mutation(mutation.json_patch.expression).value(variables))
    assert mutation.apply_configuration is not None
    value = compile_mutation(mutation.apply_configuration.expression).value(variables)
    return applied(document, value, structure)


def patched(document: Document, operations: Any) -> Document:
    """After a list of `JSONPatch`; one whose `test` fails changes nothing. Raises MutationFailed."""
    if not isinstance(operations, list):
        raise MutationFailed("type mismatch: JSONPatchType.expression should evaluate to array")
    for operation in operations:
        if not isinstance(operation, dict) or operation.get(TYPE) != "JSONPatch":
            words = "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch"
            raise MutationFailed(words)
        value = operation.get("value")
        _check_names(value, value.get(TYPE, "") if isinstance(value, dict) else "")
    try:
        made: Document = json_patch(document, as_json(operations))
    except TestFailed:
        return document
    except PatchFailed as error:
        raise MutationFailed(f"JSONPath: {error.why}") from None
    except ApiError as error:
        raise MutationFailed(f"JSONPath: {error.message}") from None
    return made


def applied(document: Document, value: Any, structure: Type) -> Document:
    """With an apply configuration laid over it; nothing that is one leaf may be in that. Raises MutationFailed."""
    if not isinstance(value, dict) or value.get(TYPE) != "Object":
        raise MutationFailed(
            "unsupported return type from ApplyConfiguration expression: must evaluate to Object"
        )
    _check_names(value, "Object")
    wanted = as_json(value) | {name: document[name] for name in ("apiVersion", "kind") if name in document}
    try:
        field_set_of(wanted, structure)
        atomic = list(_atomics(wanted, structure, ""))
        if atomic:
            words = f"may not mutate atomic arrays, maps or structs: {', '.join(atomic)}"
            raise MutationFailed(f"error applying patch: invalid ApplyConfiguration: {words}")
        made: Document = merge(document, wanted, structure)
    except StructureError as error:
        words = f"failed to convert patch object to typed object: {error}"
        raise MutationFailed(f"error applying patch: {words}") from None
    return made


def _check_names(value: Any, root: str) -> None:
    problems = list(misnamed(value, root))
    if problems:
        raise MutationFailed("type mismatch: " + "\n".join(problems))


def _atomics(value: Any, type_: Type, path: str) -> Iterator[str]:
    """Paths of what is replaced as a whole: whoever means to change a part would lose the rest."""
    if isinstance(value, dict | list) and type_.scalar == ATOMIC:
        yield path
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from _atomics(below, type_.member(name) or ANYTHING, f"{path}.{name}")
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _atomics(below, type_.element or ANYTHING, f"{path}[{index}]")


class MutationDenied(ApiError):
    """The write is refused, because policies that must be applied cannot be; worded as a policy's refusal."""

    code, reason = 403, "Invalid"

    def __init__(self, resource: Resource, name: str, failures: Sequence[str]) -> None:
        super().__init__(failures[0], resource=resource, name=name)
        self._failures = failures

    def to_status(self) -> dict[str, Any]:
        status = super().to_status()
        causes = [{"message": failure} for failure in self._failures]
        status["details"] = {**status.get("details", {}), "causes": causes}
        return status
