"""Label selectors: syntax, meaning, and kubernetes' words for bad ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.errors import BadRequest
from pikube.api.kinds.meta import LabelSelector as Struct
from pikube.api.kinds.meta import LabelSelectorRequirement
from pikube.api.selector import (
    EVERYTHING,
    NOTHING,
    LabelSelector,
    Requirement,
    from_label_selector,
    from_map,
    from_node_requirements,
    parse_label_selector,
)

LABELS = {"app": "web", "tier": "front", "size": "5"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app=db", False),
        ("app!=db", True),
        ("app!=web", False),
        ("missing!=x", True),
        ("app", True),
        ("!app", False),
        ("!missing", True),
        ("app in (web,db)", True),
        ("app in (db)", False),
        ("app notin (db)", True),
        ("missing notin (db)", True),
        ("missing in (db)", False),
        ("app=web,tier=back", False),
        (" app = web , tier in ( front , back ) ", True),
        ("size>4", True),
        ("size<5", False),
        ("app>4", False),
        ("app=", False),
        ("missing in ()", False),
    ],
)
def test_selectors_match_as_they_say(text, matches):
    assert parse_label_selector(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("b=1,a=2", "a=2,b=1"),
        ("x in (c,a,b,a)", "x in (a,b,c)"),
        ("x in (,a)", "x in (,a)"),
        ("x notin()", "x notin ()"),
        ("!x,y==z,w!=v", "w!=v,!x,y==z"),
        ("x in (in,notin)", "x in (in,notin)"),
    ],
)
def test_selectors_print_in_a_fixed_order(text, printed):
    assert str(parse_label_selector(text)) == printed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("=x", "found '=', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a===b", "unable to parse requirement: found '=', expected: identifier"),
        (
            "a>x",
            'unable to parse requirement: values[0]: Invalid value: "x": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ],
)
def test_bad_syntax_is_explained_as_kubernetes_does(text, words):
    with pytest.raises(BadRequest) as caught:
        parse_label_selector(text)
    assert caught.value.message == words


def test_a_bad_key_and_a_bad_value_say_where_they_stand():
    with pytest.raises(
        BadRequest, match=r'^unable to parse requirement: <nil>: Invalid value: "a_": name part'
    ):
        parse_label_selector("a_=b")
    with pytest.raises(
        BadRequest, match=r'^unable to parse requirement: values\[0\]\[a\]: Invalid value: "b_"'
    ):
        parse_label_selector("a=b_")


def test_the_exact_value_of_a_label_is_known_for_indexes():
    selector = parse_label_selector("a=1,b in (2),c in (3,4),d!=5")
    assert [selector.exact(key) for key in "abcd"] == ["1", "2", None, None]


def test_a_missing_selector_matches_nothing_and_an_empty_one_everything():
    assert from_label_selector(None) == NOTHING
    assert not NOTHING.matches({})
    assert not NOTHING.empty
    assert from_label_selector({}).matches({})
    assert from_label_selector(Struct()) == EVERYTHING
    assert EVERYTHING.empty


def test_structs_and_decoded_selectors_compile_alike():
    struct = Struct(
        match_labels={"app": "web"},
        match_expressions=(
            LabelSelectorRequirement(key="tier", operator="NotIn", values=("back",)),
            LabelSelectorRequirement(key="x", operator="DoesNotExist"),
        ),
    )
    decoded = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "NotIn", "values": ["back"]},
            {"key": "x", "operator": "DoesNotExist"},
        ],
    }
    assert from_label_selector(struct) == from_label_selector(decoded)
    assert str(from_label_selector(struct)) == "app=web,tier notin (back),!x"
    assert from_label_selector(struct).matches(LABELS)


def test_unknown_operators_and_empty_sets_are_refused():
    with pytest.raises(BadRequest, match='"Gt" is not a valid label selector operator'):
        from_label_selector({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]})
    with pytest.raises(BadRequest, match="values set can't be empty"):
        from_label_selector({"matchExpressions": [{"key": "a", "operator": "In"}]})


def test_node_selectors_compare_numbers():
    selector = from_node_requirements([{"key": "size", "operator": "Gt", "values": ["4"]}])
    assert selector.matches(LABELS)
    assert not selector.matches({"size": "4"})
    assert not selector.matches({"size": "big"})


def test_the_selector_of_a_service_needs_every_pair():
    assert from_map({"app": "web"}).matches(LABELS)
    assert not from_map({"app": "web", "x": "y"}).matches(LABELS)


words = st.from_regex(r"\A[a-z]([a-z0-9.]{0,4}[a-z0-9])?\Z").filter(lambda word: word not in ("in", "notin"))
requirements = st.one_of(
    st.builds(lambda k, o, v: Requirement(k, o, (v,)), words, st.sampled_from(["=", "==", "!="]), words),
    st.builds(
        lambda k, o, v: Requirement(k, o, tuple(sorted(v))),
        words,
        st.sampled_from(["in", "notin"]),
        st.sets(words, min_size=1, max_size=3),
    ),
    st.builds(lambda k, o: Requirement(k, o, ()), words, st.sampled_from(["exists", "!"])),
)
selectors = st.builds(LabelSelector, st.lists(requirements, max_size=4))


@given(selectors)
def test_what_a_selector_prints_parses_to_the_same_selector(selector):
    assert parse_label_selector(str(selector)) == selector


@given(selectors, selectors, st.dictionaries(words, words, max_size=4))
def test_two_selectors_together_match_what_both_match(left, right, labels):
    both = LabelSelector(left.requirements + right.requirements)
    assert both.matches(labels) == (left.matches(labels) and right.matches(labels))


@given(st.text(max_size=30))
def test_any_text_either_parses_or_is_a_bad_request(text):
    try:
        parse_label_selector(text)
    except BadRequest as error:
        assert error.message
