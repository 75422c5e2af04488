"""Shell: a client certificate for a person: key made here, signed by the cluster through certificates.k8s.io.

The key never leaves this process but in the kubeconfig that is printed. Called by `pikube kubeconfig --user`.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence

import trio
from msgspec import structs

from pikube.api.kinds.certificates import (
    CertificateSigningRequest,
    CertificateSigningRequestCondition,
    CertificateSigningRequestSpec,
    CertificateSigningRequestStatus,
)
from pikube.api.kinds.meta import ObjectMeta
from pikube.certs.authority import KeyPair, make_key, make_request
from pikube.cli.failure import StartupError
from pikube.wire.client import ApiConnection
from pikube.wire.typed_client import TypedClient

SIGNER = "kubernetes.io/kube-apiserver-client"
SIGN_S = 20.0  # a controller of the leader signs within milliseconds of the approval


async def issue_client_certificate(
    connection: ApiConnection, user: str, groups: Sequence[str], life_s: int
) -> KeyPair:
    """A certificate of the person's name and groups. ApiError, ConnectionLost; StartupError when nobody signs."""
    client = TypedClient(connection)
    key = make_key()
    request = make_request(key, user, groups)
    name = f"pikube-user-{secrets.token_hex(4)}"
    made = await client.create(
        CertificateSigningRequest(
            metadata=ObjectMeta(name=name),
            spec=CertificateSigningRequestSpec(
                request=base64.b64encode(request).decode(),
                signer_name=SIGNER,
                usages=("client auth",),
                expiration_seconds=life_s,
            ),
        )
    )
    try:
        await client.update(approved(made), subresource="approval")
        with trio.move_on_after(SIGN_S):
            return KeyPair(await _wait_certificate(client, name), key)
        raise StartupError("the leader did not sign the certificate; `kubectl describe csr` says why")
    finally:
        with trio.move_on_after(SIGN_S, shield=True):
            await client.delete(CertificateSigningRequest, name)


def approved(request: CertificateSigningRequest) -> CertificateSigningRequest:
    """The request as its approver sends it back."""
    condition = CertificateSigningRequestCondition(
        type="Approved",
        status="True",
        reason="PikubeKubeconfig",
        message="approved by `pikube kubeconfig --user`",
    )
    return structs.replace(request, status=CertificateSigningRequestStatus(conditions=(condition,)))


async def _wait_certificate(client: TypedClient, name: str) -> bytes:
    """Until it is signed. StartupError when it is refused."""
    selector = f"metadata.name={name}"
    listed = await client.list(CertificateSigningRequest, field_selector=selector)
    for found in listed.items:
        if found.status.certificate:
            return base64.b64decode(found.status.certificate)
    async with client.watch(
        CertificateSigningRequest, resource_version=listed.resource_version, field_selector=selector
    ) as events:
        async for event in events:
            failed = next((c for c in event.object.status.conditions if c.type in ("Failed", "Denied")), None)
            if failed is not None:
                raise StartupError(f"the leader refused to sign the certificate: {failed.message}")
            if event.object.status.certificate:
                return base64.b64decode(event.object.status.certificate)
    raise StartupError("the leader ended the watch before the certificate was signed; try again")
