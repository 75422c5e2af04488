"""Field selectors: syntax, escapes, meaning, and kubernetes' words for bad ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.errors import BadRequest
from pikube.api.field_selector import EVERY_FIELD, FieldRequirement, FieldSelector, parse_field_selector

KNOWN = ("metadata.name", "metadata.namespace", "status.phase", "spec.nodeName")


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("metadata.name=web", True),
        ("metadata.name==web", True),
        ("metadata.name!=web", False),
        ("status.phase!=Running", True),
        ("spec.nodeName=", True),
        ("spec.nodeName!=", False),
        ("metadata.name=web,status.phase=Pending", True),
        ("metadata.name=web,status.phase=Running,", False),
    ],
)
def test_selectors_match_as_they_say(text, matches):
    fields = {"metadata.name": "web", "status.phase": "Pending"}
    assert parse_field_selector(text, KNOWN).matches(fields) is matches


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        (r"metadata.name=a\x", r"invalid field selector: invalid escape sequence: \x"),
        ("metadata.name=a\\", "invalid field selector: invalid escape sequence: \\"),
        ("metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
        ("spec.foo=1", "field label not supported: spec.foo"),
    ],
)
def test_bad_syntax_is_explained_as_kubernetes_does(text, words):
    with pytest.raises(BadRequest) as caught:
        parse_field_selector(text, KNOWN)
    assert caught.value.message == words


def test_kinds_without_fields_of_their_own_name_the_two_they_have():
    with pytest.raises(BadRequest) as caught:
        parse_field_selector("spec.foo=1")
    expected = '"spec.foo" is not a known field selector: only "metadata.name", "metadata.namespace"'
    assert caught.value.message == expected


def test_escaped_commas_equals_and_backslashes_belong_to_the_value():
    selector = parse_field_selector(r"metadata.name=a\,b\=c\\d", KNOWN)
    assert selector.exact("metadata.name") == r"a,b=c\d"
    assert str(selector) == r"metadata.name=a\,b\=c\\d"


def test_a_selector_knows_its_fields_and_exact_values():
    selector = parse_field_selector("status.phase!=Failed,spec.nodeName=n1", KNOWN)
    assert selector.fields == ("spec.nodeName", "status.phase")
    assert selector.exact("spec.nodeName") == "n1"
    assert selector.exact("status.phase") is None
    assert not selector.empty
    assert EVERY_FIELD.empty


@given(st.lists(st.builds(FieldRequirement, st.sampled_from(KNOWN), st.booleans(), st.text(max_size=6))))
def test_what_a_selector_prints_parses_to_the_same_requirements(requirements):
    selector = FieldSelector(requirements)
    again = parse_field_selector(str(selector), KNOWN)
    assert sorted(again.requirements) == sorted(requirements)


@given(st.text(max_size=30))
def test_any_text_either_parses_or_is_a_bad_request(text):
    try:
        parse_field_selector(text, KNOWN)
    except BadRequest as error:
        assert error.message
