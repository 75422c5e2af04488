"""Who is sent a token of a service account verifies it by what the API publishes, as OpenID Connect has it."""

import base64
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from pikube.certs.tokens import ISSUER, TokenSigner, make_signing_key
from pikube.leader.request.issuer_documents import CONFIGURATION, KEY_SET, issuer_documents
from pikube.wire.messages import Peer

SERVICE_ACCOUNT = Peer("10.42.0.9", 1, "system:serviceaccount:default:robot", ("system:serviceaccounts",))


def number(text):
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")


def test_a_token_is_verified_by_what_is_published_alone():
    signer = TokenSigner(make_signing_key())
    found = issuer_documents("192.0.2.1:6443", signer.key_set())
    configuration = json.loads(b"".join(found[CONFIGURATION].chunks))
    assert configuration["issuer"] == ISSUER
    assert configuration["jwks_uri"] == f"https://192.0.2.1:6443{KEY_SET}"
    assert configuration["id_token_signing_alg_values_supported"] == ["ES256"]
    assert dict(found[KEY_SET].headers)["Content-Type"] == "application/jwk-set+json"
    [key] = json.loads(b"".join(found[KEY_SET].chunks))["keys"]
    head, claims, signature = signer.sign({"iss": ISSUER}).split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["kid"] == key["kid"]
    public = ec.EllipticCurvePublicNumbers(number(key["x"]), number(key["y"]), ec.SECP256R1()).public_key()
    raw = base64.urlsafe_b64decode(signature + "==")
    pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public.verify(pair, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))


async def test_the_api_serves_both_to_whom_a_role_allows_it(api):
    for path in (CONFIGURATION, KEY_SET):
        assert (await api("GET", path))[0] == 200
        assert (await api("GET", path, peer=SERVICE_ACCOUNT))[0] == 403, (
            "the role is bound when a leader starts"
        )
        assert (await api("POST", path, {}))[0] == 405
    assert {CONFIGURATION, KEY_SET} <= set((await api("GET", "/"))[1]["paths"])
