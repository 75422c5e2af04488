"""Declaration: coordination.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import Field, Int32, MicroTime, Names, Struct
from pikube.api.kinds.meta import Object, ObjectMeta


class LeaseSpec(Struct):
    holder_identity: Annotated[str | None, Field(1)] = None
    lease_duration_seconds: Annotated[Int32 | None, Field(2)] = None
    acquire_time: Annotated[MicroTime, Field(3)] = ""
    renew_time: Annotated[MicroTime, Field(4)] = ""
    lease_transitions: Annotated[Int32 | None, Field(5)] = None
    strategy: Annotated[str | None, Field(6)] = None
    preferred_holder: Annotated[str | None, Field(7)] = None


class Lease(Object):
    names: ClassVar[Names] = Names("coordination.k8s.io", "v1", "Lease", "leases", True)
    kind: str = msgspec.field(default_factory=lambda: "Lease")
    api_version: str = msgspec.field(default_factory=lambda: "coordination.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[LeaseSpec, Field(2)] = msgspec.field(default_factory=LeaseSpec)
