"""Pure: the rules that names, labels, keys and addresses obey, in the words kubectl users know.

Enter: a string. Leaves: a list of messages, empty when the string is fine; each message is what follows
`metadata.name: Invalid value: "X": ` in a validation error. Called by validation, selectors and generateName.

Rules and wording are those of kubernetes apimachinery `pkg/util/validation` and `pkg/api/validate/content`.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable

LABEL_MAX_CHARS = 63
SUBDOMAIN_MAX_CHARS = 253
GENERATED_SUFFIX_CHARS = 5
GENERATE_NAME_MAX_CHARS = LABEL_MAX_CHARS - GENERATED_SUFFIX_CHARS
SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and no digits that look like them, so that no generated name is a word."""

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = _LABEL + r"(\." + _LABEL + ")*"
_DNS1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = "(" + _KEY_NAME + ")?"
_ENV_NAME = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HEADER_NAME = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_LINK_MULTICAST = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))
_WILDCARD = r"\*\." + _SUBDOMAIN
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"

_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_LOOSE_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_LOOSE_SUBDOMAIN = rf"{_LOOSE_LABEL}(\.{_LOOSE_LABEL})*"
_LOOSE_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character"
)
_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_DNS1035_WORDS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_KEY_WORDS = (
    "must consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_VALUE_WORDS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_WILDCARD_WORDS = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
    "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)
_ENV_WORDS = (
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', "
    "and must not start with a digit"
)
_RELAXED_ENV_WORDS = (
    "a valid environment variable name must consist only of printable ASCII characters other than '='"
)
_CONFIG_KEY_WORDS = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
_HEADER_WORDS = "a valid HTTP header must consist of alphanumeric characters or '-'"
_PERCENT_WORDS = "a valid percent string must be a numeric string followed by an ending '%'"
_IDENTIFIER_WORDS = (
    "a valid C identifier must start with alphabetic character or '_', "
    "followed by a string of alphanumeric characters or '_'"
)

_is_label = re.compile(_LABEL).fullmatch
_is_subdomain = re.compile(_SUBDOMAIN).fullmatch
_is_dns1035 = re.compile(_DNS1035).fullmatch
_is_key_name = re.compile(_KEY_NAME).fullmatch
_is_value = re.compile(_VALUE).fullmatch
_is_env_name = re.compile(_ENV_NAME).fullmatch
_is_config_key = re.compile(_CONFIG_KEY).fullmatch
_is_header_name = re.compile(_HEADER_NAME).fullmatch
_is_percent = re.compile(_PERCENT).fullmatch
_is_identifier = re.compile(_C_IDENTIFIER).fullmatch
_is_wildcard = re.compile(_WILDCARD).fullmatch
_is_http_path = re.compile(_HTTP_PATH).fullmatch
_is_port_charset = re.compile("[-a-z0-9]+").fullmatch
_has_letter = re.compile("[a-z]").search


def quoted(text: str) -> str:
    """Text as Go's %q prints it in a message."""
    return json.dumps(text, ensure_ascii=False)


def max_length_error(limit: int) -> str:
    """The message for a string that is too long."""
    return f"must be no more than {limit} characters"


def range_error(low: int, high: int) -> str:
    """The message for a number outside its bounds."""
    return f"must be between {low} and {high}, inclusive"


def regex_error(words: str, pattern: str, *examples: str) -> str:
    """The message for a string of the wrong shape."""
    shown = "".join(f"{' or ' if i else ''}'{example}', " for i, example in enumerate(examples))
    return f"{words} ({'e.g. ' if examples else ''}{shown}regex used for validation is '{pattern}')"


def dns1123_label(value: str) -> list[str]:
    """Namespaces, containers, volumes: `my-name`."""
    errors = [max_length_error(LABEL_MAX_CHARS)] if len(value) > LABEL_MAX_CHARS else []
    if not _is_label(value):
        if _is_subdomain(value):
            errors.append("must not contain dots")
        else:
            errors.append(regex_error(_LABEL_WORDS, _LABEL, "my-name", "123-abc"))
    return errors


def dns1123_subdomain(value: str) -> list[str]:
    """Most objects: `example.com`."""
    errors = [max_length_error(SUBDOMAIN_MAX_CHARS)] if len(value) > SUBDOMAIN_MAX_CHARS else []
    if not _is_subdomain(value):
        errors.append(regex_error(_SUBDOMAIN_WORDS, _SUBDOMAIN, "example.com"))
    return errors


def loose_dns1123_subdomain(value: str) -> list[str]:
    """Domains that names are looked for in: labels may hold `_`, and begin with it."""
    errors = [max_length_error(SUBDOMAIN_MAX_CHARS)] if len(value) > SUBDOMAIN_MAX_CHARS else []
    if re.fullmatch(_LOOSE_SUBDOMAIN, value, re.ASCII) is None:
        errors.append(regex_error(_LOOSE_SUBDOMAIN_WORDS, _LOOSE_SUBDOMAIN, "example.com"))
    return errors


def wildcard_dns1123_subdomain(value: str) -> list[str]:
    """Ingress hosts: `*.example.com`."""
    errors = [max_length_error(SUBDOMAIN_MAX_CHARS)] if len(value) > SUBDOMAIN_MAX_CHARS else []
    if not _is_wildcard(value):
        errors.append(regex_error(_WILDCARD_WORDS, _WILDCARD, "*.example.com"))
    return errors


def dns1035_label(value: str) -> list[str]:
    """Services: a label that starts with a letter."""
    errors = [max_length_error(LABEL_MAX_CHARS)] if len(value) > LABEL_MAX_CHARS else []
    if not _is_dns1035(value):
        errors.append(regex_error(_DNS1035_WORDS, _DNS1035, "my-name", "abc-123"))
    return errors


def qualified_name(value: str) -> list[str]:
    """Label and annotation keys, finalizers, resource names: `[example.com/]MyName`."""
    prefix, slash, name = value.rpartition("/")
    shape = regex_error(_KEY_WORDS, _KEY_NAME, "MyName", "my.name", "123-abc")
    if "/" in prefix:
        return [
            f"a valid label key {shape} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        ]
    errors = []
    if slash:
        if not prefix:
            errors.append("prefix part must be non-empty")
        else:
            errors += [f"prefix part {message}" for message in _in_bytes(dns1123_subdomain(prefix))]
    if not name:
        errors.append("name part must be non-empty")
    elif len(name) > LABEL_MAX_CHARS:
        errors.append("name part must be no more than 63 bytes")
    if not _is_key_name(name):
        errors.append(f"name part {shape}")
    return errors


def label_value(value: str) -> list[str]:
    """Values of labels; may be empty."""
    errors = ["must be no more than 63 bytes"] if len(value) > LABEL_MAX_CHARS else []
    if not _is_value(value):
        errors.append(regex_error(_VALUE_WORDS, _VALUE, "MyValue", "my_value", "12345"))
    return errors


def annotation_key(value: str) -> list[str]:
    """A qualified name whose letters may be of any case in the prefix too."""
    return qualified_name(value.lower())


def finalizer(value: str) -> list[str]:
    """A finalizer's name, `example.com/cleanup`."""
    return qualified_name(value)


def path_segment_name(value: str) -> list[str]:
    """Roles, custom names: whatever may stand between two slashes of a URL."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return path_segment_prefix(value)


def path_segment_prefix(value: str) -> list[str]:
    """The same for a generateName, which a suffix follows."""
    return [f"may not contain '{part}'" for part in "/%" if part in value]


def env_var_name(value: str) -> list[str]:
    """`MY_ENV.NAME`, the strict rule (envFrom prefixes and Downward API files of old)."""
    errors = []
    if not _is_env_name(value):
        errors.append(regex_error(_ENV_WORDS, _ENV_NAME, "my.env-name", "MY_ENV.NAME", "MyEnvName1"))
    return errors + _parent_directory_errors(value)


def relaxed_env_var_name(value: str) -> list[str]:
    """What containers' env may be called since Kubernetes 1.34: any printable ASCII but `=`."""
    if not value:
        return ["environment variable name must be non-empty"]
    if all(" " <= char <= "~" and char != "=" for char in value):
        return []
    return [_RELAXED_ENV_WORDS]


def config_map_key(value: str) -> list[str]:
    """Keys of ConfigMaps and Secrets, which become file names."""
    errors = [max_length_error(SUBDOMAIN_MAX_CHARS)] if len(value) > SUBDOMAIN_MAX_CHARS else []
    if not _is_config_key(value):
        errors.append(regex_error(_CONFIG_KEY_WORDS, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return errors + _parent_directory_errors(value)


def port_name(value: str) -> list[str]:
    """IANA service names (RFC 6335 §5.1), lower case."""
    errors = [max_length_error(15)] if len(value) > 15 else []
    if not _is_port_charset(value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _has_letter(value):
        errors.append("must contain at least one letter (a-z)")
    if "--" in value:
        errors.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def port_number(value: int) -> list[str]:
    """1 to 65535."""
    return [] if 1 <= value <= 65535 else [range_error(1, 65535)]


def http_header_name(value: str) -> list[str]:
    """Names of probe headers."""
    return [] if _is_header_name(value) else [regex_error(_HEADER_WORDS, _HEADER_NAME, "X-Header-Name")]


def percent(value: str) -> list[str]:
    """`25%`."""
    return [] if _is_percent(value) else [regex_error(_PERCENT_WORDS, _PERCENT, "1%", "93%")]


def c_identifier(value: str) -> list[str]:
    """Names that shells and C accept for variables."""
    if _is_identifier(value):
        return []
    return [regex_error(_IDENTIFIER_WORDS, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName")]


def ip_address(value: str) -> list[str]:
    """IPv4 or IPv6 without leading zeros, zone or IPv4-in-IPv6 form."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
        if address.ipv4_mapped is not None:
            return ["must not be an IPv4-mapped IPv6 address"]
    return []


def ordinary_ip_address(value: str) -> list[str]:
    """An address of some machine, and of no other everywhere (kubernetes ValidateNonSpecialIP)."""
    address = ipaddress.ip_address(value)
    if address.is_unspecified:
        return [f"may not be unspecified ({address})"]
    if address.is_loopback:
        return ["may not be in the loopback range (127.0.0.0/8, ::1/128)"]
    if address.is_link_local:
        return ["may not be in the link-local range (169.254.0.0/16, fe80::/10)"]
    if any(address in network for network in _LINK_MULTICAST if network.version == address.version):
        return ["may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"]
    return []


def loose_cidr(value: str) -> list[str]:
    """A network as fields took it that are older than `cidr`: bits beyond the prefix length mean nothing."""
    words = ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return words
    return [] if "/" in value else words


def cidr(value: str) -> list[str]:
    """A network with no bits set beyond its prefix length."""
    address, slash, length = value.partition("/")
    words = ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
    if not slash or not length.isascii() or not length.isdigit() or ip_address(address):
        return words
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return words
    if length != str(int(length)):
        return ["must not have leading 0s in IP or prefix length"]
    try:
        ipaddress.ip_network(value)
    except ValueError:
        return ["must not have bits set beyond the prefix length"]
    return []


def absolute_path(value: str) -> list[str]:
    """A path that starts at the root."""
    return [] if value.startswith("/") else ["must be an absolute path"]


def relative_path(value: str) -> list[str]:
    """A path that neither starts at the root nor climbs out with `..` (volume items, subPath)."""
    errors = ["must be a relative path"] if value.startswith("/") else []
    if ".." in value.split("/"):
        errors.append("must not contain '..'")
    return errors


def http_path(value: str) -> list[str]:
    """The path of a domain-prefixed name (a CSR's signer, an IngressClass's controller)."""
    return [] if _is_http_path(value) else [regex_error("Invalid path", _HTTP_PATH)]


def without_trailing_dash(prefix: str) -> str:
    """A generateName made comparable with a whole name: its closing dash stands for what will follow."""
    return f"{prefix[:-2]}a" if len(prefix) > 1 and prefix.endswith("-") else prefix


def generated_name(prefix: str, random_numbers: Iterable[int]) -> str:
    """`prefix` (cut to 58 characters) and five characters chosen by five non-negative random numbers."""
    suffix = "".join(SAFE_ALPHABET[number % len(SAFE_ALPHABET)] for number in random_numbers)
    return prefix[:GENERATE_NAME_MAX_CHARS] + suffix


def safe_encoded(text: str) -> str:
    """A hash spelled in SAFE_ALPHABET, as in names of ReplicaSets."""
    return "".join(SAFE_ALPHABET[ord(char) % len(SAFE_ALPHABET)] for char in text)


def _parent_directory_errors(value: str) -> list[str]:
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []


def _in_bytes(messages: list[str]) -> list[str]:
    """Newer rules of Kubernetes count bytes where older ones count characters."""
    return [
        message.replace(" characters", " bytes") if message.startswith("must be no more") else message
        for message in messages
    ]
