"""Pure: what is wrong with a pod's volumes.

Source: kubernetes pkg/apis/core/validation/validation.go:ValidateVolumes, validateVolumeSource.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.core_references import ObjectFieldSelector, ResourceFieldSelector
from pikube.api.kinds.core_volume import (
    DownwardAPIVolumeFile,
    KeyToPath,
    ServiceAccountTokenProjection,
    Volume,
    VolumeProjection,
)
from pikube.api.quantity import QuantityError, parse
from pikube.api.schema import fields_of
from pikube.api.validation.causes import by_rule, duplicate, forbidden, invalid, not_supported, required

MANY_SOURCES = "may not specify more than 1 volume type"
NO_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
FIELDS_OF_FILES = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
FIELDS_OF_ENV = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
KNOWN_FIELDS = {
    *FIELDS_OF_FILES, *FIELDS_OF_ENV, "spec.host", "spec.restartPolicy", "spec.schedulerName", "status.phase",
}  # fmt: skip
RESOURCES = tuple(
    f"{which}.{name}" for which in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage")
)
_SUBSCRIPTED = re.compile(r"(.*)\['(.*)'\]")


def volume_causes(volumes: Sequence[Volume], path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        here = f"{path}[{index}]"
        yield from _source_causes(volume, here)
        if volume.name:
            problems = by_rule(f"{here}.name", volume.name, names.dns1123_label)
            yield from problems
            if not problems and volume.name in seen:
                yield duplicate(f"{here}.name", volume.name)
            seen.add(volume.name)


def _source_causes(volume: Volume, path: str) -> Iterator[Cause]:
    sources = [
        field.name
        for field in fields_of(Volume)
        if field.name != "name" and getattr(volume, field.attribute) is not None
    ]
    if not sources:
        yield required(path, "must specify a volume type")
    elif len(sources) > 1:
        yield forbidden(f"{path}.{sources[1]}", MANY_SOURCES)
    empty = volume.empty_dir
    if empty is not None and empty.size_limit is not None and _is_negative(empty.size_limit):
        yield forbidden(f"{path}.emptyDir.sizeLimit", "SizeLimit field must be a valid resource quantity")
    if volume.host_path is not None and ".." in volume.host_path.path.split("/"):
        yield invalid(f"{path}.hostPath.path", volume.host_path.path, "must not contain '..'")
    if volume.nfs is not None and volume.nfs.path and not volume.nfs.path.startswith("/"):
        yield invalid(f"{path}.nfs.path", volume.nfs.path, "must be an absolute path")
    if volume.secret is not None:
        here = f"{path}.secret"
        if not volume.secret.secret_name:
            yield required(f"{here}.secretName")
        yield from _mode_causes(volume.secret.default_mode, f"{here}.defaultMode")
        yield from _item_causes(volume.secret.items, here)
    if volume.config_map is not None:
        here = f"{path}.configMap"
        if not volume.config_map.name:
            yield required(f"{here}.name")
        yield from _mode_causes(volume.config_map.default_mode, f"{here}.defaultMode")
        yield from _item_causes(volume.config_map.items, here)
    if volume.downward_api is not None:
        here = f"{path}.downwardAPI"
        yield from _mode_causes(volume.downward_api.default_mode, f"{here}.defaultMode")
        for file in volume.downward_api.items:
            yield from _file_causes(file, here)
    if volume.projected is not None:
        here = f"{path}.projected"
        yield from _mode_causes(volume.projected.default_mode, f"{here}.defaultMode")
        yield from _projection_causes(volume.projected.sources, here)


def _is_negative(amount: str | int | float) -> bool:
    try:
        return parse(amount).nano < 0
    except QuantityError:
        return True


def _mode_causes(mode: int | None, place: str) -> list[Cause]:
    return [] if mode is None or 0 <= mode <= 0o777 else [invalid(place, mode, NO_MODE)]


def _item_causes(items: Sequence[KeyToPath], path: str) -> Iterator[Cause]:
    for index, item in enumerate(items):
        here = f"{path}.items[{index}]"
        if item.path:
            yield from _path_causes(item.path, f"{here}.path")
        yield from _mode_causes(item.mode, f"{here}.mode")


def _path_causes(path: str, place: str) -> list[Cause]:
    """A place inside the volume that is not one of ours (validateLocalNonReservedPath)."""
    causes = by_rule(place, path, names.relative_path)
    if path.startswith("..") and not path.startswith("../"):
        causes.append(invalid(place, path, "must not start with '..'"))
    return causes


def _file_causes(file: DownwardAPIVolumeFile, path: str) -> Iterator[Cause]:
    if file.path:
        yield from _path_causes(file.path, f"{path}.path")
    if file.field_ref is not None:
        yield from field_causes(file.field_ref, FIELDS_OF_FILES, f"{path}.fieldRef")
        if file.resource_field_ref is not None:
            yield invalid(
                path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"
            )
    elif file.resource_field_ref is not None:
        yield from amount_causes(file.resource_field_ref, f"{path}.resourceFieldRef", is_file=True)
    else:
        yield required(path, "one of fieldRef and resourceFieldRef is required")
    yield from _mode_causes(file.mode, f"{path}.mode")


def _projection_causes(sources: Iterable[VolumeProjection], path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, source in enumerate(sources):
        here = f"{path}.sources[{index}]"
        paths: list[str] = []
        given = [f for f in fields_of(VolumeProjection) if getattr(source, f.attribute) is not None]
        if not given:
            yield required(here, "must specify a volume type")
        for field in given[1:]:
            yield forbidden(f"{here}.{field.name}", MANY_SOURCES)
        for name, keys in (("secret", source.secret), ("configMap", source.config_map)):
            if keys is not None:
                if not keys.name:
                    yield required(f"{here}.{name}.name")
                yield from _item_causes(keys.items, f"{here}.{name}")
                paths += [item.path for item in keys.items]
        if source.downward_api is not None:
            for file in source.downward_api.items:
                yield from _file_causes(file, f"{here}.downwardAPI")
                paths.append(file.path)
        if source.service_account_token is not None:
            yield from _token_causes(source.service_account_token, f"{here}.serviceAccountToken")
            paths.append(source.service_account_token.path)
        for one in paths:
            if one and one in seen:
                yield invalid(path, one, "conflicting duplicate paths")
            seen.add(one)


def _token_causes(token: ServiceAccountTokenProjection, path: str) -> Iterator[Cause]:
    if token.expiration_seconds is not None:
        if token.expiration_seconds < 600:
            words = "may not specify a duration less than 10 minutes"
            yield invalid(f"{path}.expirationSeconds", token.expiration_seconds, words)
        if token.expiration_seconds > 1 << 32:
            words = "may not specify a duration larger than 2^32 seconds"
            yield invalid(f"{path}.expirationSeconds", token.expiration_seconds, words)
    if token.path:
        yield from _path_causes(token.path, f"{path}.path")


def field_causes(field: ObjectFieldSelector, supported: Sequence[str], path: str) -> Iterator[Cause]:
    """A field of the pod, for a file or a variable (validateObjectFieldSelector)."""
    if not field.field_path:
        return  # said by the declaration
    subscripted = _SUBSCRIPTED.fullmatch(field.field_path)
    name = subscripted[1] if subscripted is not None else field.field_path
    if subscripted is not None and name not in ("metadata.annotations", "metadata.labels"):
        words = f"error converting fieldPath: field label does not support subscript: {name}"
        yield invalid(f"{path}.fieldPath", field.field_path, words)
    elif subscripted is not None:
        key = subscripted[2].lower() if name == "metadata.annotations" else subscripted[2]
        yield from by_rule(path, key, names.qualified_name)
    elif name not in KNOWN_FIELDS:
        words = f"error converting fieldPath: field label not supported: {name}"
        yield invalid(f"{path}.fieldPath", field.field_path, words)
    elif name not in supported and name != "spec.host":
        yield not_supported(f"{path}.fieldPath", name, supported)


def amount_causes(amount: ResourceFieldSelector, path: str, *, is_file: bool = False) -> Iterator[Cause]:
    """A request or limit, for a file or a variable (validateContainerResourceFieldSelector)."""
    if is_file and not amount.container_name:
        yield required(f"{path}.containerName")
    elif not amount.resource:
        return  # said by the declaration
    elif amount.resource not in RESOURCES and not amount.resource.startswith(
        ("limits.hugepages-", "requests.hugepages-")
    ):
        yield not_supported(f"{path}.resource", amount.resource, RESOURCES)
