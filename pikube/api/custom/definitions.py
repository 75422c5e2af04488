"""Pure: CustomResourceDefinitions themselves: what is filled in, what is refused, what an update may not change.

Called by the registry as for every kind. Sources: kubernetes apiextensions-apiserver pkg/apis/apiextensions
{v1/defaults.go,validation/validation.go}, pkg/registry/customresourcedefinition/strategy.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import structs

from pikube.api import names
from pikube.api.custom.json_path import JsonPath
from pikube.api.custom.rule_check import rule_definition_causes, texts_of, unread_rules
from pikube.api.custom.structural import structural_causes
from pikube.api.errors import Cause
from pikube.api.kinds.extensions import (
    CustomResourceConversion,
    CustomResourceDefinition,
    CustomResourceDefinitionVersion,
)
from pikube.api.validation.causes import by_rule, forbidden, invalid, not_supported, required
from pikube.api.validation.webhook_clients import client_causes

APPROVED = "api-approved.kubernetes.io"
COLUMN_TYPES = ("integer", "number", "string", "boolean", "date")
COLUMN_FORMATS = ("int32", "int64", "float", "double", "byte", "date", "date-time", "password")


def default_definition(crd: CustomResourceDefinition) -> None:
    """Singular, listKind, conversion None; the storage version is one of the stored versions."""
    spec = crd.spec
    named = spec.names
    kind = named.kind
    spec.names = structs.replace(
        named, singular=named.singular or kind.lower(), list_kind=named.list_kind or (kind and f"{kind}List")
    )
    if spec.conversion is None:
        spec.conversion = CustomResourceConversion(strategy="None")
    webhook = spec.conversion.webhook
    if (
        webhook is not None
        and webhook.client_config is not None
        and webhook.client_config.service is not None
    ):
        service = webhook.client_config.service
        if service.port is None:
            service.port = 443
    stored = [version.name for version in spec.versions if version.storage]
    known = crd.status.stored_versions
    if stored and stored[0] not in known:
        crd.status = structs.replace(crd.status, stored_versions=(*known, stored[0]))


def schema_of(version: CustomResourceDefinitionVersion) -> dict[str, Any]:
    """A version's openAPIV3Schema as builtins."""
    if version.schema is None or version.schema.open_apiv3_schema is None:
        return {}
    schema: dict[str, Any] = msgspec.to_builtins(version.schema.open_apiv3_schema)
    return schema


def definition_causes(
    crd: CustomResourceDefinition, old: CustomResourceDefinition | None = None
) -> list[Cause]:
    """Everything that is wrong with a definition; rules that `old` has are not looked at again."""
    spec = crd.spec
    causes = (
        by_rule("spec.group", spec.group, names.dns1123_subdomain) if spec.group else [required("spec.group")]
    )
    if spec.group and "." not in spec.group:
        causes.append(invalid("spec.group", spec.group, "should be a domain with at least one dot"))
    if spec.scope not in ("Cluster", "Namespaced"):
        causes.append(
            not_supported("spec.scope", spec.scope, ("Cluster", "Namespaced"))
            if spec.scope
            else required("spec.scope")
        )
    wanted = f"{spec.names.plural}.{spec.group}"
    if crd.metadata.name != wanted:
        causes.append(invalid("metadata.name", crd.metadata.name, 'must be spec.names.plural+"."+spec.group'))
    if re.search(r"(^|\.)(k8s|kubernetes)\.io$", spec.group) and not _is_approved(crd):
        causes.append(
            required(
                f"metadata.annotations[{APPROVED}]",
                f'protected groups must have approval annotation "{APPROVED}", '
                "see https://github.com/kubernetes/enhancements/pull/1111",
            )
        )
    causes += _names_causes(crd)
    causes += _versions_causes(spec.versions)
    known = {text for version in old.spec.versions for text in texts_of(schema_of(version))} if old else set()
    for index, version in enumerate(spec.versions):
        here = f"spec.versions[{index}].schema.openAPIV3Schema"
        causes += rule_definition_causes(schema_of(version), here, known)
    if spec.preserve_unknown_fields:
        causes.append(
            invalid(
                "spec.preserveUnknownFields", True, "must be false in order to use defaults in the schema"
            )
        )
    causes += _conversion_causes(spec.conversion)
    return causes


def definition_warnings(crd: CustomResourceDefinition, old: CustomResourceDefinition | None) -> list[str]:
    """What is stored and has no effect: rules where no CEL library is installed."""
    return [
        words
        for index, version in enumerate(crd.spec.versions)
        for words in unread_rules(schema_of(version), f"spec.versions[{index}].schema.openAPIV3Schema")
    ]


def definition_update_causes(new: CustomResourceDefinition, old: CustomResourceDefinition) -> list[Cause]:
    """What an established definition may not change, beside what is wrong anyway."""
    if new.spec == old.spec and new.status == old.status:
        return []
    causes = [] if new.spec == old.spec else definition_causes(new, old)
    is_established = any(c.type == "Established" and c.status == "True" for c in old.status.conditions)
    pairs: list[tuple[str, str, str]] = [("spec.group", new.spec.group, old.spec.group)]
    pairs.append(("spec.names.plural", new.spec.names.plural, old.spec.names.plural))
    if is_established:
        pairs.append(("spec.scope", new.spec.scope, old.spec.scope))
        pairs.append(("spec.names.kind", new.spec.names.kind, old.spec.names.kind))
    causes += [invalid(path, value, "field is immutable") for path, value, before in pairs if value != before]
    versions = {version.name for version in new.spec.versions}
    for index, name in enumerate(new.status.stored_versions):
        if name not in versions:
            causes.append(
                invalid(
                    f"status.storedVersions[{index}]",
                    name,
                    "missing from spec.versions; "
                    f"{name} was previously a storage version, and must remain in spec.versions until a storage "
                    f"migration ensures no data remains persisted in {name} and removes {name} from "
                    "status.storedVersions",
                )
            )
    return causes


def _is_approved(crd: CustomResourceDefinition) -> bool:
    word = crd.metadata.annotations.get(APPROVED, "")
    return word.startswith(("http://", "https://", "unapproved"))


def _names_causes(crd: CustomResourceDefinition) -> Iterator[Cause]:
    named = crd.spec.names
    for field, value, is_needed in (
        ("plural", named.plural, True), ("singular", named.singular, True), ("kind", named.kind, True),
        ("listKind", named.list_kind, True),
    ):  # fmt: skip
        path = f"spec.names.{field}"
        if not value:
            if is_needed:
                yield required(path)
            continue
        checked = value.lower() if field in ("kind", "listKind") else value
        if field in ("kind", "listKind"):
            why = [
                f"may have mixed case, but should otherwise match: {word}"
                for word in names.dns1035_label(checked)
            ]
        else:
            why = names.dns1035_label(checked)
        for word in why:
            yield invalid(path, value, word)
    if named.kind and named.kind == named.list_kind:
        yield invalid("spec.names.listKind", named.list_kind, "kind and listKind may not be the same")
    for index, short in enumerate(named.short_names):
        yield from by_rule(f"spec.names.shortNames[{index}]", short, names.dns1035_label)
    for index, word in enumerate(named.categories):
        yield from by_rule(f"spec.names.categories[{index}]", word, names.dns1035_label)


def _versions_causes(versions: Sequence[CustomResourceDefinitionVersion]) -> Iterator[Cause]:
    if not versions:
        yield required("spec.versions")
        return
    seen: set[str] = set()
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}]"
        if version.name in seen:
            yield invalid("spec.versions", [v.name for v in versions], "must contain unique version names")
        seen.add(version.name)
        yield from by_rule(f"{path}.name", version.name, names.dns1035_label)
        schema = schema_of(version)
        if version.schema is None or version.schema.open_apiv3_schema is None:
            yield required(f"{path}.schema.openAPIV3Schema", "schemas are required")
        else:
            yield from structural_causes(schema, f"{path}.schema.openAPIV3Schema")
        yield from _column_causes(version, path)
        yield from _subresource_causes(version, path)
        if version.deprecation_warning and not version.deprecated:
            yield invalid(
                f"{path}.deprecationWarning",
                version.deprecation_warning,
                "can only be set for deprecated versions",
            )
    if sum(version.storage for version in versions) != 1:
        yield invalid(
            "spec.versions",
            [v.name for v in versions],
            "must have exactly one version marked as storage version",
        )


def _column_causes(version: CustomResourceDefinitionVersion, path: str) -> Iterator[Cause]:
    for index, column in enumerate(version.additional_printer_columns):
        here = f"{path}.additionalPrinterColumns[{index}]"
        if not column.name:
            yield required(f"{here}.name")
        if not column.type:
            yield required(f"{here}.type", f"must be one of {', '.join(sorted(COLUMN_TYPES))}")
        elif column.type not in COLUMN_TYPES:
            yield invalid(f"{here}.type", column.type, f"must be one of {','.join(sorted(COLUMN_TYPES))}")
        if column.format and column.format not in COLUMN_FORMATS:
            yield invalid(
                f"{here}.format", column.format, f"must be one of {','.join(sorted(COLUMN_FORMATS))}"
            )
        if not column.json_path:
            yield required(f"{here}.JSONPath")
        else:
            yield from _path_causes(f"{here}.JSONPath", column.json_path)


def _path_causes(path: str, text: str) -> Iterator[Cause]:
    if not text.startswith("."):
        yield invalid(path, text, "must be a json path starting with .")
        return
    try:
        JsonPath(text)
    except ValueError as error:
        yield invalid(path, text, str(error))


_PLAIN_PATH = re.compile(r"(\.[A-Za-z0-9_-]+)+")


def _subresource_causes(version: CustomResourceDefinitionVersion, path: str) -> Iterator[Cause]:
    scale = version.subresources.scale if version.subresources is not None else None
    if scale is not None:
        here = f"{path}.subresources.scale"
        for field, text, root in (
            ("specReplicasPath", scale.spec_replicas_path, ".spec."),
            ("statusReplicasPath", scale.status_replicas_path, ".status."),
            ("labelSelectorPath", scale.label_selector_path, (".spec.", ".status.")),
        ):
            if text is None:
                continue
            if not text:
                yield required(f"{here}.{field}")
            elif not _PLAIN_PATH.fullmatch(text):
                yield invalid(f"{here}.{field}", text, "should be a json path without array notation")
            elif not text.startswith(root):
                words = root if isinstance(root, str) else " or ".join(root)
                yield invalid(f"{here}.{field}", text, f"should be a json path under {words}".rstrip("."))
    seen: set[str] = set()
    for index, field_ in enumerate(version.selectable_fields):
        here = f"{path}.selectableFields[{index}].jsonPath"
        if not _PLAIN_PATH.fullmatch(field_.json_path):
            yield invalid(here, field_.json_path, "must be a simple json path without array notation")
        if field_.json_path in seen:
            yield invalid(here, field_.json_path, "must be unique")
        seen.add(field_.json_path)


def _conversion_causes(conversion: CustomResourceConversion | None) -> Iterator[Cause]:
    if conversion is None:
        return
    if conversion.strategy not in ("None", "Webhook"):
        yield not_supported("spec.conversion.strategy", conversion.strategy, ("None", "Webhook"))
    webhook = conversion.webhook
    if conversion.strategy == "Webhook":
        if webhook is None or webhook.client_config is None:
            yield required("spec.conversion.webhookClientConfig", "required when strategy is set to Webhook")
        else:
            yield from client_causes(webhook.client_config, "spec.conversion.webhookClientConfig")
        yield from _review_version_causes(webhook.conversion_review_versions if webhook is not None else ())
    elif webhook is not None:
        words = "should not be set when strategy is not set to Webhook"
        if webhook.client_config is not None:
            yield forbidden("spec.conversion.webhookClientConfig", words)
        if webhook.conversion_review_versions:
            yield forbidden("spec.conversion.conversionReviewVersions", words)


def _review_version_causes(versions: Sequence[str]) -> Iterator[Cause]:
    here = "spec.conversion.conversionReviewVersions"
    if not versions:
        yield required(here)
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            yield invalid(f"{here}[{index}]", version, "duplicate version")
        else:
            yield from by_rule(f"{here}[{index}]", version, names.dns1035_label)
    if not {"v1", "v1beta1"} & set(versions):
        yield invalid(here, list(versions), "must include at least one of v1, v1beta1")


_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Sorts v2, v1, v1beta1, v1alpha1, other: the most stable first (kubernetes apimachinery pkg/version)."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return 3, 0, 0, version
    return {"": 0, "beta": 1, "alpha": 2}[match[2] or ""], -int(match[1]), -int(match[3] or 0), ""
