"""Tokens as the cluster keeps them, and what each is worth."""

import base64

from pikube.api.kinds.core_config import Secret
from pikube.api.kinds.meta import ObjectMeta
from pikube.certs.join_token import JoinToken
from pikube.leader.join_tokens import Verdict, judge, read_secret, token_secret, used_once

TOKEN = JoinToken("abcdef", "0123456789abcdef")
NOW = 1_700_000_000.0


def known(**options):
    options.setdefault("expires_at", NOW + 60)
    return read_secret(token_secret(TOKEN, **options))


def test_a_token_is_worth_something_until_it_expires():
    assert judge(TOKEN, known(), NOW) is Verdict.VALID
    assert judge(TOKEN, known(), NOW + 60) is Verdict.EXPIRED
    assert judge(TOKEN, known(expires_at=None), NOW + 1e9) is Verdict.VALID


def test_who_does_not_know_the_secret_is_told_nothing():
    wrong = JoinToken("abcdef", "fedcba9876543210")
    for found in (None, known(), known(expires_at=NOW - 1), known(uses=0)):
        assert judge(wrong, found, NOW) is Verdict.UNKNOWN
    assert judge(TOKEN, None, NOW) is Verdict.UNKNOWN


def test_uses_are_counted_down_to_nothing():
    found = known(uses=1)
    assert judge(TOKEN, found, NOW) is Verdict.VALID
    left = base64.b64decode(used_once(found)["data"]["uses-left"])
    assert left == b"0"
    assert judge(TOKEN, known(uses=0), NOW) is Verdict.USED_UP
    assert used_once(known()) is None


def test_the_secret_itself_is_not_stored():
    stored = token_secret(TOKEN, expires_at=NOW)
    texts = [base64.b64decode(value).decode() for value in stored.data.values()]
    assert TOKEN.secret not in "".join(texts)
    assert stored.type == "bootstrap.kubernetes.io/token"


def kubeadm(**values):
    data = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
        **values,
    }
    return Secret(
        metadata=ObjectMeta(name="bootstrap-token-abcdef", namespace="kube-system"),
        type="bootstrap.kubernetes.io/token",
        data={
            name.replace("_", "-"): base64.b64encode(value.encode()).decode() for name, value in data.items()
        },
    )


def test_kubeadm_s_secrets_count():
    assert judge(TOKEN, read_secret(kubeadm()), NOW) is Verdict.VALID
    expired = kubeadm(expiration="2001-01-01T00:00:00Z")
    assert judge(TOKEN, read_secret(expired), NOW) is Verdict.EXPIRED
    only_signing = kubeadm(**{"usage-bootstrap-authentication": "false"})
    assert judge(TOKEN, read_secret(only_signing), NOW) is Verdict.NOT_FOR_BOARDS


def test_other_secrets_are_no_tokens():
    assert read_secret(Secret(metadata=ObjectMeta(name="bootstrap-token-abcdef"), type="Opaque")) is None
    renamed = kubeadm()
    renamed.metadata.name = "bootstrap-token-zzzzzz"
    assert read_secret(renamed) is None
    assert read_secret(kubeadm(expiration="soon")) is None
    damaged = kubeadm()
    damaged.data["token-secret"] = "!!!"
    assert read_secret(damaged) is None
