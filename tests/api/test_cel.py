"""Expressions as Kubernetes writes them: its functions, its escapes, its complaints."""

import pytest

from pikube.api.cel import CelError, CelUnsupported, compile_expression, escaped
from pikube.api.custom.rules import typed

HOLDS = [
    "self.name.split('-')[0] == 'a'",
    "self.name.indexOf('b') == 2 && self.name.upperAscii() == 'A-B'",
    "['x', 'y'].join(',') == 'x,y' && [1, 2, 3].sum() == 6 && [1, 2].isSorted()",
    "quantity(self.size).isGreaterThan(quantity('1Mi')) && isQuantity('3') && !isQuantity('x')",
    "url('https://a.example:8080/x').getHost() == 'a.example:8080' && isURL('/x')",
    "isIP('10.0.0.1') && !isCIDR('10.0.0.1') && containsIP(cidr('10.0.0.0/8'), '10.1.1.1')",
    "'%s has %d'.format(['it', 3]) == 'it has 3'",
    "self.name.find('[a-z]+') == 'a' && self.name.findAll('[a-z]').size() == 2",
    "has(self.__namespace__) && self.__namespace__ == 'n'",
    "self.list.all(x, x > 0) && self.list.exists_one(x, x == 2) && self.list.map(x, x * 2) == [2, 4]",
    "duration('90s') > duration('1m') && timestamp('2026-01-01T00:00:00Z') < timestamp('2027-01-01T00:00:00Z')",
    "!has(self.missing) || self.missing",
    "timestamp('2026-01-02T03:04:05Z').getFullYear() == 2026 && duration('90s').getSeconds() == 90",
    "type(1) == int && bool('true') && string(1) == '1' && double('1.5') > 1.0 && dyn(1) == 1",
    "self.?name.orValue('x') == 'a-b' && self.?missing.orValue('x') == 'x'",
    "self.?missing.?deeper.orValue([1, 2]).size() == 2 && !self.?missing.deeper.hasValue()",
    "self[?'name'].hasValue() && self.?labels['a/b'].orValue('none') == 'none'",
    "self.list.all(x, self.?least.orValue(0) < x)",
    "self.?missing.or(self.?name).value() == 'a-b' && !optional.none().hasValue()",
    "self.?name.optMap(n, n + '!').hasValue() && !self.?missing.optMap(n, n + '!').hasValue()",
    "optional.of(self.size).orValue('') == '1Gi' && !optional.ofNonZeroValue('').hasValue()",
]
SELF = {"name": "a-b", "size": "1Gi", "namespace": "n", "list": [1, 2]}


@pytest.mark.parametrize("text", HOLDS)
def test_expressions_hold(text):
    assert compile_expression(text).holds({"self": SELF})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("self.missing", "no such key: missing"),
        ("self.?missing.value()", r"optional.none\(\) dereference"),
        ("self.name", "must evaluate to bool"),
        ("self.list < 'a'", "No such overload"),
    ],
)
def test_what_fails_says_why(text, words):
    with pytest.raises(CelError, match=words):
        compile_expression(text).holds({"self": SELF})


@pytest.mark.parametrize(
    "text",
    [
        "[?self.?name]",
        "optional.of(1).optMap(x, x)",
        "self. ++",
        "(",
        "foo(1)",
        "math.abs(1)",
        "'a'.reverse()",
    ],
)
def test_what_cannot_be_read_is_told_apart(text):
    with pytest.raises(CelUnsupported):
        compile_expression(text)


def test_members_with_odd_names_are_escaped():
    assert escaped("foo-bar.baz/x__y") == "foo__dash__bar__dot__baz__slash__x__underscores__y"
    assert (escaped("plain"), escaped("in")) == ("plain", "__in__")
    schema = {"properties": {"foo-bar": {"type": "integer"}}, "type": "object"}
    variables = {"self": typed({"foo-bar": 3}, schema)}
    assert compile_expression("self.foo__dash__bar == 3").holds(variables)
