"""Kubeconfigs merge as `kubectl config` would, and never take another cluster's place."""

import copy

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from pikube.certs.authority import KeyPair, make_key, named_by_kind
from pikube.certs.kubeconfig import (
    Access,
    BadKubeconfig,
    kubeconfig_document,
    merged,
    parse_document,
    read_access,
    refreshed,
    renamed,
    render_document,
    with_server,
)

KEY, NEXT_KEY = (named_by_kind(make_key()) for _ in range(2))
HOME = kubeconfig_document("https://192.0.2.1:6443", b"CA", KeyPair(b"CERT", KEY), name="home")
WORK = {
    "apiVersion": "v1",
    "kind": "Config",
    "preferences": {},
    "clusters": [{"name": "work", "cluster": {"server": "https://work.example"}}],
    "users": [{"name": "me", "user": {"token": "secret"}}],
    "contexts": [{"name": "work", "context": {"cluster": "work", "user": "me", "namespace": "x"}}],
    "current-context": "work",
}


def names(document, section):
    return [entry["name"] for entry in document[section]]


def test_what_is_written_is_read_back():
    document = parse_document(render_document(HOME))
    assert document == HOME
    assert read_access(document) == Access("https://192.0.2.1:6443", "CA", "CERT", KEY.decode())


def test_a_key_says_of_which_kind_it_is_since_clients_go_by_that():
    made = make_key()
    document = kubeconfig_document("https://192.0.2.1:6443", b"CA", KeyPair(b"CERT", made))
    key = read_access(document).key.encode()
    assert key.startswith(b"-----BEGIN EC PRIVATE KEY-----\n") and named_by_kind(key) == key
    loaded, again = (load_pem_private_key(text, None).private_numbers() for text in (made, key))
    assert loaded == again
    other = rsa.generate_private_key(65537, 2048)
    text = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert named_by_kind(text) == text


def test_merging_keeps_what_was_there_and_changes_the_current_context():
    before = copy.deepcopy(WORK)
    result = merged(WORK, HOME)
    assert before == WORK  # the input is untouched
    assert names(result, "clusters") == ["work", "home"]
    assert names(result, "contexts") == ["work", "home"]
    assert result["current-context"] == "home" and result["preferences"] == {}
    assert read_access(result, "work").token == "secret"


def test_merging_twice_changes_nothing():
    once = merged(WORK, HOME)
    assert merged(once, HOME) == once


def test_merging_anew_replaces_address_and_certificate():
    moved = with_server(HOME, "https://192.0.2.9:6443")
    result = merged(merged(WORK, HOME), moved)
    assert names(result, "clusters") == ["work", "home"]
    assert read_access(result).server == "https://192.0.2.9:6443"


def test_merging_never_replaces_another_cluster_of_the_same_name():
    other = kubeconfig_document("https://192.0.2.5:6443", b"OTHER CA", KeyPair(b"C", KEY), name="home")
    with pytest.raises(BadKubeconfig, match="another cluster called home already"):
        merged(merged(WORK, HOME), other)
    assert names(merged(merged(WORK, HOME), renamed(other, "home2")), "clusters") == ["work", "home", "home2"]


def test_a_cluster_that_changed_its_ca_is_merged_again():
    changed = kubeconfig_document("https://192.0.2.1:6443", b"NEXT CA", KeyPair(b"C", KEY), name="home")
    assert read_access(merged(merged(WORK, HOME), changed)).ca == "NEXT CA"


def test_merging_into_nothing():
    assert merged(parse_document(""), HOME) == HOME


def test_the_users_of_one_cluster_stand_beside_each_other():
    ann = kubeconfig_document(
        "https://192.0.2.1:6443", b"CA", KeyPair(b"C2", NEXT_KEY), name="home", user="ann"
    )
    result = merged(merged(WORK, HOME), ann)
    assert names(result, "users") == ["me", "home-admin", "home-ann"]
    assert names(result, "contexts") == ["work", "home", "ann@home"]
    assert read_access(renamed(ann, "other")) == read_access(ann)


def test_what_a_person_changed_stays_when_address_and_certificate_are_renewed():
    edited = copy.deepcopy(
        {
            **HOME,
            **{section: [*HOME[section], *WORK[section]] for section in ("clusters", "users", "contexts")},
        }
    )
    edited["current-context"] = "work"
    edited["contexts"][0]["context"]["namespace"] = "lab"
    edited["clusters"][0]["cluster"]["proxy-url"] = "socks5://proxy"
    today = kubeconfig_document("https://192.0.2.9:6443", b"CA2", KeyPair(b"C2", NEXT_KEY), name="home")
    result = refreshed(edited, today)
    assert read_access(result, "home") == read_access(today)
    assert result["contexts"] == edited["contexts"] and result["current-context"] == "work"
    assert result["clusters"][0]["cluster"]["proxy-url"] == "socks5://proxy"
    assert names(result, "clusters") == ["home", "work"]
    assert refreshed(result, today) == result


def test_a_server_that_a_person_named_stays_named():
    named = with_server(HOME, "https://leader.lan:6443")
    today = kubeconfig_document("https://192.0.2.9:6443", b"CA2", KeyPair(b"C2", NEXT_KEY), name="home")
    access = read_access(refreshed(named, today))
    assert (access.server, access.ca, access.key) == ("https://leader.lan:6443", "CA2", NEXT_KEY.decode())


def test_a_file_without_our_entries_is_no_longer_ours():
    with pytest.raises(BadKubeconfig):
        refreshed(WORK, HOME)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a", "is no kubeconfig"),
        ("a: [", "is no YAML"),
        ("clusters: [1]", "clusters is not a list of named entries"),
        ("kind: Config", "names no current context"),
        ("current-context: x", "has no context 'x'"),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]", "has no cluster 'c'"),
    ],
)
def test_what_is_no_kubeconfig_is_told(text, words):
    with pytest.raises(BadKubeconfig, match=words.replace("[", r"\[")):
        read_access(parse_document(text))


def test_a_server_without_tls_and_broken_data_are_refused():
    plain = with_server(HOME, "http://192.0.2.1:6443")
    with pytest.raises(BadKubeconfig, match="no https:// server"):
        read_access(plain)
    broken = copy.deepcopy(HOME)
    broken["users"][0]["user"]["client-key-data"] = "%%%"
    with pytest.raises(BadKubeconfig, match="client-key-data"):
        read_access(broken)
