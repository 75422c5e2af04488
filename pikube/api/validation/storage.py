"""Pure: what is wrong with the objects of CSI drivers: drivers, their nodes, capacities, attachments, attributes.

Source: kubernetes pkg/apis/storage/validation.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pikube.api import names, quantity
from pikube.api.errors import Cause
from pikube.api.kinds.storage import (
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
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
    not_supported,
    required,
    too_long,
)
from pikube.api.validation.selectors import selector_causes

LONGEST_DRIVER = 63
LONGEST_NODE_ID = 256
MIN_TOKEN_S = 600
MODES = ("Ephemeral", "Persistent")
GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")


def _driver_name_causes(field: str, name: str) -> list[Cause]:
    if not name:
        return [required(field)]
    causes = [too_long(field, LONGEST_DRIVER)] if len(name) > LONGEST_DRIVER else []
    return causes + [invalid(field, name, word) for word in names.dns1123_subdomain(name.lower())]


def driver_causes(obj: CSIDriver) -> list[Cause]:
    spec = obj.spec
    causes = _driver_name_causes("metadata.name", obj.metadata.name)
    for mode in spec.volume_lifecycle_modes:
        if mode not in MODES:
            causes.append(not_supported("spec.volumeLifecycleModes", mode, MODES))
    if spec.fs_group_policy not in GROUP_POLICIES:
        causes.append(not_supported("spec.fsGroupPolicy", spec.fs_group_policy, GROUP_POLICIES))
    audiences: set[str] = set()
    for index, token in enumerate(spec.token_requests):
        here = f"spec.tokenRequests[{index}]"
        if token.audience in audiences:
            causes.append(duplicate(f"{here}.audience", token.audience))
        audiences.add(token.audience)
        life_s = token.expiration_seconds
        if life_s is not None and life_s < MIN_TOKEN_S:
            words = "may not specify a duration less than 10 minutes"
            causes.append(invalid(f"{here}.expirationSeconds", life_s, words))
        if life_s is not None and life_s > 1 << 32:
            words = "may not specify a duration larger than 2^32 seconds"
            causes.append(invalid(f"{here}.expirationSeconds", life_s, words))
    return causes


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
        if driver.name in seen:
            yield duplicate(f"{here}.name", driver.name)
        seen.add(driver.name)
        if not driver.node_id:
            yield required(f"{here}.nodeID")
        elif len(driver.node_id) > LONGEST_NODE_ID:
            yield invalid(f"{here}.nodeID", driver.node_id, f"must be {LONGEST_NODE_ID} characters or less")
        for at, key in enumerate(driver.topology_keys):
            if key in driver.topology_keys[:at]:
                yield duplicate(f"{here}.topologyKeys", key)
            yield from by_rule(f"{here}.topologyKeys", key, names.qualified_name)
        count = driver.allocatable.count if driver.allocatable is not None else None
        if count is not None and count < 0:
            yield invalid(f"{here}.allocatable.count", count, "must be greater than or equal to 0")


def node_update_causes(new: CSINode, old: CSINode) -> list[Cause]:
    return node_causes(new)


def capacity_causes(obj: CSIStorageCapacity) -> list[Cause]:
    causes = [
        invalid("storageClassName", obj.storage_class_name, word)
        for word in names.dns1123_subdomain(obj.storage_class_name)
    ]
    if obj.node_topology is not None:
        causes += selector_causes(obj.node_topology, "nodeTopology")
    for name, amount in (("capacity", obj.capacity), ("maximumVolumeSize", obj.maximum_volume_size)):
        if amount is not None and quantity.compare(amount, "0") < 0:
            causes.append(invalid(name, amount, "must be greater than or equal to 0"))
    return causes


def capacity_update_causes(new: CSIStorageCapacity, old: CSIStorageCapacity) -> list[Cause]:
    return [
        *capacity_causes(new),
        *immutable("nodeTopology", new.node_topology, old.node_topology),
        *immutable("storageClassName", new.storage_class_name, old.storage_class_name),
    ]


def attachment_causes(obj: VolumeAttachment) -> list[Cause]:
    spec = obj.spec
    causes = _driver_name_causes("spec.attacher", spec.attacher)
    causes += _source_causes(spec.source, "spec.source")
    if not spec.node_name:
        return [*causes, invalid("spec.nodeName", "", names.dns1123_subdomain("")[0])]
    return causes + by_rule("spec.nodeName", spec.node_name, names.dns1123_subdomain)


def _source_causes(source: VolumeAttachmentSource, path: str) -> list[Cause]:
    name, inline = source.persistent_volume_name, source.inline_volume_spec
    words = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    if name is None and inline is None:
        return [required(path, words)]
    if name is not None and inline is not None:
        return [forbidden(path, words)]
    here = f"{path}.persistentVolumeName"
    if name == "":
        return [required(here, "must specify non empty persistentVolumeName")]
    return by_rule(here, name, names.dns1123_subdomain) if name else []


def attachment_update_causes(new: VolumeAttachment, old: VolumeAttachment) -> list[Cause]:
    causes = attachment_causes(new)
    if new.spec != old.spec:
        causes.append(invalid("spec", msgspec.to_builtins(new.spec), "field is immutable"))
    return causes


def attributes_class_causes(obj: VolumeAttributesClass) -> list[Cause]:
    causes = _driver_name_causes("driverName", obj.driver_name)
    if not obj.parameters:
        causes.append(required("parameters", "must contain at least one key/value pair"))
    for key in obj.parameters:
        if not key:
            causes.append(invalid("parameters", key, "field can not be empty."))
    return causes


def attributes_class_update_causes(new: VolumeAttributesClass, old: VolumeAttributesClass) -> list[Cause]:
    causes = attributes_class_causes(new)
    if new.driver_name != old.driver_name:
        causes.append(forbidden("driverName", "updates to driverName are forbidden."))
    if new.parameters != old.parameters:
        causes.append(forbidden("parameters", "updates to parameters are forbidden."))
    return causes
