"""Pure: what is wrong with the objects of CSI drivers: drivers, their nodes, capacities, attachments, attributes.

Source: kubernetes pkg/apis/storage/validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import structs

from pikube.api import names, quantity
from pikube.api.errors import Cause
from pikube.api.kinds.storage import (
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    TokenRequest,
    VolumeAttachment,
    VolumeAttachmentSource,
    VolumeAttributesClass,
)
from pikube.api.validation.causes import (
    by_rule,
    duplicate,
    forbidden,
    immutable,
    invalid,
    not_negative,
    not_supported,
    required,
    too_long,
)
from pikube.api.validation.selectors import selector_causes

LONGEST_DRIVER = 63
LONGEST_NODE_ID = 256
MIN_TOKEN_S = 600
MODES = ("Persistent", "Ephemeral")
LEAST_UPDATE_PERIOD_S = 10
MOST_METADATA_BYTES = 256 * 1024
MOST_ERROR_BYTES = 1024
MOST_PARAMETERS = 512
GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")


def _driver_name_causes(field: str, name: str) -> list[Cause]:
    if not name:
        return [required(field)]
    causes = [too_long(field, LONGEST_DRIVER)] if len(name) > LONGEST_DRIVER else []
    return causes + [invalid(field, name, word) for word in names.dns1123_subdomain(name.lower())]


def driver_causes(obj: CSIDriver) -> list[Cause]:
    spec = obj.spec
    causes: list[Cause] = []
    if spec.fs_group_policy is not None and spec.fs_group_policy not in GROUP_POLICIES:
        causes.append(not_supported("spec.fsGroupPolicy", spec.fs_group_policy, GROUP_POLICIES))
    causes += _token_causes(spec.token_requests, "spec.tokenRequests")
    for mode in spec.volume_lifecycle_modes:
        if mode not in MODES:
            causes.append(not_supported("spec.volumeLifecycleModes", mode, MODES, is_sorted=False))
    period_s = spec.node_allocatable_update_period_seconds
    if period_s is not None and period_s < LEAST_UPDATE_PERIOD_S:
        words = f"must be greater than or equal to {LEAST_UPDATE_PERIOD_S} seconds"
        causes.append(invalid("spec.nodeAllocatableUpdatePeriodSeconds", period_s, words))
    in_secrets = spec.service_account_token_in_secrets
    if in_secrets is not None and not spec.token_requests:
        words = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        causes.append(invalid("spec.serviceAccountTokenInSecrets", in_secrets, words))
    return causes


def _token_causes(tokens: Sequence[TokenRequest], here: str) -> Iterator[Cause]:
    audiences: set[str] = set()
    for index, token in enumerate(tokens):
        if token.audience in audiences:
            yield duplicate(f"{here}[{index}].audience", token.audience)
            continue
        audiences.add(token.audience)
        life_s = token.expiration_seconds
        if life_s is not None and life_s < MIN_TOKEN_S:
            words = "may not specify a duration less than 10 minutes"
            yield invalid(f"{here}[{index}].expirationSeconds", life_s, words)
        if life_s is not None and life_s > 1 << 32:
            words = "may not specify a duration larger than 2^32 seconds"
            yield invalid(f"{here}[{index}].expirationSeconds", life_s, words)


def driver_update_causes(new: CSIDriver, old: CSIDriver) -> list[Cause]:
    mine, theirs = new.spec, old.spec
    modes = list(mine.volume_lifecycle_modes)
    return [
        *driver_causes(new),
        *immutable("spec.attachedRequired", mine.attach_required, theirs.attach_required),
        *immutable("spec.volumeLifecycleModes", modes, list(theirs.volume_lifecycle_modes)),
    ]


def node_causes(obj: CSINode) -> list[Cause]:
    return list(_node_causes(obj))


def _node_causes(obj: CSINode) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, driver in enumerate(obj.spec.drivers):
        here = f"spec.drivers[{index}]"
        yield from _driver_name_causes(f"{here}.name", driver.name)
        if not driver.node_id:
            yield required(f"{here}.nodeID")
        elif len(driver.node_id) > LONGEST_NODE_ID:
            yield invalid(f"{here}.nodeID", driver.node_id, f"must be {LONGEST_NODE_ID} characters or less")
        if driver.allocatable is not None:
            yield from not_negative(f"{here}.allocatable.count", driver.allocatable.count)
        if driver.name in seen:
            yield duplicate(f"{here}.name", driver.name)
        seen.add(driver.name)
        for at, key in enumerate(driver.topology_keys):  # upstream names the driver, not the list
            if not key:
                yield required(here)
            if key in driver.topology_keys[:at]:
                yield duplicate(here, key)
            yield from by_rule(here, key, names.qualified_name)


def node_update_causes(new: CSINode, old: CSINode) -> list[Cause]:
    """A driver that is known says nothing else of itself later, but how many volumes it can have."""
    causes = node_causes(new)
    for before in old.spec.drivers:
        for driver in new.spec.drivers:
            if (
                driver.name == before.name
                and structs.replace(driver, allocatable=before.allocatable) != before
            ):
                causes.append(invalid("spec.drivers", driver, "field is immutable"))
    return causes


def capacity_causes(obj: CSIStorageCapacity) -> list[Cause]:
    causes = selector_causes(obj.node_topology, "nodeTopology")
    causes += by_rule("storageClassName", obj.storage_class_name, names.dns1123_subdomain)
    if obj.capacity is not None and quantity.compare(obj.capacity, "0") < 0:
        causes.append(invalid("capacity", obj.capacity, "must be greater than or equal to 0"))
    return causes


def capacity_update_causes(new: CSIStorageCapacity, old: CSIStorageCapacity) -> list[Cause]:
    return [
        *capacity_causes(new),
        *immutable("nodeTopology", new.node_topology, old.node_topology),
        *immutable("storageClassName", new.storage_class_name, old.storage_class_name),
    ]


def attachment_causes(obj: VolumeAttachment) -> list[Cause]:
    spec = obj.spec
    causes = [] if spec.attacher else [required("spec.attacher")]
    causes += _source_causes(spec.source, "spec.source")
    causes += by_rule("spec.nodeName", spec.node_name, names.dns1123_subdomain)
    if spec.attacher:
        causes += _driver_name_causes("spec.attacher", spec.attacher)
    name = spec.source.persistent_volume_name
    return causes + (
        by_rule("spec.source.persistentVolumeName", name, names.dns1123_subdomain) if name else []
    )


def _source_causes(source: VolumeAttachmentSource, path: str) -> list[Cause]:
    name, inline = source.persistent_volume_name, source.inline_volume_spec
    words = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    if name is None and inline is None:
        return [required(path, words)]
    if name is not None and inline is not None:
        return [forbidden(path, words)]
    if name == "":
        return [required(f"{path}.persistentVolumeName", "must specify non empty persistentVolumeName")]
    return []


def attachment_status_causes(new: VolumeAttachment, old: VolumeAttachment) -> list[Cause]:
    """What the attacher says."""
    status = new.status
    causes: list[Cause] = []
    size = sum(len(key) + len(value) for key, value in status.attachment_metadata.items())
    if size > MOST_METADATA_BYTES:
        causes.append(too_long("status.attachmentMetadata", MOST_METADATA_BYTES))
    for name, error in (("attachError", status.attach_error), ("detachError", status.detach_error)):
        if error is None:
            continue
        if len(error.message) > MOST_ERROR_BYTES:  # the limit that upstream names is the other one
            causes.append(too_long(f"status.{name}.message", MOST_METADATA_BYTES))
        if error.error_code is not None and error.error_code < 0:
            words = names.range_error(0, 2147483647)
            causes.append(invalid(f"status.{name}.errorCode", error.error_code, words))
    return causes


def attachment_update_causes(new: VolumeAttachment, old: VolumeAttachment) -> list[Cause]:
    causes = attachment_causes(new)
    if new.spec != old.spec:
        causes.append(invalid("spec", msgspec.to_builtins(new.spec), "field is immutable"))
    return causes


def provisioner_causes(field: str, name: str) -> list[Cause]:
    """Of a StorageClass or a VolumeAttributesClass (validateProvisioner)."""
    if not name:
        return [required(field)]
    return [invalid(field, name.lower(), word) for word in names.qualified_name(name.lower())]


def parameter_causes(field: str, parameters: dict[str, str]) -> list[Cause]:
    """What a driver is told (validateParameters)."""
    if len(parameters) > MOST_PARAMETERS:
        return [too_long(field, MOST_PARAMETERS)]
    causes = [invalid(field, key, "field can not be empty.") for key in parameters if not key]
    if sum(len(key) + len(value) for key, value in parameters.items()) > MOST_METADATA_BYTES:
        causes.append(too_long(field, MOST_METADATA_BYTES))
    return causes


def attributes_class_causes(obj: VolumeAttributesClass) -> list[Cause]:
    causes = provisioner_causes("driverName", obj.driver_name)
    causes += parameter_causes("parameters", obj.parameters)
    if not obj.parameters:
        causes.append(required("parameters", "must contain at least one key/value pair"))
    return causes


def attributes_class_update_causes(new: VolumeAttributesClass, old: VolumeAttributesClass) -> list[Cause]:
    causes = attributes_class_causes(new)
    if new.driver_name != old.driver_name:
        causes.append(forbidden("driverName", "updates to driverName are forbidden."))
    if new.parameters != old.parameters:
        causes.append(forbidden("parameters", "updates to parameters are forbidden."))
    return causes
