"""Declaration: certificates.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_STR, MAP, Bytes, Field, Int32, Names, Struct, Time
from pikube.api.kinds.meta import Object, ObjectMeta


class CertificateSigningRequestSpec(Struct):
    request: Annotated[Bytes, Field(1, required=True)] = ""
    signer_name: Annotated[str, Field(7, required=True)] = ALWAYS_STR
    expiration_seconds: Annotated[Int32 | None, Field(8)] = None
    usages: Annotated[tuple[str, ...], Field(5, enum=("signing", "digital signature", "content commitment", "key encipherment", "key agreement", "data encipherment", "cert sign", "crl sign", "encipher only", "decipher only", "any", "server auth", "client auth", "code signing", "email protection", "s/mime", "ipsec end system", "ipsec tunnel", "ipsec user", "timestamping", "ocsp signing", "microsoft sgc", "netscape sgc"))] = ()
    username: Annotated[str, Field(2)] = ""
    uid: Annotated[str, Field(3)] = ""
    groups: Annotated[tuple[str, ...], Field(4)] = ()
    extra: Annotated[dict[str, tuple[str, ...]], Field(6)] = MAP


class CertificateSigningRequestStatus(Struct):
    conditions: Annotated[tuple[CertificateSigningRequestCondition, ...], Field(1, list_type="map", list_keys=("type",))] = ()
    certificate: Annotated[Bytes, Field(2)] = ""


class CertificateSigningRequest(Object):
    names: ClassVar[Names] = Names("certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", False, short=("csr",))
    kind: str = msgspec.field(default_factory=lambda: "CertificateSigningRequest")
    api_version: str = msgspec.field(default_factory=lambda: "certificates.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[CertificateSigningRequestSpec, Field(2, required=True)] = msgspec.field(default_factory=CertificateSigningRequestSpec)
    status: Annotated[CertificateSigningRequestStatus, Field(3)] = msgspec.field(default_factory=CertificateSigningRequestStatus)


class CertificateSigningRequestCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(6, required=True)] = ALWAYS_STR
    reason: Annotated[str, Field(2)] = ""
    message: Annotated[str, Field(3)] = ""
    last_update_time: Annotated[Time, Field(4)] = ""
    last_transition_time: Annotated[Time, Field(5)] = ""
