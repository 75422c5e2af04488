"""Names, labels, keys and addresses: what passes, and the words for what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api import names

LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
    "end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (names.dns1123_label, "web-1"),
        (names.dns1123_label, "1"),
        (names.dns1123_subdomain, "a.b-c.d"),
        (names.wildcard_dns1123_subdomain, "*.example.com"),
        (names.dns1035_label, "web-1"),
        (names.qualified_name, "app"),
        (names.qualified_name, "example.com/My_Name.v2"),
        (names.annotation_key, "Example.COM/name"),
        (names.finalizer, "example.com/cleanup"),
        (names.label_value, ""),
        (names.label_value, "v1.2_3-X"),
        (names.path_segment_name, "system:node"),
        (names.env_var_name, "MY_ENV.NAME"),
        (names.relaxed_env_var_name, "1 odd name!"),
        (names.config_map_key, "nginx.conf"),
        (names.port_name, "http-2"),
        (names.port_number, 65535),
        (names.ip_address, "10.0.0.1"),
        (names.ip_address, "2001:db8::1"),
        (names.cidr, "10.42.0.0/16"),
        (names.cidr, "2001:db8::/64"),
        (names.percent, "25%"),
        (names.http_header_name, "X-Token"),
        (names.c_identifier, "_name1"),
        (names.absolute_path, "/etc"),
        (names.relative_path, "a/b"),
        (names.http_path, "foo/bar:baz"),
    ],
)
def test_good_values_give_no_message(rule, value):
    assert rule(value) == []


@pytest.mark.parametrize(
    ("rule", "value", "messages"),
    [
        (names.dns1123_label, "a.b", ["must not contain dots"]),
        (names.dns1123_label, "Web", [LABEL_WORDS]),
        (names.dns1123_label, "a" * 64, ["must be no more than 63 characters"]),
        (names.dns1123_subdomain, "a" * 254, ["must be no more than 253 characters"]),
        (names.port_name, "a--b", ["must not contain consecutive hyphens"]),
        (names.port_name, "-a", ["must not begin or end with a hyphen"]),
        (names.port_name, "80", ["must contain at least one letter (a-z)"]),
        (names.port_number, 0, ["must be between 1 and 65535, inclusive"]),
        (names.path_segment_name, "..", ["may not be '..'"]),
        (names.path_segment_name, "a/b%", ["may not contain '/'", "may not contain '%'"]),
        (names.config_map_key, "..data", ["must not start with '..'"]),
        (names.ip_address, "10.0.0.01", ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]),
        (names.ip_address, "::ffff:10.0.0.1", ["must not be an IPv4-mapped IPv6 address"]),
        (names.ip_address, "fe80::1%eth0", ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]),
        (names.cidr, "10.0.0.1/24", ["must not have bits set beyond the prefix length"]),
        (names.cidr, "10.0.0.0/08", ["must not have leading 0s in IP or prefix length"]),
        (names.cidr, "10.0.0.0/33", ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]),
        (names.cidr, "10.0.0.0", ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]),
        (names.absolute_path, "etc", ["must be an absolute path"]),
        (names.relative_path, "/a/../b", ["must be a relative path", "must not contain '..'"]),
        (names.relaxed_env_var_name, "", ["environment variable name must be non-empty"]),
    ],
)
def test_bad_values_are_explained_as_kubernetes_does(rule, value, messages):
    assert rule(value) == messages


def test_each_part_of_a_label_key_has_its_own_message():
    assert names.qualified_name("/x") == ["prefix part must be non-empty"]
    assert names.qualified_name("a/")[0] == "name part must be non-empty"
    assert names.qualified_name("a" * 64) == ["name part must be no more than 63 bytes"]
    assert names.qualified_name("a/b/c")[0].startswith("a valid label key must consist of alphanumeric")


def test_a_newline_does_not_slip_through_a_rule():
    assert names.dns1123_label("web\n")
    assert names.label_value("v\n")


def test_generated_names_stay_within_a_label_and_use_the_safe_alphabet():
    name = names.generated_name("x" * 70, [0, 1, 26, 27, 100])
    assert name == "x" * 58 + "bc9bz"
    assert len(name) == 63


def test_hashes_are_spelled_in_the_safe_alphabet():
    assert names.safe_encoded("12345") == "".join(names.SAFE_ALPHABET[ord(c) % 27] for c in "12345")


def test_a_prefix_ending_in_a_dash_counts_as_a_good_beginning():
    assert names.dns1123_label(names.without_trailing_dash("web-")) == []
    assert names.without_trailing_dash("web") == "web"


@given(st.text(max_size=70))
def test_no_text_breaks_a_rule(text):
    for rule in (
        names.dns1123_label, names.dns1123_subdomain, names.dns1035_label, names.qualified_name, names.label_value,
        names.path_segment_name, names.env_var_name, names.relaxed_env_var_name, names.config_map_key,
        names.port_name, names.ip_address, names.cidr, names.percent, names.http_header_name, names.c_identifier,
        names.wildcard_dns1123_subdomain, names.annotation_key,
    ):  # fmt: skip
        assert all(isinstance(message, str) for message in rule(text))


@given(st.from_regex(r"\A[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?\Z"))
def test_every_label_is_a_subdomain(label):
    assert names.dns1123_label(label) == []
    assert names.dns1123_subdomain(label) == []
