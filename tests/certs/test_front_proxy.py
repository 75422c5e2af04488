"""Extension API servers can tell this API from everybody else who has a certificate of the cluster."""

import json

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from pikube.certs.authority import facts_of, key_id_of
from pikube.certs.front_proxy import trust_document
from pikube.certs.leader import LeaderCertificates
from pikube.certs.profiles import FRONT_PROXY, LEADER_PROFILES
from pikube.config import merge

NOW = 1_700_000_000.0


@pytest.fixture
def held(tmp_path):
    settings = merge({"data-dir": str(tmp_path)}, {}, {}, host="b1")
    return LeaderCertificates(settings, "192.0.2.1", lambda: NOW)


def name_in(leaf):
    subject = x509.load_pem_x509_certificate(leaf.read_bytes()).subject
    return subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def test_the_front_proxy_s_name_and_authority_are_those_that_extensions_are_told(held):
    told = trust_document(held.issuer.bundle)
    leaf = held.directory.leaf_file(FRONT_PROXY)
    assert json.loads(told["requestheader-allowed-names"]) == [name_in(leaf)]
    assert facts_of(leaf.read_bytes()).issuer_key_id == key_id_of(
        told["requestheader-client-ca-file"].encode()
    )
    assert told["client-ca-file"] == held.issuer.bundle.decode()


def test_whoever_asks_hears_when_each_certificate_of_the_leader_ends(held):
    assert [name for name, _ in held.expiries()] == [profile.file for profile in LEADER_PROFILES]
    assert all(ends_at > NOW + 300 * 86400 for _, ends_at in held.expiries())
