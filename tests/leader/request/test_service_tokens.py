"""Tokens of service accounts: what they are bound to, when they end, and what a TokenReview says of one that is worth
nothing."""

import base64
import json

import pytest
from request_api import Api

from pikube.certs.tokens import ISSUER, TokenSigner, make_signing_key
from pikube.leader.service_tokens import CREDENTIAL_ID
from pikube.wire.messages import Peer

SHOP = "/api/v1/namespaces/shop"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
NOBODY = Peer("127.0.0.1", 1)
KEY = make_signing_key()


@pytest.fixture
async def shop():
    """An API with a namespace, two service accounts, and a pod and a secret."""
    api = Api(signer=TokenSigner(KEY))
    await api.make_namespace("shop")
    for name in ("clerk", "boss"):
        await made(api, "serviceaccounts", {"metadata": {"name": name}})
    await made(api, "secrets", {"metadata": {"name": "till"}})
    container = {"name": "c", "image": "i"}
    spec = {"serviceAccountName": "clerk", "nodeName": "b2", "containers": [container]}
    await made(api, "pods", {"metadata": {"name": "web", "finalizers": ["a.b/c"]}, "spec": spec})
    return api


async def made(api, plural, body):
    code, answer = await api("POST", f"{SHOP}/{plural}", body)
    assert code == 201, answer
    return answer


async def issued(api, account="clerk", **spec):
    code, answer = await api("POST", f"{SHOP}/serviceaccounts/{account}/token", {"spec": spec})
    return answer["status"]["token"] if code == 201 else (code, answer["message"])


async def review(api, token, *audiences):
    _, answer = await api("POST", REVIEWS, {"spec": {"token": token, "audiences": list(audiences)}})
    return answer["status"]


async def said(api, token, *audiences):
    status = await review(api, token, *audiences)
    assert not status.get("authenticated")
    return status["error"]


def bound(kind, name, **more):
    return {"boundObjectRef": {"apiVersion": "v1", "kind": kind, "name": name, **more}}


async def test_a_token_is_for_whom_it_was_asked(shop):
    token = await issued(shop, audiences=["vault", "mqtt"])
    status = await review(shop, token, "mqtt", "other")
    assert status["authenticated"] and status["audiences"] == ["mqtt"]
    assert status["user"]["username"] == "system:serviceaccount:shop:clerk"
    assert CREDENTIAL_ID in status["user"]["extra"]
    assert await said(shop, token) == (
        f'[invalid bearer token, token audiences ["vault" "mqtt"] is invalid for the target audiences ["{ISSUER}"]]'
    )
    assert (await shop("GET", f"{SHOP}/pods", peer=NOBODY, authorization=f"Bearer {token}"))[0] == 401
    assert (await review(shop, await issued(shop)))["audiences"] == [ISSUER]


async def test_a_token_ends_a_minute_after_its_time(shop):
    token = await issued(shop, expirationSeconds=600)
    shop.now += 660
    assert (await review(shop, token))["authenticated"]
    shop.now += 1
    assert await said(shop, token) == "[invalid bearer token, service account token has expired]"
    code, refused = await shop("GET", f"{SHOP}/pods", peer=NOBODY, authorization=f"Bearer {token}")
    assert (code, refused["message"]) == (401, "Unauthorized"), "who shows it is told nothing"
    shop.now -= 2000
    assert await said(shop, token) == "[invalid bearer token, service account token is not valid yet]"


async def test_what_is_no_token_of_ours(shop):
    assert await said(shop, "garbage") == await said(shop, "a.b.c") == "invalid bearer token"
    other = TokenSigner(make_signing_key()).sign({"iss": ISSUER})
    assert await said(shop, other) == "[invalid bearer token, invalid signature, no keys found]"
    head, claims, _ = (await issued(shop)).split(".")
    broken = f"{head}.{claims}.{base64.urlsafe_b64encode(bytes(64)).decode().rstrip('=')}"
    assert await said(shop, broken) == (
        "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]"
    )


async def test_a_token_dies_with_its_account(shop):
    token = await issued(shop)
    await shop("DELETE", f"{SHOP}/serviceaccounts/clerk")
    assert await said(shop, token) == '[invalid bearer token, serviceaccounts "clerk" not found]'
    again = await made(shop, "serviceaccounts", {"metadata": {"name": "clerk"}})
    assert (await said(shop, token)).startswith(
        f"[invalid bearer token, service account UID ({again['metadata']['uid']}) does not match claim ("
    )


async def test_a_token_dies_with_the_secret_it_is_bound_to(shop):
    token = await issued(shop, **bound("Secret", "till"))
    assert (await review(shop, token))["authenticated"]
    await shop("DELETE", f"{SHOP}/secrets/till")
    assert await said(shop, token) == "[invalid bearer token, service account token has been invalidated]"
    await made(shop, "secrets", {"metadata": {"name": "till"}})
    assert "does not match service account secret ref claim" in await said(shop, token)


async def test_a_token_dies_with_its_pod_also_where_a_finalizer_keeps_the_pod(shop):
    token = await issued(shop, **bound("Pod", "web"))
    assert "authentication.kubernetes.io/pod-name" in (await review(shop, token))["user"]["extra"]
    await shop("DELETE", f"{SHOP}/pods/web?gracePeriodSeconds=30")
    shop.now += 89
    assert (await review(shop, token))["authenticated"], "it has its grace"
    shop.now += 5
    assert await said(shop, token) == "[invalid bearer token, service account token has been invalidated]"


async def test_a_token_is_bound_to_a_pod_of_its_own_account_only(shop):
    assert await issued(shop, "boss", **bound("Pod", "web")) == (
        400,
        'cannot bind token for serviceaccount "boss" to pod running with different serviceaccount name.',
    )
    assert await issued(shop, **bound("Pod", "gone")) == (404, 'pods "gone" not found')
    code, words = await issued(shop, **bound("Pod", "web", uid="old"))
    assert code == 409 and "the UID in the bound object reference (old) does not match" in words


async def test_the_token_of_a_secret_counts_as_long_as_the_secret_holds_it(shop):
    kind = {"type": "kubernetes.io/service-account-token"}
    notes = {"kubernetes.io/service-account.name": "clerk"}
    secret = await made(shop, "secrets", {"metadata": {"name": "lasting", "annotations": notes}, **kind})
    _, account = await shop("GET", f"{SHOP}/serviceaccounts/clerk")
    decode = shop.plane.registry.decode
    (kept,) = [i for i in shop.store.list("/secrets", "shop").items if i.key.name == "lasting"]
    (whose,) = [i for i in shop.store.list("/serviceaccounts", "shop").items if i.key.name == "clerk"]
    by_url = shop.scheme.by_url
    token = shop.plane.tokens.lasting(
        decode(by_url("", "v1", "secrets"), kept), decode(by_url("", "v1", "serviceaccounts"), whose)
    )
    assert await said(shop, token) == "[invalid bearer token, Token does not match server's copy]"
    secret["data"] = {"token": base64.b64encode(token.encode()).decode()}
    assert (await shop("PUT", f"{SHOP}/secrets/lasting", secret))[0] == 200
    shop.now += 1e9
    status = await review(shop, token)
    assert status["user"]["uid"] == account["metadata"]["uid"] and "extra" not in status["user"]
    assert (
        json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["iss"] == "kubernetes/serviceaccount"
    )
    await shop("DELETE", f"{SHOP}/secrets/lasting")
    assert await said(shop, token) == "[invalid bearer token, Token has been invalidated]"
