"""Declaration: certificates.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_STR, MAP, Bytes, Field, Int32, Names, Struct, Time
from pikube.api.kinds.meta import Object, ObjectMeta


class CertificateSigningRequestSpec(Struct):
    """The certificate that is asked for, and who asks."""

    request: Annotated[Bytes, Field(1, "The PKCS#10 request, in PEM and base64.", required=True)] = ""
    signer_name: Annotated[str, Field(7, "Who is to sign, for example kubernetes.io/kube-apiserver-client.", required=True)] = ALWAYS_STR
    expiration_seconds: Annotated[Int32 | None, Field(8, "How long the certificate is to live; the signer decides.")] = None
    usages: Annotated[tuple[str, ...], Field(5, "What the key is for.", enum=("signing", "digital signature", "content commitment", "key encipherment", "key agreement", "data encipherment", "cert sign", "crl sign", "encipher only", "decipher only", "any", "server auth", "client auth", "code signing", "email protection", "s/mime", "ipsec end system", "ipsec tunnel", "ipsec user", "timestamping", "ocsp signing", "microsoft sgc", "netscape sgc"))] = ()
    username: Annotated[str, Field(2, "Who asked. Set by the server.")] = ""
    uid: Annotated[str, Field(3, "The uid of who asked. Set by the server.")] = ""
    groups: Annotated[tuple[str, ...], Field(4, "The groups of who asked. Set by the server.")] = ()
    extra: Annotated[dict[str, tuple[str, ...]], Field(6, "More about who asked. Set by the server.")] = MAP


class CertificateSigningRequestStatus(Struct):
    """What became of the request."""

    conditions: Annotated[tuple[CertificateSigningRequestCondition, ...], Field(1, "What is known of the object's state, one entry a type.", list_type="map", list_keys=("type",))] = ()
    certificate: Annotated[Bytes, Field(2, "The certificate, once it is signed, in PEM and base64.")] = ""


class CertificateSigningRequest(Object):
    """Asks a signer of the cluster for a certificate."""

    names: ClassVar[Names] = Names("certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", False, short=("csr",))
    kind: str = msgspec.field(default_factory=lambda: "CertificateSigningRequest")
    api_version: str = msgspec.field(default_factory=lambda: "certificates.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[CertificateSigningRequestSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=CertificateSigningRequestSpec)
    status: Annotated[CertificateSigningRequestStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=CertificateSigningRequestStatus)


class CertificateSigningRequestCondition(Struct):
    """A decision about the request: Approved, Denied or Failed."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(6, "True, False or Unknown.", required=True)] = ALWAYS_STR
    reason: Annotated[str, Field(2, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(3, "A sentence that says why, for people.")] = ""
    last_update_time: Annotated[Time, Field(4, "When the condition was last written.")] = ""
    last_transition_time: Annotated[Time, Field(5, "When the status last changed from one value to another.")] = ""
