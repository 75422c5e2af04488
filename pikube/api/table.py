"""Pure: lists as `kubectl get` prints them: metav1.Table, from stored bytes.

Enter: the kind's Columns and the stored JSON of objects. Leaves: the Table document as bytes. The row's
object is the stored metadata itself, never re-encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import msgspec

from pikube.api.columns import access, cluster, network, pods, storage, workloads
from pikube.api.columns.column import Columns
from pikube.api.custom.columns import columns_of_custom
from pikube.api.custom.objects import CustomObject
from pikube.api.kinds import apps, autoscaling, autoscaling_v2, batch, core_config, core_pod, events
from pikube.api.kinds.base import Struct
from pikube.api.views import EVENTS

_OWN: dict[type[Any], Columns] = {
    core_pod.Pod: pods.POD_COLUMNS,
    apps.Deployment: workloads.DEPLOYMENTS,
    apps.ReplicaSet: workloads.REPLICA_SETS,
    apps.DaemonSet: workloads.DAEMON_SETS,
    apps.StatefulSet: workloads.STATEFUL_SETS,
    apps.ControllerRevision: workloads.REVISIONS,
    batch.Job: workloads.JOBS,
    batch.CronJob: workloads.CRON_JOBS,
    autoscaling.HorizontalPodAutoscaler: workloads.AUTOSCALERS_V1,
    autoscaling.Scale: workloads.SCALES,
    autoscaling_v2.HorizontalPodAutoscaler: workloads.AUTOSCALERS,
    core_config.ReplicationController: workloads.CONTROLLERS,
    events.Event: Columns(
        cluster.TABLES["Event"].columns, lambda event, now: cluster.event_row(EVENTS.stored(event), now)
    ),
}
_BY_NAME = {**cluster.TABLES, **network.TABLES, **storage.TABLES, **access.TABLES}


@cache
def columns_of(cls: type[Any]) -> Columns:
    """The table of a kind; name and age for those that upstream gives nothing more."""
    if issubclass(cls, CustomObject):
        return columns_of_custom(cls)
    return _OWN.get(cls) or _BY_NAME.get(cls.__name__, cluster.PLAIN)


class _MetadataOnly(Struct):
    metadata: msgspec.Raw = msgspec.Raw(b"{}")


_metadata = msgspec.json.Decoder(_MetadataOnly)
encode = msgspec.json.encode

PARTIAL_HEAD = b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":'


def partial_object(value: bytes) -> bytes:
    """The PartialObjectMetadata of a stored object."""
    return b"%s%s}" % (PARTIAL_HEAD, bytes(_metadata.decode(value).metadata))


@cache
def _reader(cls: type[Struct]) -> Callable[[bytes, float], tuple[bytes, bytes]]:
    """Gives the cells and the metadata of a stored object, both as JSON."""
    columns = columns_of(cls)
    if columns.slim is None:
        decode, row = msgspec.json.Decoder(columns.decode_as or cls).decode, columns.row
        return lambda value, now: (encode(row(decode(value), now)), _metadata.decode(value).metadata)
    decode_slim = msgspec.json.Decoder(columns.slim.cls).decode
    decode_meta = msgspec.json.Decoder(columns.slim.metadata).decode
    cells = columns.slim.cells

    def read(value: bytes, now: float) -> tuple[bytes, bytes]:
        slim = decode_slim(value)
        return encode(cells(slim, decode_meta(slim.metadata), now)), slim.metadata

    return read


@cache
def _definitions(cls: type[Struct]) -> bytes:
    return encode(
        [
            {
                "name": column.name,
                "type": column.type,
                "format": column.format,
                "description": column.description or f"{column.name}.",
                "priority": column.priority,
            }
            for column in columns_of(cls).columns
        ]
    )


def render_table(
    cls: type[Struct],
    values: Iterable[bytes],
    list_metadata: bytes,
    now: float,
    *,
    include_object: str = "Metadata",
    version: str = "v1",
    has_header: bool = True,
) -> list[bytes]:
    """A Table document in chunks. include_object is None, Metadata or Object; list_metadata is JSON."""
    read = _reader(cls)
    order = columns_of(cls).order
    if order is not None:
        decode = msgspec.json.Decoder(cls).decode
        values = sorted(values, key=lambda value: order(decode(value)))
    rows = []
    for value in values:
        cells, metadata = read(value, now)
        if include_object == "Object":
            rows.append(b'{"cells":%s,"object":%s}' % (cells, value))
        elif include_object == "None":
            rows.append(b'{"cells":%s,"object":null}' % cells)
        else:
            rows.append(b'{"cells":%s,"object":%s%s}}' % (cells, PARTIAL_HEAD, metadata))
    head = b'{"kind":"Table","apiVersion":"meta.k8s.io/%s","metadata":%s,"columnDefinitions":%s,"rows":['
    definitions = _definitions(cls) if has_header else b"[]"
    return [head % (version.encode(), list_metadata, definitions), b",".join(rows), b"]}\n"]
