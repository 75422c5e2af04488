"""Declaration: coordination.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import Field, Int32, MicroTime, Names, Struct
from pikube.api.kinds.meta import Object, ObjectMeta


class LeaseSpec(Struct):
    """Who holds a lease and for how long."""

    holder_identity: Annotated[str | None, Field(1, "Who holds it.")] = None
    lease_duration_seconds: Annotated[Int32 | None, Field(2, "How long it may go without renewal before others take it.")] = None
    acquire_time: Annotated[MicroTime, Field(3, "When it was taken.")] = ""
    renew_time: Annotated[MicroTime, Field(4, "When it was last renewed.")] = ""
    lease_transitions: Annotated[Int32 | None, Field(5, "How often it went to another holder.")] = None
    strategy: Annotated[str | None, Field(6, "How the holder is chosen.")] = None
    preferred_holder: Annotated[str | None, Field(7, "Who should hold it next.")] = None


class Lease(Object):
    """A claim to be alive or to lead, renewed again and again."""

    names: ClassVar[Names] = Names("coordination.k8s.io", "v1", "Lease", "leases", True)
    kind: str = msgspec.field(default_factory=lambda: "Lease")
    api_version: str = msgspec.field(default_factory=lambda: "coordination.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[LeaseSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=LeaseSpec)
