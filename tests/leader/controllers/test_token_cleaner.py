"""Join tokens that have expired go, a day later; others stay."""

import pytest
from laws import check_laws

from pikube.api.kinds.core_config import Secret
from pikube.api.kinds.meta import ObjectMeta
from pikube.certs.join_token import JoinToken
from pikube.informer.actions import Delete, RequeueAfter
from pikube.leader.controllers.token_cleaner import KEPT_S, reconcile
from pikube.leader.join_tokens import token_secret

NOW = 1_700_000_000.0
TOKEN = JoinToken("abcdef", "0123456789abcdef")


def test_a_token_goes_a_day_after_it_has_expired():
    def steps(ends_at):
        return check_laws(reconcile, token_secret(TOKEN, expires_at=ends_at), None, NOW)

    assert steps(NOW + 60) == [RequeueAfter(KEPT_S + 60)]
    assert steps(NOW - 60) == [RequeueAfter(KEPT_S - 60)]  # whoever comes late hears why
    [deletion] = steps(NOW - KEPT_S)
    assert isinstance(deletion, Delete) and deletion.key.name == "bootstrap-token-abcdef"


@pytest.mark.parametrize(
    "secret",
    [
        token_secret(TOKEN, expires_at=None),
        Secret(metadata=ObjectMeta(name="bootstrap-token-abcdef", namespace="kube-system")),
        Secret(
            metadata=ObjectMeta(name="other", namespace="kube-system"), type="bootstrap.kubernetes.io/token"
        ),
    ],
)
def test_a_token_without_an_end_and_what_is_no_token_stay(secret):
    assert check_laws(reconcile, secret, None, NOW) == []
