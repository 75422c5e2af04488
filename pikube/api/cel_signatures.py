"""Declaration: the functions of CEL and of Kubernetes, with the types that they take and give.

Enter: nothing. Leaves: SIGNATURES by name. Called by `cel_check`. What stands before `::` is what a method is called
on; a capital letter is any type, the same one wherever it stands in a line.
Source: the CEL specification (doc/langdef.md), kubernetes apiserver pkg/cel/library and pkg/cel/environment/base.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pikube.api.cel_types import CelType, read_type, read_types

AUTHORIZER = "kubernetes.authorization.Authorizer"
RESOURCE_CHECK = "kubernetes.authorization.ResourceCheck"


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call a function; of a method, the first argument is what it is called on."""

    args: tuple[CelType, ...]
    result: CelType
    is_method: bool


_OPERATORS = """
_?_:_(bool, A, A) -> A
_&&_(bool, bool) -> bool
_||_(bool, bool) -> bool
!_(bool) -> bool
_==_(A, A) -> bool
_!=_(A, A) -> bool
@in(A, list(A)) -> bool
@in(A, map(A, B)) -> bool
_[_](list(A), int) -> A
_[_](map(A, B), A) -> B
_[_](optional_type(list(A)), int) -> optional_type(A)
_[_](optional_type(map(A, B)), A) -> optional_type(B)
_[?_](list(A), int) -> optional_type(A)
_[?_](map(A, B), A) -> optional_type(B)
_[?_](optional_type(list(A)), int) -> optional_type(A)
_[?_](optional_type(map(A, B)), A) -> optional_type(B)
-_(int) -> int
-_(double) -> double
_+_(bytes, bytes) -> bytes
_+_(string, string) -> string
_+_(list(A), list(A)) -> list(A)
_+_(duration, duration) -> duration
_+_(duration, timestamp) -> timestamp
_+_(timestamp, duration) -> timestamp
_-_(duration, duration) -> duration
_-_(timestamp, timestamp) -> duration
_-_(timestamp, duration) -> timestamp
_%_(int, int) -> int
_%_(uint, uint) -> uint
"""
_CONVERSIONS = """
bool(bool) -> bool
bool(string) -> bool
bytes(bytes) -> bytes
bytes(string) -> bytes
double(double) -> double
double(int) -> double
double(string) -> double
double(uint) -> double
duration(duration) -> duration
duration(int) -> duration
duration(string) -> duration
dyn(A) -> dyn
int(int) -> int
int(double) -> int
int(duration) -> int
int(string) -> int
int(timestamp) -> int
int(uint) -> int
string(string) -> string
string(bool) -> string
string(bytes) -> string
string(double) -> string
string(duration) -> string
string(int) -> string
string(timestamp) -> string
string(uint) -> string
string(net.IP) -> string
string(net.CIDR) -> string
timestamp(timestamp) -> timestamp
timestamp(int) -> timestamp
timestamp(string) -> timestamp
type(A) -> type(A)
uint(uint) -> uint
uint(double) -> uint
uint(int) -> uint
uint(string) -> uint
"""
_STANDARD = """
size(string) -> int
size(bytes) -> int
size(list(A)) -> int
size(map(A, B)) -> int
string::size() -> int
bytes::size() -> int
list(A)::size() -> int
map(A, B)::size() -> int
string::contains(string) -> bool
string::startsWith(string) -> bool
string::endsWith(string) -> bool
string::matches(string) -> bool
matches(string, string) -> bool
duration::getHours() -> int
duration::getMinutes() -> int
duration::getSeconds() -> int
duration::getMilliseconds() -> int
"""
_TIME_PARTS = (
    "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours", "getMilliseconds",
    "getMinutes", "getMonth", "getSeconds",
)  # fmt: skip
_STRINGS = """
string::charAt(int) -> string
string::format(list(dyn)) -> string
string::indexOf(string) -> int
string::indexOf(string, int) -> int
list(string)::join() -> string
list(string)::join(string) -> string
string::lastIndexOf(string) -> int
string::lastIndexOf(string, int) -> int
string::lowerAscii() -> string
string::upperAscii() -> string
string::replace(string, string) -> string
string::replace(string, string, int) -> string
string::split(string) -> list(string)
string::split(string, int) -> list(string)
string::substring(int) -> string
string::substring(int, int) -> string
string::trim() -> string
strings.quote(string) -> string
string::find(string) -> string
string::findAll(string) -> list(string)
string::findAll(string, int) -> list(string)
"""
_OPTIONALS = """
optional.of(A) -> optional_type(A)
optional.ofNonZeroValue(A) -> optional_type(A)
optional.none() -> optional_type(A)
optional_type(A)::value() -> A
optional_type(A)::hasValue() -> bool
optional_type(A)::or(optional_type(A)) -> optional_type(A)
optional_type(A)::orValue(A) -> A
"""
_LISTS = """
list(A)::indexOf(A) -> int
list(A)::lastIndexOf(A) -> int
jsonpatch.escapeKey(string) -> string
sets.contains(list(A), list(A)) -> bool
sets.equivalent(list(A), list(A)) -> bool
sets.intersects(list(A), list(A)) -> bool
"""
_KUBERNETES = """
url(string) -> kubernetes.URL
isURL(string) -> bool
kubernetes.URL::getScheme() -> string
kubernetes.URL::getHost() -> string
kubernetes.URL::getHostname() -> string
kubernetes.URL::getPort() -> string
kubernetes.URL::getEscapedPath() -> string
kubernetes.URL::getQuery() -> map(string, list(string))
ip(string) -> net.IP
isIP(string) -> bool
ip.isCanonical(string) -> bool
net.IP::family() -> int
net.IP::isUnspecified() -> bool
net.IP::isLoopback() -> bool
net.IP::isLinkLocalMulticast() -> bool
net.IP::isLinkLocalUnicast() -> bool
net.IP::isGlobalUnicast() -> bool
cidr(string) -> net.CIDR
isCIDR(string) -> bool
net.CIDR::containsIP(string) -> bool
net.CIDR::containsIP(net.IP) -> bool
net.CIDR::containsCIDR(string) -> bool
net.CIDR::containsCIDR(net.CIDR) -> bool
net.CIDR::ip() -> net.IP
net.CIDR::prefixLength() -> int
net.CIDR::masked() -> net.CIDR
quantity(string) -> kubernetes.Quantity
isQuantity(string) -> bool
kubernetes.Quantity::sign() -> int
kubernetes.Quantity::isGreaterThan(kubernetes.Quantity) -> bool
kubernetes.Quantity::isLessThan(kubernetes.Quantity) -> bool
kubernetes.Quantity::compareTo(kubernetes.Quantity) -> int
kubernetes.Quantity::asApproximateFloat() -> double
kubernetes.Quantity::asInteger() -> int
kubernetes.Quantity::isInteger() -> bool
kubernetes.Quantity::add(kubernetes.Quantity) -> kubernetes.Quantity
kubernetes.Quantity::add(int) -> kubernetes.Quantity
kubernetes.Quantity::sub(kubernetes.Quantity) -> kubernetes.Quantity
kubernetes.Quantity::sub(int) -> kubernetes.Quantity
semver(string) -> kubernetes.Semver
semver(string, bool) -> kubernetes.Semver
isSemver(string) -> bool
isSemver(string, bool) -> bool
kubernetes.Semver::isGreaterThan(kubernetes.Semver) -> bool
kubernetes.Semver::isLessThan(kubernetes.Semver) -> bool
kubernetes.Semver::compareTo(kubernetes.Semver) -> int
kubernetes.Semver::major() -> int
kubernetes.Semver::minor() -> int
kubernetes.Semver::patch() -> int
format.named(string) -> optional_type(kubernetes.NamedFormat)
kubernetes.NamedFormat::validate(string) -> optional_type(list(string))
"""
_FORMATS = (
    "dns1123Label", "dns1123Subdomain", "dns1035Label", "qualifiedName", "dns1123LabelPrefix",
    "dns1123SubdomainPrefix", "dns1035LabelPrefix", "labelValue", "uri", "uuid", "byte", "date", "datetime",
)  # fmt: skip
_AUTHORIZER = """
Authorizer::path(string) -> PathCheck
PathCheck::check(string) -> Decision
Authorizer::group(string) -> GroupCheck
Authorizer::serviceAccount(string, string) -> Authorizer
GroupCheck::resource(string) -> ResourceCheck
ResourceCheck::subresource(string) -> ResourceCheck
ResourceCheck::namespace(string) -> ResourceCheck
ResourceCheck::name(string) -> ResourceCheck
ResourceCheck::fieldSelector(string) -> ResourceCheck
ResourceCheck::labelSelector(string) -> ResourceCheck
ResourceCheck::check(string) -> Decision
Decision::errored() -> bool
Decision::error() -> string
Decision::allowed() -> bool
Decision::reason() -> string
"""
_AUTHORIZER_TYPES = ("Authorizer", "PathCheck", "GroupCheck", "ResourceCheck", "Decision")
_NUMBERS = ("int", "uint", "double")
_ORDERED = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")


def _lines() -> list[str]:
    texts = (
        _OPERATORS,
        _CONVERSIONS,
        _STANDARD,
        _STRINGS,
        _OPTIONALS,
        _LISTS,
        _KUBERNETES,
        _authorizer_lines(),
    )
    lines = [line for text in texts for line in text.split("\n") if line]
    lines += [f"_{sign}_({kind}, {kind}) -> {kind}" for sign in "+-*/" for kind in _NUMBERS]
    for sign in ("<", "<=", ">", ">="):
        lines += [f"_{sign}_({kind}, {kind}) -> bool" for kind in _ORDERED]
        lines += [f"_{sign}_({one}, {two}) -> bool" for one in _NUMBERS for two in _NUMBERS if one != two]
    for name in _TIME_PARTS:
        lines += [f"timestamp::{name}() -> int", f"timestamp::{name}(string) -> int"]
    for kind in _ORDERED:
        lines += [f"list({kind})::isSorted() -> bool", f"list({kind})::min() -> {kind}"]
        lines.append(f"list({kind})::max() -> {kind}")
    lines += [f"list({kind})::sum() -> {kind}" for kind in (*_NUMBERS, "duration")]
    lines += [f"format.{name}() -> kubernetes.NamedFormat" for name in _FORMATS]
    return lines


def _authorizer_lines() -> str:
    text = _AUTHORIZER
    for name in _AUTHORIZER_TYPES:
        text = text.replace(f"{name}::", f"kubernetes.authorization.{name}::")
        text = text.replace(f"-> {name}\n", f"-> kubernetes.authorization.{name}\n")
    return text


@cache
def signatures() -> dict[str, tuple[Signature, ...]]:
    """Every signature by the function's name, `_==_` and `@in` for operators. Read when first asked for."""
    found: dict[str, list[Signature]] = {}
    for line in _lines():
        head, _, result = line.partition(" -> ")
        receiver, method, call = head.rpartition("::")
        name, _, args = call.partition("(")
        kinds = read_types(args.removesuffix(")"))
        if method:
            kinds = (read_type(receiver), *kinds)
        found.setdefault(name, []).append(Signature(kinds, read_type(result), bool(method)))
    return {name: tuple(lines) for name, lines in found.items()}
