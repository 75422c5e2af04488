"""What cel-go's type checker says of expressions, in its words and at its places."""

import pytest

from pikube.api.cel import FUNCTIONS, KNOWN
from pikube.api.cel_authorizer import STEPS
from pikube.api.cel_check import check
from pikube.api.cel_signatures import signatures
from pikube.api.cel_syntax import SyntaxUnknown
from pikube.api.cel_types import BOOL, DYN, INT, STRING, CelType, list_of, map_of, object_type

SPEC = object_type("Web.spec", {"replicas": INT, "paused": BOOL, "labels": map_of(STRING, STRING)})
VARIABLES = {
    "object": object_type("Web", {"spec": SPEC, "names": list_of(STRING), "any": DYN}),
    "authorizer": CelType("kubernetes.authorization.Authorizer"),
    "authorizer.requestResource": CelType("kubernetes.authorization.ResourceCheck"),
}

RIGHT = {
    "object.spec.replicas > 1 && object.spec.replicas < 1.5": "bool",
    "object.names.all(n, n.startsWith('a') && size(n) > 1)": "bool",
    "object.spec.labels.app == 'x' || 'x' in object.spec.labels || object.spec.labels['a'] == ''": "bool",
    "object.spec.labels.exists(key, key.contains('a')) && object.names == []": "bool",
    "has(object.spec.replicas) && object != null": "bool",
    "object.any.whatever[3].is('fine') == 1 || true": "",
    "object.any.whatever[3] == 1 && object.any > 3 && object.any.all(x, x.y)": "bool",
    "object.names.map(n, n + '!').filter(n, n.size() > 2)": "list(string)",
    "object.names.map(n, n != '', size(n))": "list(int)",
    "{'a': 1}.map(k, k + 'a')": "list(string)",
    "object.?spec.?replicas.orValue(1) + 2": "int",
    "object.?spec.replicas.optMap(r, string(r)).orValue('none')": "string",
    "[1, 2].sum() + [[1], [2, 3]][1].size()": "int",
    "sets.contains(object.names, ['a']) ? 'yes' : 'no'": "string",
    "authorizer.requestResource.check('get').allowed()": "bool",
    "authorizer.group('').resource('pods').namespace('a').check('get').allowed()": "bool",
    "duration('1h') + timestamp('2026-01-01T00:00:00Z') > timestamp(0)": "bool",
    "quantity('1Gi').isGreaterThan(quantity('1Mi')) && ip('::1').isLoopback()": "bool",
    "type(object) == type(1) || type(1) == int": "bool",
    "-object.spec.replicas - -1": "int",
    "!format.dns1123Label().validate('a').hasValue()": "",
    r"r'\d' + 'it\'s' + '''a'b''' // said": "string",
}


@pytest.mark.parametrize("text", [text for text, kind in RIGHT.items() if kind])
def test_what_fits_has_a_type(text):
    checked = check(text, VARIABLES)
    assert (checked.errors, str(checked.kind)) == ("", RIGHT[text])


WRONG = [
    ("object.replicas > 1", 7, "undefined field 'replicas'"),
    ("has(object.spec.missing)", 4, "undefined field 'missing'"),
    ("object.spec.replicas == '1'", 22, "found no matching overload for '_==_' applied to '(int, string)'"),
    ("object.spec.replicas != null", 22, "found no matching overload for '_!=_' applied to '(int, null)'"),
    ("object.spec == 1", 13, "found no matching overload for '_==_' applied to '(Web.spec, int)'"),
    ("1 in object.names", 3, "found no matching overload for '@in' applied to '(int, list(string))'"),
    ("object.names[0].first", 16, "type 'string' does not support field selection"),
    ("''.matches(1)", 11, "found no matching overload for 'matches' applied to 'string.(int)'"),
    ("object.names.exists(n, n)", 20, "found no matching overload for '_||_' applied to '(bool, string)'"),
    ("object.names.all(n, 1)", 17, "found no matching overload for '_&&_' applied to '(bool, int)'"),
    ("true ? 1 : 'a'", 6, "found no matching overload for '_?_:_' applied to '(bool, int, string)'"),
    ("[1, 'a'].size()", 5, "expected type 'int' but found 'string'"),
    ("size(missing)", 6, "undeclared reference to 'missing' (in container '')"),
    ("missing()", 8, "undeclared reference to 'missing' (in container '')"),
    ("object.names.missing()", 21, "undeclared reference to 'missing' (in container '')"),
    (
        "object.spec.replicas.all(x, true)",
        12,
        "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
    ),
    (
        "authorizer.allowed()",
        19,
        "found no matching overload for 'allowed' applied to 'kubernetes.authorization.Authorizer.()'",
    ),
]


@pytest.mark.parametrize(("text", "column", "words"), WRONG)
def test_what_does_not_fit_is_said_as_cel_go_says_it(text, column, words):
    place = "." * (column - 1) + "^"
    assert check(text, VARIABLES).errors == f"ERROR: <input>:1:{column}: {words}\n | {text}\n | {place}"


def test_every_error_is_told_where_it_stands():
    text = "object.names\n  .filter(n, n > 1)\n  .size() == 'a' || object.no"
    assert check(text, VARIABLES).errors == (
        "ERROR: <input>:2:16: found no matching overload for '_>_' applied to '(string, int)'\n"
        " |   .filter(n, n > 1)\n | ...............^\n"
        "ERROR: <input>:3:11: found no matching overload for '_==_' applied to '(int, string)'\n"
        " |   .size() == 'a' || object.no\n | ..........^\n"
        "ERROR: <input>:3:27: undefined field 'no'\n"
        " |   .size() == 'a' || object.no\n | ..........................^"
    )


def test_what_follows_from_an_error_is_none_itself():
    checked = check("object.no.deeper.all(x, x > 1) && object.no + 1 == 'a'.size()", VARIABLES)
    assert checked.errors.count("ERROR") == 2
    assert checked.errors.count("undefined field 'no'") == 2


def test_a_long_list_of_errors_is_cut():
    text = " + ".join(["no"] * 103)
    assert check(text, VARIABLES).errors.endswith("\n3 more errors were truncated")


@pytest.mark.parametrize(
    "text",
    ["", "a b", "(1", "'a", "a.1", "[1", "has(1)", "#", "1 +", "{1}", "(" * 300 + "1", "a" + ".a" * 2000],
)
def test_what_is_no_expression_is_no_type_error(text):
    with pytest.raises(SyntaxUnknown):
        check(text, VARIABLES)


def test_every_function_that_is_evaluated_has_a_type():
    """What has none would be refused in policies."""
    ours = ("sets_", "jsonpatch_", "optional")  # words of cel_words
    known = {name.rpartition(".")[2] for name in signatures()}
    named = {name for name in FUNCTIONS if not name.startswith(ours)}
    assert (KNOWN | named | set(STEPS)) - known == set()


MAKING = {**VARIABLES, "@made": DYN}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Object{spec: Object.spec{replicas: object.spec.replicas + 1}}", "Object"),
        ("Object.metadata{?labels: object.?any.?labels, ?x: optional.of(1)}", "Object.metadata"),
        ('[JSONPatch{op: "add", path: "/a", value: [1]}]', "list(JSONPatch)"),
        ("[1, ?optional.of(2)]", "list(int)"),
        ("[1, ?object.any]", "list(dyn)"),
        ("{'a': 1, ?'b': object.?spec.?replicas}", "map(string, int)"),
        ("has(object.any) ? Object{} : object.any", "dyn"),
    ],
)
def test_what_is_made_has_a_type(text, kind):
    checked = check(text, MAKING)
    assert (checked.errors, str(checked.kind)) == ("", kind)


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("[1, ?2]", 6, "expected type 'optional_type(int)' but found 'int'"),
        ("[1, ?optional.of('a')]", 17, "expected type 'int' but found 'string'"),
        ("{?'a': 1}", 8, "expected type 'optional_type(int)' but found 'int'"),
        (
            'JSONPatch{op: 1, path: ""}',
            13,
            "expected type of field 'op' is 'string' but provided type is 'int'",
        ),
        ('JSONPatch{opp: ""}', 14, "undefined field 'opp'"),
        ("Thing{}", 6, "undeclared reference to 'Thing' (in container '')"),
        ("cel.bind(x, 1, x)", 1, "undeclared reference to 'cel' (in container '')"),
    ],
)
def test_what_is_made_wrongly_is_said(text, column, words):
    errors = check(text, MAKING).errors
    assert errors.startswith(f"ERROR: <input>:1:{column}: {words}\n")


def test_nothing_is_made_where_nothing_may_be():
    assert "undeclared reference to 'Object'" in check("Object{a: 1}", VARIABLES).errors
