from __future__ import annotations

import base64

from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from msgspec import structs
from searches import examples

from pikube.api.kinds.core_config import Secret, ServiceAccount
from pikube.api.kinds.meta import LabelSelector, ObjectMeta
from pikube.api.kinds.rbac import AggregationRule, ClusterRole, PolicyRule
from pikube.certs.tokens import TokenSigner, make_signing_key
from pikube.informer.cache import ObjectKey
from pikube.leader.controllers.account_tokens import NAME, TYPE, account_token_controller
from pikube.leader.controllers.role_aggregation import ROLE_AGGREGATION, observe, reconcile
from pikube.leader.service_tokens import ServiceTokens
from pikube.leader.store.memory import MemoryStore


def sign(secret, account):
    return f"token of {account.metadata.uid} in {secret.metadata.name}"


def account(name="robot"):
    return ServiceAccount(metadata=ObjectMeta(name=name, namespace="default"))


def token_secret(name="robot-token", of="robot"):
    meta = ObjectMeta(name=name, namespace="default", annotations={NAME: of})
    return Secret(metadata=meta, type=TYPE)


def world(*objects, cuts=()):
    it = World([account_token_controller(sign, lambda: "CERTIFICATE")], cuts=cuts)
    for obj in objects:
        it.api.create_nowait(obj)
    it.settle()
    return it


def data(it):
    found = it.api.get_nowait(Secret, "robot-token", "default").data
    return {key: base64.b64decode(value).decode() for key, value in found.items()}


@examples(10)
@given(st.lists(st.integers(0, 1), max_size=3))
def test_a_token_secret_is_filled_once_over_any_interruption(cuts):
    it = world(account(), token_secret(), cuts=cuts)
    uid = it.api.get_nowait(ServiceAccount, "robot", "default").metadata.uid
    assert data(it) == {
        "token": f"token of {uid} in robot-token", "ca.crt": "CERTIFICATE", "namespace": "default",
    }  # fmt: skip
    controller = it.controllers[0]
    desired, observed = controller.observe(it, ObjectKey("default", "robot-token"))
    assert check_laws(controller.reconcile, desired, observed, it.now) == []


def test_a_token_secret_goes_with_its_account_and_other_secrets_stay():
    plain = Secret(metadata=ObjectMeta(name="plain", namespace="default", annotations={NAME: "robot"}))
    it = world(account(), token_secret(), token_secret("lost", of="nobody"), plain)
    assert {s.metadata.name for s in it.api.all_of(Secret)} == {"robot-token", "plain"}
    it.api.delete_nowait(ServiceAccount, "robot", "default")
    it.api.create_nowait(account())
    it.settle()
    assert {s.metadata.name for s in it.api.all_of(Secret)} == {"plain"}, "a namesake is not the account"


def test_a_lasting_token_is_read_as_its_account_in_any_year_of_a_boards_clock():
    signer, known = TokenSigner(make_signing_key()), MemoryStore()
    secret, who = token_secret(), account()
    secret.metadata.uid, who.metadata.uid = "s", "a"
    tokens = ServiceTokens(signer, known, lambda: 1e9, lambda: "one")
    claims = signer.verify(tokens.lasting(secret, who), 4e9)
    assert claims["iss"] == "kubernetes/serviceaccount" and "exp" not in claims
    assert claims["kubernetes.io/serviceaccount/secret.name"] == "robot-token"
    assert claims["sub"] == "system:serviceaccount:default:robot"


def role(name, rules=(), labels=None, selects=None):
    rule = None
    if selects is not None:
        rule = AggregationRule(cluster_role_selectors=(LabelSelector(match_labels=selects),))
    meta = ObjectMeta(name=name, labels=labels or {})
    found = tuple(PolicyRule(api_groups=("",), resources=(r,), verbs=("get",)) for r in rules)
    return ClusterRole(metadata=meta, rules=found, aggregation_rule=rule)


def test_an_aggregating_role_holds_the_rules_of_those_it_selects_and_follows_them():
    it = World([ROLE_AGGREGATION])
    for obj in (
        role("all", selects={"to": "all"}),
        role("b", ["secrets", "pods"], {"to": "all"}),
        role("a", ["pods"], {"to": "all"}),
        role("other", ["nodes"]),
    ):
        it.api.create_nowait(obj)
    it.settle()

    def resources():
        return [r.resources[0] for r in it.api.get_nowait(ClusterRole, "all").rules]

    assert resources() == ["pods", "secrets"]
    desired, observed = observe(it, ObjectKey("", "all"))
    assert check_laws(reconcile, desired, observed, it.now) == []
    other = it.api.get_nowait(ClusterRole, "other")
    meta = structs.replace(other.metadata, labels={"to": "all"})
    it.api.update_nowait(structs.replace(other, metadata=meta))
    it.settle()
    assert resources() == ["pods", "secrets", "nodes"]
    it.api.delete_nowait(ClusterRole, "b")
    it.settle()
    assert resources() == ["pods", "nodes"]
