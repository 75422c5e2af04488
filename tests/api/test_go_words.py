"""What is said of texts that nobody can read is what Go says (each line was compared with Go 1.26)."""

import pytest
import yaml

from pikube.api.go_words import base64_problem, json_words, time_problem, yaml_words

JSON = {
    b"": "unexpected end of JSON input",
    b"{": "unexpected end of JSON input",
    b'{"a":': "unexpected end of JSON input",
    b'"a': "unexpected end of JSON input",
    b"{bad": "invalid character 'b' looking for beginning of object key string",
    b'{"a":1,}': "invalid character '}' looking for beginning of object key string",
    b'{"a" 1}': "invalid character '1' after object key",
    b'{"a":1 "b"': "invalid character '\"' after object key:value pair",
    b'{"a":{"b":[1,{"c":2 3}]}}': "invalid character '3' after object key:value pair",
    b"[1 2]": "invalid character '2' after array element",
    b"[1,,2]": "invalid character ',' looking for beginning of value",
    b"{}x": "invalid character 'x' after top-level value",
    b"'a'": "invalid character '\\'' looking for beginning of value",
    b"NaN": "invalid character 'N' looking for beginning of value",
    b"tru": "invalid character ' ' in literal true (expecting 'e')",
    b"nulx": "invalid character 'x' in literal null (expecting 'l')",
    b"-x": "invalid character 'x' in numeric literal",
    b'"a\n"': "invalid character '\\n' in string literal",
    b'"\\q"': "invalid character 'q' in string escape code",
    b'"\\u12g4"': "invalid character 'g' in \\u hexadecimal character escape",
    b"[" * 30_000: "invalid character '[' exceeded max depth",
}
TIMES = {
    "2026-01-01T00:00:00Z": "",
    "2026-01-01T00:00:00.5+01:00": "",
    "yesterday": 'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    "2026-01-01": 'parsing time "2026-01-01" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"',
    "2026-13-01T00:00:00Z": 'parsing time "2026-13-01T00:00:00Z": month out of range',
    "2026-02-30T00:00:00Z": 'parsing time "2026-02-30T00:00:00Z": day out of range',
    "2026-01-01T25:00:00Z": 'parsing time "2026-01-01T25:00:00Z": hour out of range',
    "2026-01-01T00:00:00Zx": 'parsing time "2026-01-01T00:00:00Zx": extra text: "x"',
}
BASE64 = {
    "AAAA": "",
    "AA==": "",
    "A\nAAA": "",
    "!!": 0,
    "AAA": 0,
    "AAAAA": 4,
    "AB!D": 2,
    "AA=": 3,
    "AAAA=": 4,
}


@pytest.mark.parametrize("body", JSON, ids=lambda body: body[:12].decode())
def test_json(body):
    assert json_words(body) == JSON[body]


@pytest.mark.parametrize("text", TIMES)
def test_times(text):
    assert time_problem(text) == TIMES[text]


@pytest.mark.parametrize("text", BASE64)
def test_base64(text):
    at = BASE64[text]
    assert base64_problem(text) == ("" if at == "" else f"illegal base64 data at input byte {at}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: b\n- x", "yaml: line 1: did not find expected key"),
        ("a: [", "yaml: line 1: did not find expected node content"),
        ("{bad", "yaml: line 1: did not find expected ',' or '}'"),
        ("x: y\nz: 'abc\n", "yaml: line 3: found unexpected end of stream"),
        ("a: b: c", "yaml: mapping values are not allowed in this context"),
        ("a: b\nc: d: e", "yaml: line 2: mapping values are not allowed in this context"),
        ("a: b\nc:\n\t- d", "yaml: line 3: found character that cannot start any token"),
        ('a: "\\q"\n', "yaml: found unknown escape character"),
    ],
)
def test_yaml(text, words):
    with pytest.raises(yaml.YAMLError) as raised:
        yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    assert yaml_words(raised.value) == words
