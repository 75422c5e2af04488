"""What an EncryptionConfiguration may say, and upstream's words for what it may not."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from pikube.leader.encryption_configuration import BadConfiguration, parse_resource, read_configuration
from pikube.leader.encryption_file import load_encryption, unknown_resources
from pikube.leader.store.contract import StoreUnusable

SECRET = base64.b64encode(bytes(range(32))).decode()
KEY = {"name": "key1", "secret": SECRET}
GCM = {"aesgcm": {"keys": [KEY]}}
IDENTITY = {"identity": {}}


def configuration(*entries, **more):
    document = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", **more}
    return json.dumps({**document, "resources": list(entries)}).encode()


def entry(*resources, providers=(GCM,)):
    return {"resources": list(resources), "providers": list(providers)}


def with_key(provider="aesgcm", **fields):
    return configuration(entry("secrets", providers=[{provider: {"keys": [{**KEY, **fields}]}}]))


def refusal(text):
    with pytest.raises(BadConfiguration) as caught:
        read_configuration(text)
    return str(caught.value)


def test_every_provider_is_read():
    found = read_configuration(
        b"""
---
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources:
      - secrets
      - configmaps
      - pandas.awesome.bears.example
    providers:
      - identity: {} # written as it is
      - aesgcm:
          keys:
            - name: key1
              secret: MDEyMzQ1Njc4OWFiY2RlZg==
            - name: key2
              secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3
      - aescbc:
          keys:
            - name: key1
              secret: MDEyMzQ1Njc4OWFiY2RlZg==
      - secretbox:
          keys:
            - name: key1
              secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
  - resources: [events]
    providers: [identity: {}]
  - resources: ['*.apps']
    providers: [identity: {}]
"""
    )
    first = found.resources[0]
    assert [provider.found for provider in first.providers] == [
        ["identity"],
        ["aesgcm"],
        ["aescbc"],
        ["secretbox"],
    ]
    assert first.resources == ("secrets", "configmaps", "pandas.awesome.bears.example")
    assert first.providers[1].aesgcm is not None
    assert [key.name for key in first.providers[1].aesgcm.keys] == ["key1", "key2"]


def test_the_example_of_our_documentation_is_read():
    text = Path(__file__).parents[2].joinpath("docs", "security.md").read_text()
    [example] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    found = read_configuration(example.replace("SECRET", SECRET).encode())
    assert [provider.found for provider in found.resources[0].providers] == [["aesgcm"], ["identity"]]


def test_keys_of_another_length_are_refused_also_those_of_upstreams_example():
    """The third key of kubernetes.io/docs/tasks/administer-cluster/encrypt-data has 28 bytes."""
    words = refusal(with_key("aescbc", secret="c2VjcmV0IGlzIHNlY3VyZSwgb3IgaXMgaXQ/Cg=="))
    assert words.endswith("secret is not of the expected length, got 28, expected one of [16 24 32]")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("secrets", ("", "secrets")),
        ("pandas.awesome.bears.example", ("awesome.bears.example", "pandas")),
        ("*.apps", ("apps", "*")),
        ("*.", ("", "*")),
        ("*.*", ("*", "*")),
    ],
)
def test_a_resource_is_named_as_upstream_names_it(name, found):
    assert parse_resource(name) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "it is empty"),
        (b"- a\n", "it is no EncryptionConfiguration"),
        (b"a: [", "error converting YAML to JSON: yaml: line 1: did not find expected node content"),
        (b"{}", 'no kind "" is registered for version ""'),
        (b"apiVersion: v1\nkind: Secret\n", 'no kind "Secret" is registered for version "v1"'),
        (configuration(), "resources: Required value: at least one resources is required"),
        (
            configuration({"providers": [GCM]}),
            "resources[0].resources: Required value: at least one resources[0].resources is required",
        ),
        (
            configuration({"resources": ["secrets"]}),
            "resources[0].providers: Required value: at least one resources[0].providers is required",
        ),
        (
            configuration({"resources": ["secrets"], "provider": [GCM], "providers": [{"aesgmc": {}}]}),
            'strict decoding error: unknown field "resources[0].provider", '
            'unknown field "resources[0].providers[0].aesgmc"',
        ),
        (
            configuration({"resources": "secrets", "providers": [GCM]}),
            "json: cannot unmarshal string into Go struct field ResourceConfiguration.resources.resources of type "
            "[]string",
        ),
        (
            configuration(entry("secrets", providers=[{}])),
            "resources[0].providers[0]: Invalid value: {}: provider does not contain any of the expected providers: "
            "KMS, AESGCM, AESCBC, Secretbox, Identity",
        ),
        (
            configuration(entry("secrets", providers=[IDENTITY, {**GCM, **IDENTITY}])),
            'resources[0].providers[1]: Invalid value: ["aesgcm","identity"]: more than one provider specified in a '
            "single element, should split into different list elements",
        ),
        (
            configuration(entry("secrets", providers=[{"kms": {"name": "vault", "endpoint": "unix:///a.sock"}}])),
            "resources[0].providers[0].kms: Forbidden: pikube asks no key management service: use aescbc, aesgcm or "
            "secretbox, with a key in the file",
        ),
        (
            configuration(entry("secrets", providers=[{"aescbc": {}}])),
            "resources[0].providers[0].aescbc.keys: Required value: at least one keys is required",
        ),
        (
            with_key(name=""),
            "resources[0].providers[0].aesgcm.keys[0].name: Required value: name is a mandatory field for a key",
        ),
        (
            with_key(secret=""),
            "resources[0].providers[0].aesgcm.keys[0].secret: Required value: secret is a mandatory field for a key",
        ),
        (
            with_key(secret="$$$"),
            'resources[0].providers[0].aesgcm.keys[0].secret: Invalid value: "REDACTED": secrets must be base64 '
            "encoded",
        ),
        (
            with_key(secret=base64.b64encode(b"x" * 31).decode()),
            'resources[0].providers[0].aesgcm.keys[0].secret: Invalid value: "REDACTED": secret is not of the '
            "expected length, got 31, expected one of [16 24 32]",
        ),
        (
            with_key("secretbox", secret=base64.b64encode(b"x" * 16).decode()),
            'resources[0].providers[0].secretbox.keys[0].secret: Invalid value: "REDACTED": secret is not of the '
            "expected length, got 16, expected one of [32]",
        ),
        (
            with_key(name="", secret=""),
            "[resources[0].providers[0].aesgcm.keys[0].name: Required value: name is a mandatory field for a key, "
            "resources[0].providers[0].aesgcm.keys[0].secret: Required value: secret is a mandatory field for a key]",
        ),
        (
            configuration(entry("secrets", "secrets")),
            'resources[0].resources: Invalid value: ["secrets","secrets"]: the same resource cannot be specified '
            "multiple times",
        ),
        (
            configuration(entry("secrets", "*.")),
            "resources[0].resources: Invalid value: [\"secrets\",\"*.\"]: using overlapping resources such as 'secrets' "
            "and '*.' in the same resource list is not allowed as they will be masked",
        ),
        (
            configuration(entry("secrets", "*.*")),
            "resources[0].resources: Invalid value: [\"secrets\",\"*.*\"]: using overlapping resources such as "
            "'secrets' and '*.' in the same resource list is not allowed as they will be masked",
        ),
        (
            configuration(entry("Secrets")),
            'resources[0].resources[0]: Invalid value: "Secrets": resource name should not contain capital letters',
        ),
        (
            configuration(entry("*")),
            "resources[0].resources[0]: Invalid value: \"*\": use '*.' to encrypt all the resources from core API "
            "group or *.* to encrypt all resources",
        ),
        (
            configuration(entry("serviceipallocations")),
            'resources[0].resources[0]: Invalid value: "serviceipallocations": resources which do not have REST API/s '
            "cannot be encrypted",
        ),
        (
            configuration(entry("events.events.k8s.io")),
            "resources[0].resources[0]: Invalid value: \"events.events.k8s.io\": '*.events.k8s.io' objects are stored "
            "using the 'events' API group in etcd. Use 'events' instead in the config file",
        ),
        (
            configuration(entry("*.extensions")),
            "resources[0].resources[0]: Invalid value: \"*.extensions\": 'extensions' group has been removed and cannot "
            "be used for encryption",
        ),
        (
            configuration(entry("secrets.*")),
            'resources[0].resources[0]: Invalid value: "secrets.*": encrypting the same resource across groups is not '
            "supported",
        ),
        (
            configuration(entry("*."), entry("secrets")),
            'resource "secrets" is masked by earlier rule "*."',
        ),
        (
            configuration(entry("*.*"), entry("*.apps")),
            'resource "*.apps" is masked by earlier rule "*.*"',
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_upstreams_words(text, words):
    assert refusal(text) == words


def test_one_resource_in_two_entries_and_rules_that_go_from_small_to_large_are_fine():
    read_configuration(configuration(entry("secrets"), entry("secrets", "*.apps"), entry("*."), entry("*.*")))


def test_keys_are_in_no_refusal():
    hidden = base64.b64encode(b"A key of somebody!").decode()
    for text in (with_key(secret=hidden), with_key(secret=hidden[:-1])):
        assert hidden[:8] not in refusal(text)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    path = tmp_path / "usb" / "keys.yaml"
    with pytest.raises(StoreUnusable) as caught:
        load_encryption(str(path))
    assert str(caught.value).startswith(
        f"the encryption provider configuration file {path} cannot be read (No such file or directory): "
    )
    assert load_encryption("") is None


def test_a_file_that_cannot_be_is_named_in_the_refusal(tmp_path):
    path = tmp_path / "keys.yaml"
    path.write_bytes(configuration())
    with pytest.raises(StoreUnusable) as caught:
        load_encryption(str(path))
    assert str(caught.value) == (
        f"the encryption provider configuration file {path}: resources: Required value: at least one resources is "
        "required"
    )


def test_a_name_that_no_kind_has_is_found():
    found = read_configuration(configuration(entry("secret", "configmaps", "widgets.example.com", "*.apps")))
    assert unknown_resources(found, {"/secrets", "/configmaps"}) == ["secret"]
