"""Pure: the options of a request, as its query gives them, and what may be wrong with them.

Enter: query values. Leave: numbers, complaints, BadRequest. Called by the request path. Sources: kubernetes
apimachinery `meta/v1/validation`, `meta/internalversion/validation`, `conversion/queryparams`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pikube.api.errors import BadRequest, Cause, Invalid
from pikube.api.kinds.meta import DeleteOptions
from pikube.api.validation.causes import forbidden, invalid, not_supported, required, too_long

GROUP = "meta.k8s.io"
MANAGER_BYTES = 128
PROPAGATION = ("Foreground", "Background", "Orphan")
EXACT, NOT_OLDER = "Exact", "NotOlderThan"
MIN_INT64, MAX_INT64, MAX_UINT64 = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1


def parse_int64(text: str) -> int:
    """As strconv.ParseInt reads it; BadRequest in its words."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    value = 0 if _is_long(digits) else int(text)
    if _is_long(digits) or not MIN_INT64 <= value <= MAX_INT64:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": value out of range')
    return value


def _is_long(digits: str) -> bool:
    """More than any number of 64 bits has, so that nobody makes us compute."""
    return len(digits.lstrip("0")) > 20


def check_write_options(
    kind: str,
    *,
    dry_run: Sequence[str],
    manager: str = "",
    validation: str = "",
    is_apply: bool = False,
    is_forced: bool | None = None,
) -> None:
    """`kind` is CreateOptions, UpdateOptions, PatchOptions or DeleteOptions. Raises Invalid."""
    causes: list[Cause] = []
    if is_apply and not manager:
        causes.append(required("fieldManager", "is required for apply patch"))
    if kind == "PatchOptions" and not is_apply and is_forced is not None:
        causes.append(forbidden("force", "may not be specified for non-apply patch"))
    if len(manager.encode("utf-8", "surrogatepass")) > MANAGER_BYTES:
        causes.append(too_long("fieldManager", MANAGER_BYTES))
    for at, character in enumerate("" if manager.isprintable() else manager):
        if not character.isprintable():
            words = f"invalid character U+{ord(character):04X} (at position {at})"
            causes.append(invalid("fieldManager", manager, words))
    if any(word != "All" for word in dry_run):
        causes.append(not_supported("dryRun", list(dry_run), ["All"]))
    if validation not in ("", "Ignore", "Warn", "Strict"):
        causes.append(not_supported("fieldValidation", validation, ["", "Ignore", "Strict", "Warn"]))
    if causes:
        raise Invalid.of(kind, GROUP, "", causes)


def check_delete_options(options: DeleteOptions) -> None:
    """Of a body or a query. Raises Invalid."""
    causes: list[Cause] = []
    policy = options.propagation_policy
    if options.orphan_dependents is not None and policy is not None:
        words = "orphanDependents and deletionPropagation cannot be both set"
        causes.append(invalid("propagationPolicy", policy, words))
    if policy is not None and policy not in PROPAGATION:
        offered = [*PROPAGATION, "nil"]
        causes.append(not_supported("propagationPolicy", policy, offered, is_sorted=False))
    if any(word != "All" for word in options.dry_run):
        causes.append(not_supported("dryRun", list(options.dry_run), ["All"]))
    if causes:
        raise Invalid.of("DeleteOptions", GROUP, "", causes)


def check_list_options(
    continue_token: str, resource_version: str, match: str, initial: str = "", *, limit: int = 0
) -> None:
    """Of a list; `initial` is sendInitialEvents. Raises Invalid, BadRequest."""
    is_exact = match == EXACT or (limit > 0 and not match)
    _check_version(resource_version, is_exact=is_exact and not continue_token)
    if continue_token and resource_version not in ("", "0"):
        raise BadRequest("specifying resource version is not allowed when using continue")
    causes: list[Cause] = []
    if match:
        if not resource_version:
            causes.append(_match("resourceVersionMatch is forbidden unless resourceVersion is provided"))
        if continue_token:
            causes.append(_match("resourceVersionMatch is forbidden when continue is provided"))
        if match not in (EXACT, NOT_OLDER):
            causes.append(
                not_supported("resourceVersionMatch", match, [EXACT, NOT_OLDER, ""], is_sorted=False)
            )
        if match == EXACT and resource_version == "0":
            causes.append(_match('resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if initial:
        causes.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if causes:
        raise Invalid.of("ListOptions", GROUP, "", causes)


def check_watch_options(continue_token: str, resource_version: str, match: str, initial: str) -> None:
    """Of a watch. Raises Invalid, BadRequest."""
    _check_version(resource_version)
    causes: list[Cause] = []
    if initial and match != NOT_OLDER:
        causes.append(_match(f"sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER}"))
    if match:
        if not initial:
            causes.append(
                _match("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
            )
        if match != NOT_OLDER:
            causes.append(not_supported("resourceVersionMatch", match, [NOT_OLDER]))
        if continue_token:
            causes.append(_match("resourceVersionMatch is forbidden when continue is provided"))
    if causes:
        raise Invalid.of("ListOptions", GROUP, "", causes)


def check_table_options(include: str) -> None:
    """Of a Table: which part of each object comes with its row. Raises BadRequest."""
    if include not in ("", "None", "Metadata", "Object"):
        raise BadRequest(f'unrecognized includeObject value: "{include}"')


def uint_problem(text: str) -> str:
    """What Go says of a text that is no unsigned number of 64 bits; '' of one that is."""
    if not (text.isascii() and text.isdigit()):
        why = "invalid syntax"
    elif _is_long(text) or int(text) > MAX_UINT64:
        why = "value out of range"
    else:
        return ""
    return f"strconv.ParseUint: parsing {json.dumps(text)}: {why}"


def _check_version(text: str, *, is_exact: bool = False) -> None:
    """`is_exact`: a list of one version, which upstream's store reads instead of its cache (storage/interfaces.go,
    storage/api_object_versioner.go:ParseResourceVersion)."""
    problem = uint_problem(text) if text else ""
    if not problem:
        return
    cause = invalid("resourceVersion", text, problem)
    words = f"{cause.field}: {cause.message}"
    if is_exact:
        raise BadRequest(f"invalid resource version: {words}")
    raise Invalid(words)


def _match(words: str) -> Cause:
    return forbidden("resourceVersionMatch", words)
